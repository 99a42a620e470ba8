"use strict";

$(document).ready(function () {
    var display = $('<div id="statements-display" class="container-fluid"/>')
        .hide().appendTo("body");

    // asv hides its own pages when another is shown, and knows nothing of this one.
    $(window).on("hashchange", function () { display.hide(); });

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

    function commit(texts, item) {
        var changed = item.statements.some(function (pair) { return pair[1] !== pair[2]; });
        var before = total(item.statements, 1), after = total(item.statements, 2);
        var count = before === after ? after : before + " → " + after;
        var title = item.commit + "  " + item.subject + "  (" + item.environment + "): "
            + count + (after === 1 ? " statement" : " statements")
            + (changed ? ", changed here" : "");
        // Without a body, rows have no colours: jQuery 3 adds none.
        var table = $('<table class="table table-condensed"/>').append($("<tbody/>").append(
            $.map(item.statements, function (pair) { return statement(texts, pair); })
        ));
        return $("<details/>").prop("open", changed).append(
            $("<summary/>").css("font-weight", changed ? "bold" : "normal").text(title), table
        );
    }

    $.asv.register_page("statements", function () {
        $("#title").text("Statements");
        display.css("padding-top", $("#nav").outerHeight() + 15).text("Loading...").show();
        $.getJSON("statements.json", {timestamp: $.asv.main_timestamp}).done(function (found) {
            var names = Object.keys(found.scenarios).sort();
            var chosen = $('<select class="form-control" id="statements-scenario"/>')
                .css("max-width", "40em");
            var changes = {};
            $.each(names, function (i, name) {
                changes[name] = found.scenarios[name].filter(function (item) {
                    return item.statements.some(function (pair) { return pair[1] !== pair[2]; });
                }).length;
                var note = changes[name] ? "  (" + changes[name] + (changes[name] === 1 ? " change)" : " changes)") : "";
                chosen.append($("<option/>").val(name).text(name + note));
            });
            var list = $("<div/>").css("margin-top", "1em");
            function show() {
                list.empty().append($.map(found.scenarios[chosen.val()] || [], function (item) {
                    return commit(found.texts, item);
                }));
            }
            chosen.on("change", show);
            names.sort(function (a, b) { return changes[b] - changes[a]; });
            if (names.length) { chosen.val(names[0]); }
            display.empty().append(
                $("<p/>").text("The SQL that a scenario sends at each recorded commit. Red is sent"
                    + " more often than at the commit before, green less often."),
                $.map(found.damaged, function (line) {
                    return $('<p class="text-danger"/>').text(line);
                }),
                chosen, list
            );
            show();
        });
    });
});
