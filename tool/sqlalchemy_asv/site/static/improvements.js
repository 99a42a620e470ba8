"use strict";

$(document).ready(function () {
    var display = $('<div id="improvements-display" class="container-fluid"/>')
        .hide().appendTo("body");

    // asv hides its own pages when another is shown, and knows nothing of this one.
    $(window).on("hashchange", function () { display.hide(); });

    function row(item) {
        var benchmark = $.asv.main_json.benchmarks[item[0].replace(/\([\s\S]*/, "")];
        var params = {};
        $.each(item[1], function (name, value) {
            if ($.asv.main_json.params[name].length > 1) {
                params[name] = [value];
            }
        });
        if (item[2] !== null) {
            var selected = $.asv.param_selection_from_flat_idx(benchmark.params, item[2]).slice(1);
            $.each(selected, function (i, values) {
                params["p-" + benchmark.param_names[i]] = [benchmark.params[i][values[0]]];
            });
        }
        var before = $.asv.get_commit_hash(item[3]);
        var after = $.asv.get_commit_hash(item[4]);
        params.commits = [before + "-" + after];
        var link = $.asv.format_hash_string({location: [benchmark.name], params: params});
        var date = new Date($.asv.main_json.revision_to_date[item[4]]);
        return $("<tr/>").append(
            $("<td/>").append($("<a/>").attr("href", link).text($.asv.on(item[0], item[1]))),
            $("<td/>").text($.asv.format_date_yyyymmdd_hhmm(date)),
            $("<td/>").append($.asv.between(before, after)),
            $("<td/>").text($.asv.factor(item[5], item[6])),
            $("<td/>").text($.asv.pretty_unit(item[5], benchmark.unit)),
            $("<td/>").text($.asv.pretty_unit(item[6], benchmark.unit))
        );
    }

    $.asv.register_page("improvements", function () {
        $("#title").text("All improvements");
        display.css("padding-top", $("#nav").outerHeight() + 15).text("Loading...").show();
        $.getJSON("improvements.json", {timestamp: $.asv.main_timestamp}).done(function (items) {
            items.sort(function (a, b) { return a[6] / a[5] - b[6] / b[5]; });
            var body = $("<tbody/>").append($.map(items, row));
            var head = $("<tr/>").append($.map(
                ["Benchmark", "Date", "Commits", "Factor", "Best before", "After"],
                function (title) { return $("<th/>").text(title); }
            ));
            display.empty().append(
                $('<table class="table table-hover"/>').append($("<thead/>").append(head), body)
            );
        });
    });
});
