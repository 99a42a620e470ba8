"use strict";

/* Mends asv's own pages for our readers: names of releases in place of hashes, labels of axes
   that do not overlap, readable units. Loaded after asv.js and before the pages that use it. */
$(document).ready(function () {
    var names = JSON.parse($("#names").text()), overview = $("#names").data("overview");
    var hash = $.asv.get_commit_hash, revision = $.asv.get_revision;

    $.asv.get_commit_hash = function (number) { return names[number] || hash(number); };

    $.asv.get_revision = function (text) {
        var named = Object.keys(names).find(function (number) { return names[number] === text; });
        return named === undefined ? revision(text) : named;
    };

    $.asv.pretty_unit = function (value, unit) {
        var shown = numbers.shown(value, unit);
        if (["seconds", "bytes", "unit", "", undefined].includes(unit)) { return shown; }
        return shown + " " + (value === 1 ? unit.replace(/s$/, "") : unit);
    };

    $.asv.factor = function (base, head) {
        return base === 0 ? "from 0" : numbers.factor(head / base);
    };

    /* A cell of a table that is sorted by numbers. */
    $.asv.sorted = function (text, value) { return $("<td>").text(text).data("sort-value", value); };

    /* A case, and the environment in which it was measured if that is not the usual one. */
    $.asv.on = function (name, params) {
        return Object.keys(params).reduce(function (text, key) {
            var told = key.startsWith("env-") && params[key] !== null && params[key] !== "[none]";
            return told ? text + " (" + key.slice(4) + "=" + params[key] + ")" : text;
        }, name);
    };

    /* Two commits, as a link to their comparison. */
    $.asv.between = function (base, head) {
        return $("<a>").text(base + ".." + head).attr("href", overview + "#compare?from="
            + encodeURIComponent(base) + "&to=" + encodeURIComponent(head));
    };

    /* The keyboard reaches controls that asv made for a mouse alone, and presses them. */
    var controls = "a[role=button]:not([href]), label.nav-header, th[data-sort]";
    function reach() { $(controls).not("[tabindex=0]").attr("tabindex", 0); }
    new MutationObserver(reach).observe(document.body, {childList: true, subtree: true});
    reach();
    $(document).on("keydown", controls, function (event) {
        if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            this.click();
        }
    });

    /* The labels of the y axis, with as many digits as tell one tick from the next. */
    function labelled(value, axis) {
        var prefix = [[1e9, " G"], [1e6, " M"], [1e3, " k"]].find(function (each) { return axis.max >= 2 * each[0]; })
            || [1, ""];
        var step = axis.tickSize / prefix[0];
        return (value / prefix[0]).toFixed(Math.max(0, Math.ceil(-Math.log10(step) - 1e-9))) + prefix[1];
    }

    /* Names of as many commits as there is room for. */
    function few(series, width) {
        return function (axis) {
            var numbers = new Set();
            series.forEach(function (each) {
                each.data.forEach(function (point) {
                    if (point[0] >= axis.min && point[0] <= axis.max) { numbers.add(point[0]); }
                });
            });
            var sorted = Array.from(numbers).sort(function (a, b) { return a - b; });
            var room = (axis.max - axis.min) / Math.max(1, width / 75), ticks = [];
            sorted.forEach(function (number) {
                if (!ticks.length || number - ticks[ticks.length - 1][0] >= room) {
                    ticks.push([number, $("<span>").text($.asv.get_commit_hash(number)).html()]);
                }
            });
            return ticks;
        };
    }

    var units = $.asv.time_units.concat($.asv.mem_units).map(function (unit) { return unit[1]; });
    var plain = $.plot;
    $.plot = $.extend(function (place, series, options) {
        // The graph of a popup that was closed while its data were loaded.
        if (!document.contains($(place)[0])) { return null; }
        if (options.xaxis && options.xaxis.axisLabel === "commits") {
            options.xaxis.ticks = few(series, $(place).width());
            delete options.xaxis.tickFormatter;
        }
        if (options.yaxis && options.yaxis.axisLabel && !options.yaxis.transform
            && !units.includes(options.yaxis.axisLabel)) {
            options.yaxis.tickFormatter = labelled;
        }
        return plain(place, series, options);
    }, plain);
});
