"use strict";

$(document).ready(function () {
    var display = $('<div id="what-changed-display" class="container"/>')
        .hide().appendTo("body");

    // asv hides its own pages when another is shown, and knows nothing of this one.
    $(window).on("hashchange", function () { display.hide(); });

    $.asv.register_page("what-changed", function (params) {
        $("#title").text("What changed");
        display.css("padding-top", $("#nav").outerHeight() + 15).text("Loading...").show();
        $.get("what-changed.html", {timestamp: $.asv.main_timestamp}).done(function (found) {
            display.html($("<div>").append($.parseHTML(found)).find("main").html());
            display.find("table").addClass("table table-condensed");
            // The section of a release, if the address names one that has a section.
            display.find("h3").filter(function () {
                return params.release && $(this).text().startsWith(params.release[0] + ":");
            }).each(function () { this.scrollIntoView(); });
        });
    });
});
