"""The counterpart of asv's page of regressions: commits after which a benchmark got better."""

from pathlib import Path
from typing import Any

from asv.plugins.regressions import _GraphDataFilter
from asv.publishing import OutputPublisher
from asv.step_detect import detect_regressions
from asv.util import write_json

from .pages import add_page
from .steps import Step, unseen


class Improvements(OutputPublisher):  # type: ignore[misc]
    name = "improvements"
    button_label = "Show improvements"
    description = "Display information about improvements"
    order = 4

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        found: dict[Any, list[Any]] = {}
        data = _GraphDataFilter(conf, repo, revisions)
        for file_name, graph in graphs:
            benchmark = benchmarks.get(Path(file_name).name)
            if "summary" in graph.params or not benchmark:
                continue
            for index, entry, steps, threshold in data.get_graph_data(graph, benchmark):
                where = frozenset(graph.params.items() - {("branch", graph.params["branch"])})
                for before, after, old, new in improvements(steps, threshold):
                    # Once, though branches share it.
                    event = [entry, graph.params, index, before, after, old, new]
                    found.setdefault((entry, where, after), event)
        site = Path(conf.html_dir)
        write_json(str(site / "improvements.json"), [*found.values()], compact=True)
        add_page(site, cls.name, "Improvements")


def improvements(steps: list[Any], threshold: float) -> list[tuple[int, int, float, float]]:
    """Falls to a level never seen before, as (last revision before, first after, old, new value).

    Of exact counts, each such fall. Of others, asv's own detection of lasting rises, run backwards
    in time over the same steps (left, right, value, minimum, error), so that both pages
    share thresholds and rules.
    """
    if all(isinstance(step, Step) for step in steps):
        return list(unseen(steps, threshold))
    backwards = [(-right + 1, -left + 1, *rest) for left, right, *rest in reversed(steps)]
    _, _, rises = detect_regressions(backwards, threshold)
    falls = [(-after, -before, old, new) for before, after, new, old in reversed(rises or [])]
    # asv reports the best value of the far side. By noise, it may not be better than this side's.
    return [fall for fall in falls if fall[3] < fall[2]]
