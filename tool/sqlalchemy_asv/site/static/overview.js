"use strict";

/* The overview's pictures, and the comparison of any two commits: #compare?from=2.0.58&to=2.1.9 */
(function () {
    var histories = JSON.parse(document.getElementById("histories").textContent);
    var loaded = {};
    var ORDER = ["worse", "trade-off", "better", "unchanged"];

    /* Told apart from each other, and from a white page and a dark one. */
    var COLOURS = ["#3b7dd8", "#d9541e", "#2c9a4b", "#b04fc4", "#a87b00", "#e0457b", "#128f91", "#8f7161", "#4b3fb5",
        "#6f8f1e", "#7d1f1f", "#71839c"];

    var SIZES = [["", "more than noise"], ["any", "anything"], ["2", "at least 2%"], ["5", "at least 5%"],
        ["10", "at least 10%"], ["50", "at least 50%"]];

    function element(name, attributes, children) {
        var made = document.createElement(name);
        Object.entries(attributes || {}).forEach(function (pair) {
            if (pair[1] !== null && pair[1] !== undefined) { made.setAttribute(pair[0], pair[1]); }
        });
        [].concat(children === undefined ? [] : children).forEach(function (child) {
            made.append(child instanceof Node ? child : String(child));
        });
        return made;
    }

    function how_often(number) { return number === 1 ? "once" : number + " times"; }

    function load(path) {
        loaded[path] = loaded[path] || fetch(path).then(function (answer) {
            if (!answer.ok) { throw new Error(path + ": " + answer.status); }
            return answer.json();
        });
        return loaded[path];
    }

    /* --- pictures ---------------------------------------------------------------------------- */

    function draw(place, picture) {
        var points = picture.series.flatMap(function (each) {
            return each.values.flatMap(function (value, index) {
                return value === null ? [] : [{
                    title: each.title, name: picture.names[index], share: value
                }];
            });
        });
        var width = Math.max(300, place.clientWidth);
        // Between the margins, a name such as 2.1.0rc2 needs 60 pixels.
        var every = Math.ceil(picture.names.length / ((width - 75) / 60));
        var ticks = picture.names.filter(function (name, index) { return index % every === 0; });
        // Labels of neighbours would overlap: the larger step is labelled.
        var room = Math.ceil(picture.names.length / (width / 48));
        var labels = [];
        picture.labels.slice().sort(function (a, b) { return b.size - a.size; }).forEach(function (each) {
            var index = picture.names.indexOf(each.name);
            if (labels.every(function (l) { return Math.abs(l.index - index) >= room; })) {
                labels.push({name: each.name, index: index});
            }
        });
        place.replaceChildren(Plot.plot({
            width: width, height: Math.min(420, Math.max(280, width / 2)), marginTop: 30, marginLeft: 45, marginRight: 30,
            ariaLabel: picture.about,
            style: {color: "inherit", background: "none", fontSize: "12px"},
            x: {domain: picture.names, type: "point", ticks: ticks, label: null},
            y: {label: "instructions, % of " + picture.names[0], grid: true, nice: true},
            color: {legend: true, domain: picture.series.map(function (s) { return s.title; }), range: COLOURS},
            marks: [
                Plot.ruleX(labels, {x: "name", strokeOpacity: 0.25}),
                Plot.text(labels, {x: "name", text: "name", frameAnchor: "top", dy: -14}),
                Plot.line(points, {x: "name", y: "share", z: "title", stroke: "title", curve: "step-after"}),
                Plot.tip(points, Plot.pointer({x: "name", y: "share", fill: "var(--page)", title: function (d) {
                    return d.title + "\n" + d.name + ": " + d.share.toFixed(1) + "%";
                }}))
            ]
        }));
    }

    function pictures() {
        document.querySelectorAll(".picture").forEach(function (place) {
            var picture = JSON.parse(place.nextElementSibling.textContent);
            var seen = 0;
            new ResizeObserver(function () {
                if (place.clientWidth && place.clientWidth !== seen) {
                    seen = place.clientWidth;
                    draw(place, picture);
                }
            }).observe(place);
        });
    }

    /* --- comparing --------------------------------------------------------------------------- */

    /* Whether a difference is more than layouts of memory explain; with `any`, whether there is one. */
    function differs(metric, base, head, any) {
        if (any || base === head) { return base !== head; }
        if (Math.abs(head - base) < metric.least) { return false; }
        if (metric.threshold === 0) { return base !== head; }
        return base <= 0 || Math.abs(head / base - 1) > metric.threshold;
    }

    function size(change) {
        if (change.base <= 0 || change.head <= 0) { return change.head > change.base ? Infinity : -Infinity; }
        return Math.log(change.head / change.base);
    }

    /* The changes that decide, as `compare.metrics.unexplained` has them. */
    function unexplained(changes) {
        var cycles = changes.every(function (c) { return !c.metric.exact || c.metric.name === "cycles"; });
        var more = changes.some(function (c) {
            return ["statements", "round_trips"].includes(c.metric.name) && c.head > c.base;
        });
        return changes.filter(function (c) {
            if (c.metric.name === "cycles") { return cycles; }
            return !(c.metric.name === "rows" && c.head < c.base && more);
        });
    }

    function verdict(changes) {
        var better = false, worse = false;
        unexplained(changes).forEach(function (each) {
            if (each.head > each.base) { worse = true; } else { better = true; }
        });
        return worse && better ? "trade-off" : worse ? "worse" : better ? "better" : "unchanged";
    }

    /* The cases that both sides have. A filter for a metric, or for a size of changes, holds for the
       verdict and the summary as well. */
    function rows(environment, from, to, filter) {
        return environment.cases.flatMap(function (title, index) {
            var all = environment.metrics.flatMap(function (metric, number) {
                if (filter.metric && metric.name !== filter.metric) { return []; }
                var runs = environment.values[number][index];
                var base = numbers.at(runs, from), head = numbers.at(runs, to);
                return base === null || head === null ? [] : [{metric: metric, base: base, head: head}];
            });
            if (!all.length) { return []; }
            var changes = all.filter(function (c) { return filter.differs(c.metric, c.base, c.head); });
            changes.sort(function (a, b) { return Math.abs(size(b)) - Math.abs(size(a)); });
            return [{title: title, domain: title.split(".")[0], all: all, changes: changes, word: verdict(changes)}];
        });
    }

    function parameters() {
        return new URLSearchParams(location.hash.split("?").slice(1).join("?"));
    }

    var compared = {}, gone = {name: "", at: 0};

    /* Change the address, which then names both sides: it means the same after the next commit. */
    function go(change) {
        var asked = parameters(), name = Object.keys(change)[0];
        Object.entries(Object.assign({}, compared, change)).forEach(function (pair) {
            if (pair[1]) { asked.set(pair[0], pair[1]); } else { asked.delete(pair[0]); }
        });
        // The letters of a name that somebody types are one choice.
        var more = gone.name === name && Date.now() - gone.at < 1000;
        gone = {name: name, at: Date.now()};
        history[more ? "replaceState" : "pushState"](null, "", "#compare?" + asked);
        route();
    }

    function chooser(label, name, values, chosen) {
        var select = element("select", {id: "choose-" + name}, values.map(function (each) {
            var value = Array.isArray(each) ? each[0] : each;
            return element("option", {value: value}, Array.isArray(each) ? each[1] : each);
        }));
        select.value = chosen;
        select.addEventListener("change", function () {
            var change = {};
            change[name] = select.value;
            if (name === "history") { change.from = change.to = change.on = ""; }
            go(change);
        });
        return element("label", {}, [label, select]);
    }

    /* The controls of a comparison. Those that offer the same stay, and keep the keyboard's focus. */
    function controls(form, choices, find) {
        var offered = JSON.stringify(choices.map(function (each) { return each.slice(0, 3); }));
        var search = document.getElementById("choose-find");
        if (form.dataset.offered === offered) {
            choices.forEach(function (each) { document.getElementById("choose-" + each[1]).value = each[3]; });
            search.value = find;
            return;
        }
        var focused = document.activeElement.id;
        search = element("input", {type: "search", id: "choose-find", value: find});
        // After the focus has moved on, which is kept then.
        search.addEventListener("change", function () { setTimeout(function () { go({find: search.value}); }); });
        form.replaceChildren.apply(form, choices.map(function (each) { return chooser.apply(null, each); }).concat(
            element("label", {}, ["Name contains", search])
        ));
        form.dataset.offered = offered;
        if (focused && document.getElementById(focused)) { document.getElementById(focused).focus(); }
        form.onsubmit = function (event) { event.preventDefault(); go({find: search.value}); };
    }

    function median(values) {
        var sorted = values.slice().sort(function (a, b) { return a - b; });
        var middle = sorted.length >> 1;
        return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    function summary(found, environment, filter) {
        var count = {};
        ORDER.forEach(function (word) { count[word] = 0; });
        found.forEach(function (row) { count[row.word] += 1; });
        var lines = environment.metrics.flatMap(function (metric) {
            var changes = found.flatMap(function (row) {
                return row.all.filter(function (c) { return c.metric === metric; });
            });
            var moved = changes.filter(function (c) { return filter.differs(metric, c.base, c.head); });
            if (!moved.length) { return []; }
            var ratios = moved.filter(function (c) { return c.base > 0 && c.head > 0; })
                .map(function (c) { return c.head / c.base; });
            return [element("tr", {}, [
                element("th", {scope: "row"}, metric.title),
                element("td", {"class": "number"}, moved.filter(function (c) { return c.head < c.base; }).length),
                element("td", {"class": "number"}, moved.filter(function (c) { return c.head > c.base; }).length),
                element("td", {"class": "number"}, ratios.length ? numbers.factor(median(ratios)) : "from or to 0")
            ])];
        });
        var said = element("p", {id: "summary"}, "Of " + found.length + (found.length === 1 ? " case " : " cases ") + count.better + " better, "
            + count.worse + " worse, " + count["trade-off"] + (count["trade-off"] === 1 ? " trade-off, " : " trade-offs, ")
            + count.unchanged + " unchanged.");
        return lines.length ? [said, wide("How each metric changed", element("table", {}, [
            element("thead", {}, head(["Metric", "#fell", "#rose", "#median change"])), element("tbody", {}, lines)
        ]))] : [said];
    }

    function head(titles) {
        return element("tr", {}, titles.map(function (title) {
            return element("th", {scope: "col", "class": title[0] === "#" ? "number" : null}, title.replace("#", ""));
        }));
    }

    function wide(label, table) {
        // A region that scrolls can be reached by the keyboard.
        return element("div", {"class": "wide", tabindex: 0, role: "region", "aria-label": label}, table);
    }

    /* The statements of both sides. Those that differ stand side by side, with their differences marked. */
    function statements(place, side, environment, title) {
        place.append(element("p", {}, "Loading …"));
        load(side.folder + "statements.json").then(function (found) {
            var runs = ((found.scenarios[title] || {})[environment.name]) || [];
            var names = [side.data.commits[side.from].hash, side.data.commits[side.to].hash];
            var sent = names.map(function (hash) { return numbers.at(runs, found.commits.indexOf(hash)); });
            if (sent[0] === null || sent[1] === null) {
                place.replaceChildren(element("p", {}, "The statements of one side are not recorded."));
                return;
            }
            var times = sent.map(function (pairs) { return new Map(pairs); });
            var gone = sent[0].filter(function (pair) { return !times[1].has(pair[0]); });
            var come = sent[1].filter(function (pair) { return !times[0].has(pair[0]); });
            var blocks = [], names_of = [side.from, side.to].map(function (number) { return side.data.commits[number].name; });
            sent[1].forEach(function (pair) {
                var before = times[0].get(pair[0]);
                if (before !== undefined && before !== pair[1]) {
                    blocks.push(element("p", {}, "sent " + how_often(before) + ", now " + how_often(pair[1])));
                    blocks.push(element("div", {"class": "pair"}, element("pre", {}, found.texts[pair[0]])));
                }
            });
            pairs_of(found.texts, gone, come).forEach(function (pair) {
                blocks.push(marked(found.texts, pair[0], pair[1], names_of));
            });
            var same = sent[1].length - come.length;
            if (!blocks.length) {
                place.replaceChildren(element("p", {}, "Both send the same statements" + (same ? " (" + same + " different texts)." : ".")));
                return;
            }
            var titles = names_of.map(function (name) { return element("b", {}, name); });
            place.replaceChildren.apply(place, [element("div", {"class": "pair"}, titles)].concat(blocks,
                same ? [element("p", {}, same + (same === 1 ? " more text is" : " more texts are") + " the same.")] : []));
        }).catch(function (error) { place.replaceChildren(element("p", {}, error.message)); });
    }

    /* Statements of both sides, each with the one that it is most like. What is left over stands alone. */
    function pairs_of(texts, gone, come) {
        function words(pair) { return new Set(texts[pair[0]].split(/[^\w]+/)); }
        function likeness(one, other) {
            var common = 0;
            one.forEach(function (word) { common += other.has(word); });
            return common / (one.size + other.size - common);
        }
        var before = gone.map(words), after = come.map(words), all = [], pairs = [], used = [new Set(), new Set()];
        before.forEach(function (one, i) {
            after.forEach(function (other, j) { all.push([likeness(one, other), i, j]); });
        });
        all.sort(function (a, b) { return b[0] - a[0] || a[1] - b[1] || a[2] - b[2]; }).forEach(function (each) {
            if (each[0] > 0.3 && !used[0].has(each[1]) && !used[1].has(each[2])) {
                used[0].add(each[1]);
                used[1].add(each[2]);
                pairs.push([gone[each[1]], come[each[2]]]);
            }
        });
        gone.forEach(function (pair, i) { if (!used[0].has(i)) { pairs.push([pair, null]); } });
        come.forEach(function (pair, j) { if (!used[1].has(j)) { pairs.push([null, pair]); } });
        return pairs;
    }

    /* Names the cases and metrics that only one of both has, and that were not compared. */
    function lacking(environment, from, to, metric) {
        var cases = new Set(), metrics = [];
        environment.metrics.forEach(function (each, number) {
            if (metric && each.name !== metric) { return; }
            var both = 0;
            environment.cases.forEach(function (title, index) {
                var runs = environment.values[number][index];
                if (numbers.at(runs, from) !== null && numbers.at(runs, to) !== null) { both += 1; cases.add(title); }
            });
            if (!both) { metrics.push(each.title); }
        });
        var absent = environment.cases.length - cases.size, said = [];
        if (absent) { said.push(absent + (absent === 1 ? " case" : " cases")); }
        if (metrics.length) { said.push(metrics.join(", ")); }
        return said.length ? [element("p", {"class": "quiet"}, "Not recorded on both sides, so not compared: " + said.join("; ") + ".")] : [];
    }

    function marked(texts, before, after, names) {
        var parts = Diff.diffWordsWithSpace(before ? texts[before[0]] : "", after ? texts[after[0]] : "");
        function pane(pair, kind, tag, name) {
            // Where they stand one below the other, each has its name.
            var about = {"data-of": name};
            if (!pair) { return element("pre", about, kind === "removed" ? "(no such statement before)" : "(no such statement now)"); }
            return element("pre", about, [pair[1] + "×  "].concat(parts.filter(function (part) {
                return part[kind] || !(part.added || part.removed);
            }).map(function (part) {
                return part[kind] && before && after ? element(tag, {}, part.value) : part.value;
            })));
        }
        return element("div", {"class": "pair"}, [pane(before, "removed", "del", names[0]), pane(after, "added", "ins", names[1])]);
    }

    function row(each, side, environment, metric) {
        var shown = metric ? each.all : each.changes;
        var list = element("ul", {"class": "plain"}, shown.map(function (c) {
            return element("li", {}, c.metric.title + " " + numbers.shown(c.base, c.metric.unit) + " → "
                + numbers.shown(c.head, c.metric.unit)
                + (c.base > 0 && c.head > 0 && c.head !== c.base ? " (" + numbers.change(c.base, c.head) + ")" : ""));
        }));
        var details = element("details", {}, element("summary", {}, "statements"));
        var place = element("div");
        details.append(place);
        details.addEventListener("toggle", function () {
            if (details.open && !place.firstChild) { statements(place, side, environment, each.title); }
        });
        return element("tr", {}, [
            element("th", {scope: "row"}, each.title),
            element("td", {"class": each.word}, each.word),
            element("td", {}, [list, details])
        ]);
    }

    function compare() {
        var asked = parameters();
        var form = document.getElementById("choice"), place = document.getElementById("compared");
        var wanted = [asked.get("from"), asked.get("to")].filter(Boolean);
        Promise.all(histories.map(function (each) { return load(each.folder + "compare.json"); })).then(function (all) {
            // Names, and hashes as the feed of regressions has them.
            function is(commit, name) {
                return commit.name === name || (name && name.length > 6 && commit.hash.startsWith(name));
            }
            function has(data) {
                return wanted.every(function (name) { return data.commits.some(function (c) { return is(c, name); }); });
            }
            var index = histories.findIndex(function (each) { return each.name === asked.get("history"); });
            if (index < 0) { index = all.findIndex(function (data) { return data.commits.length && has(data); }); }
            if (index < 0) { index = 0; }
            var data = all[index];
            // One may have times alone.
            var environments = data.environments.filter(function (e) { return e.commits.length; });
            if (!environments.length) {
                place.replaceChildren(element("p", {}, "Nothing is recorded yet."));
                return;
            }
            var on = asked.get("on") || "", problems = [];
            var environment = environments.find(function (e) { return e.title.toLowerCase() === on.toLowerCase(); });
            if (on && !environment) { problems.push(on); }
            environment = environment || environments[0];
            var numbered = environment.commits;
            function number(name, otherwise) {
                var found = numbered.find(function (n) { return is(data.commits[n], name); });
                return found === undefined ? otherwise : found;
            }
            var to = number(asked.get("to"), numbered[numbered.length - 1]);
            var before = data.commits[to].before;
            while (before !== null && !numbered.includes(before)) { before = data.commits[before].before; }
            var from = number(asked.get("from"), before === null ? to : before);
            var side = {folder: histories[index].folder, data: data, from: from, to: to};
            problems = problems.concat(wanted.filter(function (name) { return number(name, null) === null; }));
            compared = {history: histories.length > 1 ? histories[index].name : "",
                on: environments.length > 1 ? environment.title : "",
                from: asked.get("from") || data.commits[from].name, to: asked.get("to") || data.commits[to].name};
            var least = SIZES.some(function (s) { return s[0] === asked.get("least"); }) ? asked.get("least") : "";
            var metric = asked.get("metric") || "";
            if (!environment.metrics.some(function (m) { return m.name === metric; })) { metric = ""; }
            var filter = {metric: metric, differs: function (of, base, head) {
                return differs(of, base, head, least === "any")
                    && (base <= 0 || Math.abs(head / base - 1) >= (parseFloat(least) || 0) / 100);
            }};
            var found = rows(environment, from, to, filter);
            var find = asked.get("find") || "";
            var all_cases = asked.get("show") === "all";
            var names = numbered.slice().reverse().map(function (n) {
                var commit = data.commits[n];
                return [commit.name, commit.subject.includes(commit.name) ? commit.name : commit.name + "  " + commit.subject.slice(0, 60)];
            });
            var domains = Array.from(new Set(found.map(function (r) { return r.domain; })));
            var domain = domains.includes(asked.get("domain")) ? asked.get("domain") : "";
            // A control's options and choice: with what was asked for, if that is not recorded.
            function offered(options, said, chosen) {
                return problems.includes(said) ? [[[said, said + " (no results)"]].concat(options), said] : [options, chosen];
            }
            controls(form, [
                ["History", "history", histories.map(function (h) { return [h.name, h.title]; }), histories[index].name],
                ["From", "from"].concat(offered(names, asked.get("from"), data.commits[from].name)),
                ["To", "to"].concat(offered(names, asked.get("to"), data.commits[to].name)),
                ["Database", "on"].concat(offered(environments.map(function (e) { return e.title; }), on, environment.title)),
                ["Metric", "metric", [["", "all"]].concat(environment.metrics.map(function (m) { return [m.name, m.title]; })), metric],
                ["Domain", "domain", [["", "all"]].concat(domains), domain],
                ["Changed by", "least", SIZES, least],
                ["Show", "show", [["", "what changed"], ["all", "all cases"]], all_cases ? "all" : ""]
            ].filter(function (each) { return each[2].length > 1; }), find);
            var chosen = found.filter(function (r) {
                return (!domain || r.domain === domain) && r.title.toLowerCase().includes(find.toLowerCase());
            });
            var listed = chosen.filter(function (r) {
                return all_cases || r.changes.length;
            });
            function weight(r) {
                return Math.max.apply(null, (metric ? r.all : r.changes).map(size).concat(metric ? [] : [0]));
            }
            listed.sort(function (a, b) {
                return (metric ? 0 : ORDER.indexOf(a.word) - ORDER.indexOf(b.word)) || weight(b) - weight(a) || (a.title < b.title ? -1 : 1);
            });
            if (problems.length) {
                place.replaceChildren.apply(place, problems.map(function (name) {
                    return element("p", {"class": "damaged"}, "There are no results of " + name + " here. Choose another one.");
                }));
                return;
            }
            var inside = place.contains(document.activeElement);
            place.replaceChildren.apply(place, [].concat(
                summary(chosen, environment, filter),
                lacking(environment, from, to, metric),
                listed.length ? wide("Cases", element("table", {id: "cases"}, [
                    element("thead", {}, head(["Case", "Verdict", "From → to"])),
                    element("tbody", {}, listed.map(function (r) { return row(r, side, environment, metric); }))
                ])) : element("p", {}, from === to ? "Both sides are " + data.commits[to].name + "."
                    : metric || least || domain || find ? "No case matches these filters." : "Nothing changed."),
                histories[index].document ? element("p", {}, element("a", {
                    href: side.folder + "index.html#/what-changed?release=" + encodeURIComponent(data.commits[to].name)
                }, "What changed in this history, and why")) : []
            ));
            if (inside) { (place.querySelector(".wide") || document.getElementById("choose-find")).focus(); }
        }).catch(function (error) { place.replaceChildren(element("p", {"class": "damaged"}, error.message)); });
    }

    function route() {
        var comparing = location.hash.startsWith("#compare");
        document.getElementById("overview").hidden = comparing;
        document.getElementById("compare").hidden = !comparing;
        if (comparing) { compare(); }
    }

    document.querySelectorAll("form.between").forEach(function (form) {
        form.addEventListener("submit", function (event) {
            event.preventDefault();
            location.hash = form.dataset.at + "&" + new URLSearchParams(new FormData(form));
        });
    });
    window.addEventListener("popstate", route);
    window.addEventListener("hashchange", function () {
        var before = document.getElementById("compare").hidden;
        route();
        // From the overview, a comparison is seen from its top; the way back leads to where it began.
        if (before && !document.getElementById("compare").hidden) { window.scrollTo(0, 0); }
    });
    pictures();
    route();
})();
