"use strict";

/* Figures as people read them: 25.0 M, not 2.50e+7. As in numbers.py. */
var numbers = (function () {
    var prefixes = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
    var times = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];

    function digits(value) {
        var whole = value ? Math.floor(Math.log10(Math.abs(value))) + 1 : 1;
        return value.toFixed(Math.max(0, 3 - whole));
    }

    function grouped(value) {
        return Number.isInteger(value) ? value.toLocaleString("en-US") : digits(value);
    }

    function shown(value, unit) {
        if (value === null || value === undefined || !isFinite(value)) { return "n/a"; }
        if (unit === "seconds") {
            var time = times.find(function (t) { return Math.abs(value) >= t[0]; }) || times[3];
            return digits(value / time[0]) + " " + time[1];
        }
        var end = unit === "bytes" ? "B" : "";
        if (Number.isInteger(value) && Math.abs(value) < 10000) {
            return (grouped(value) + " " + end).trim();
        }
        var prefix = prefixes.find(function (p) { return Math.abs(value) >= p[0]; });
        return (digits(value / (prefix ? prefix[0] : 1)) + " " + (prefix ? prefix[1] : "") + end).trim();
    }

    function change(base, head) {
        var off = Math.abs(head / base - 1);
        if (base <= 0 || head === 0 || (off > 0 && off < 0.0005)) { return grouped(base) + " → " + grouped(head); }
        return factor(head / base);
    }

    function factor(ratio) {
        if (ratio <= 2) {
            var share = 100 * (ratio - 1);
            return (share < 0 ? "" : "+") + share.toFixed(Math.abs(share) < 10 || share < -99 ? 1 : 0) + "%";
        }
        return digits(ratio) + "x";
    }

    /* The value at a commit, of pairs with the number of a commit and the value from there on. */
    function at(runs, number) {
        var found = null;
        for (var i = 0; i < runs.length && runs[i][0] <= number; i += 1) { found = runs[i][1]; }
        return found;
    }

    return {at: at, shown: shown, change: change, factor: factor, digits: digits, grouped: grouped};
})();
