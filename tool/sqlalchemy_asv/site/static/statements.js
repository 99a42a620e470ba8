"use strict";

$(document).ready(function () {
    var display = $('<div id="statements-display" class="container-fluid"/>')
        .hide().appendTo("body");

    // asv hides its own pages when another is shown, and knows nothing of this one.
    $(window).on("hashchange", function () { display.hide(); });

    /* Texts of either side, as [text, times before, times after], in the order of the later one. */
    function difference(before, after) {
        var was = new Map(before), now = new Map(after);
        return Array.from(new Set(Array.from(now.keys()).concat(Array.from(was.keys())))).map(function (text) {
            return [text, was.get(text) || 0, now.get(text) || 0];
        });
    }

    function statement(texts, item) {
        var before = item[1], after = item[2];
        var style = before === after ? "" : after > before ? "danger" : "success";
        var times = before === after ? after + "x" : before + "x → " + after + "x";
        return $("<tr/>").addClass(style).append(
            $("<td/>").css("white-space", "nowrap").text(times),
            $("<td/>").append($("<pre/>").css({
                "white-space": "pre-wrap", "margin": 0, "background": "none", "border": 0
            }).text(texts[item[0]]))
        );
    }

    function total(items, index) {
        return items.reduce(function (sum, item) { return sum + item[index]; }, 0);
    }

    function commit(found, number, statements, changed) {
        var before = total(statements, 1), after = total(statements, 2);
        var count = before === after ? after : before + " → " + after;
        var subject = found.subjects[number].includes(found.names[number]) ? "" : "  " + found.subjects[number];
        var title = found.names[number] + subject + ": "
            + count + (after === 1 ? " statement" : " statements") + (changed ? ", changed here" : "");
        // Without a body, rows have no colours: jQuery 3 adds none.
        var table = $('<table class="table table-condensed"/>').append($("<tbody/>").append(
            $.map(statements, function (item) { return statement(found.texts, item); })
        ));
        return $("<details/>").prop("open", changed).append(
            $("<summary/>").css("font-weight", changed ? "bold" : "normal").text(title), table
        );
    }

    /* The statements of the nearest measured ancestor; null if there is none. */
    function before(found, runs, number) {
        var ancestor = found.before[number];
        while (ancestor !== null && numbers.at(runs, ancestor) === null) { ancestor = found.before[ancestor]; }
        return ancestor === null ? null : numbers.at(runs, ancestor);
    }

    /* Each commit that changed the statements of its nearest measured ancestor, and the newest one. */
    function history(found, environment, runs) {
        var commits = [], unchanged = 0, last = null;
        found.names.forEach(function (name, number) {
            var now = numbers.at(runs, number);
            if (now === null) { return; }
            last = number;
            var statements = difference(before(found, runs, number) || now, now);
            if (statements.some(function (item) { return item[1] !== item[2]; })) {
                commits.push(commit(found, number, statements, true));
                last = null;
            } else {
                unchanged += 1;
            }
        });
        if (last !== null) {
            var newest = numbers.at(runs, last);
            commits.push(commit(found, last, difference(newest, newest), false));
            unchanged -= 1;
        }
        return [$("<h4/>").text(found.environments[environment])].concat(commits, unchanged > 0
            ? $("<p/>").text(unchanged + " other commit" + (unchanged === 1 ? "" : "s") + " changed nothing.") : []);
    }

    function changes(found, of_case) {
        return Object.keys(of_case).reduce(function (sum, environment) {
            var runs = of_case[environment];
            return sum + found.names.filter(function (name, number) {
                var now = numbers.at(runs, number), was = now && before(found, runs, number);
                return was && was !== now && JSON.stringify(was.slice().sort()) !== JSON.stringify(now.slice().sort());
            }).length;
        }, 0);
    }

    $.asv.register_page("statements", function (params) {
        $("#title").text("Statements");
        display.css("padding-top", $("#nav").outerHeight() + 15).text("Loading...").show();
        $.getJSON("statements.json", {timestamp: $.asv.main_timestamp}).done(function (found) {
            var count = {};
            var names = Object.keys(found.scenarios).sort();
            names.forEach(function (name) { count[name] = changes(found, found.scenarios[name]); });
            var chosen = $('<select class="form-control" id="statements-scenario" aria-label="Scenario"/>')
                .css("max-width", "40em");
            $.each(names, function (i, name) {
                var note = count[name] ? "  (" + count[name] + (count[name] === 1 ? " change)" : " changes)") : "";
                chosen.append($("<option/>").val(name).text(name + note));
            });
            var list = $("<div/>").css("margin-top", "1em");
            function show() {
                var of_case = found.scenarios[chosen.val()] || {};
                list.empty();
                Object.keys(of_case).forEach(function (environment) {
                    list.append(history(found, environment, of_case[environment]));
                });
            }
            chosen.on("change", function () {
                window.history.replaceState(null, "", "#/statements?scenario=" + encodeURIComponent(chosen.val()));
                show();
            });
            var asked = params.scenario && params.scenario[0];
            var most = names.slice().sort(function (a, b) { return count[b] - count[a]; })[0];
            if (names.length) { chosen.val(names.includes(asked) ? asked : most); }
            display.empty().append(
                $("<p/>").text("The SQL that a scenario sends, and the commits that changed it. Red is sent"
                    + " more often than at the nearest measured ancestor, green less often."),
                $.map(found.damaged, function (line) {
                    return $('<p class="text-danger"/>').text(line);
                }),
                chosen, list
            );
            show();
        });
    });
});
