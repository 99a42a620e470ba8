"use strict";

$(document).ready(function () {
    var display = $('<div id="budgets-display" class="container-fluid"/>')
        .hide().appendTo("body");

    // asv hides its own pages when another is shown, and knows nothing of this one.
    $(window).on("hashchange", function () { display.hide(); });

    function cell(item) {
        var style = {"kept": "success", "EXCEEDED": "danger"}[item.word] || "";
        return $("<td/>").addClass(style).attr("title", item.why || item.word).text(item.shown);
    }

    function row(item) {
        return $("<tr/>").append(
            $("<td/>").text(item.scenario), $("<td/>").text(item.figure),
            $("<td/>").text(item.limit), $.map(item.cells, cell)
        );
    }

    function accepted(costs) {
        if (!costs.length) { return []; }
        return [
            $("<h4/>").text("Costs that commits accept"),
            $("<ul/>").append($.map(costs, function (cost) {
                return $("<li/>").text(cost.commit + "  " + cost.scenario + ": "
                    + (cost.reason || "no reason given"));
            }))
        ];
    }

    function column(item) {
        var date = $.asv.format_date_yyyymmdd_hhmm(new Date(item.date));
        return $("<th/>").append(
            $("<div/>").text(item.commit), $("<div/>").text(item.where),
            item.subject.includes(item.commit) ? [] : $("<small/>").text(item.subject)
        ).attr("title", date);
    }

    $.asv.register_page("budgets", function () {
        $("#title").text("Budgets");
        display.css("padding-top", $("#nav").outerHeight() + 15).text("Loading...").show();
        $.getJSON("budgets.json", {timestamp: $.asv.main_timestamp}).done(function (found) {
            var head = $("<tr/>").append(
                $.map(["Scenario", "Figure", "Limit"], function (title) {
                    return $("<th/>").text(title);
                }),
                $.map(found.columns, column)
            );
            display.empty().append(
                $("<p/>").text("Limits that scenarios state where they are defined, and what was"
                    + " measured at each commit, the newest first: green is below the limit, red is not."),
                $('<table class="table table-condensed"/>').append(
                    $("<thead/>").append(head), $("<tbody/>").append($.map(found.rows, row))
                ),
                found.never.length ? $("<p/>").text("No commit has a figure of " + found.never.join(", ") + ".") : [],
                accepted(found.accepted)
            );
        });
    });
});
