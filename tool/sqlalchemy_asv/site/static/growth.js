"use strict";

$(document).ready(function () {
    var display = $('<div id="growth-display" class="container-fluid"/>')
        .hide().appendTo("body");

    // asv hides its own pages when another is shown, and knows nothing of this one.
    $(window).on("hashchange", function () { display.hide(); });

    function cell(item) {
        var found = $("<td/>").text(item["class"]);
        if (item.before) {
            found.addClass(item.worse ? "danger" : "success")
                .append($("<br/>"), $("<small/>").text("before: " + item.before));
        }
        return found;
    }

    function table(metrics, item) {
        var head = $("<tr/>").append($("<th/>").text("Scenario"), $.map(metrics, function (name) {
            return $("<th/>").text(name.replace("_", " "));
        }));
        return [
            $("<h4/>").text(item.where),
            $("<p/>").text("At " + item.commit),
            $('<table class="table table-condensed"/>').append(
                $("<thead/>").append(head),
                $("<tbody/>").append($.map(item.rows, function (row) {
                    return $("<tr/>").append($("<td/>").text(row.scenario), $.map(row.cells, cell));
                }))
            )
        ];
    }

    $.asv.register_page("growth", function () {
        $("#title").text("Growth");
        display.css("padding-top", $("#nav").outerHeight() + 15).text("Loading...").show();
        $.getJSON("growth.json", {timestamp: $.asv.main_timestamp}).done(function (found) {
            display.empty().append(
                $("<p/>").text("How each count grows with the parameter that a title names: not at"
                    + " all (constant), as fast (linear), or with its square (quadratic). Red is a"
                    + " faster growth than recorded before, green a slower one. A dash: the sizes do not tell."),
                $.map(found.tables, function (item) { return table(found.metrics, item); })
            );
        });
    });
});
