"""The profile of one case, and the cost of profiling itself."""

from __future__ import annotations

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import clock, suite
from ..databases.base import Images, build_images, chosen
from ..files import write_json
from ..growth import growth
from ..instruments import REPETITIONS
from ..instruments.compiled import Compiled
from ..instruments.refreshed import Refreshed
from ..instruments.retained import Retained
from ..instruments.statements import StatementsAndRows
from ..isolation.jobs import grant
from ..label import refuse
from ..latency import waits
from ..profiler.causes import left_behind
from ..profiler.connections import Held, connections_held
from ..profiler.cpu import Times, cpu_profile
from ..profiler.memory import memory_profile
from ..profiler.plans import plans_of
from ..profiler.statements import query_profile
from ..ratio import ratio
from ..runner import Runner
from . import counts, growing, scenarios
from .scenarios import Combination

STEPS = 30
"""More performances than the instruments of a profile make."""


def profile(options: str) -> None:
    """Write the profile of `options` (JSON: scenario, params, scale, runs, top, file) to a file.

    SIGALRM ends the process if an operation exceeds its scenario's `timeout`.
    """
    given = json.loads(options)
    scenario, values = combination(given["scenario"], given["params"])
    named = dict(zip(scenario.parameters(), values, strict=True))
    if "scale" in named and given["scale"] != 1:
        refuse(
            f"{scenario.__name__} has a parameter scale: give --param scale=… in place of --scale"
        )
    scale = named.get("scale", given["scale"] or 1)
    images = build_images(scenario.dataset, (scale,))
    if "scale" not in named and images.places:
        # The scenario's own scale is 1.
        images.places[1], images.fingerprints[1] = images.places[scale], images.fingerprints[scale]
    try:
        grant(scenario.timeout)
        samples, held = seconds(
            scenario().runner(images, values), given["runs"], limit=scenario.timeout
        )
        grant(STEPS * scenario.timeout)
        runner = scenario().runner(images, values, deterministic=True)
    except NotImplementedError as missing:
        here = "ASV_ENV_DIR" in os.environ
        hint = "" if here else ": it is not installed here; --worktree measures the working tree"
        refuse(f"{missing}{hint}")
    found = measured(runner, given["top"])
    grant(0)  # what follows is done in forks with limits of their own
    result = {
        "scenario": suite.name_of(scenario),
        "about": (scenario.__doc__ or "").strip(),
        "params": {name: str(value) for name, value in named.items()},
        "database": chosen().name,
        "scale": scale,
        "times": dataclasses.asdict(Times.of(samples)),
        "held": {"seconds": held.seconds, "idle": held.idle},
        **found,
        "growth": grown(images, Combination(scenario, values)),
    }
    runner.finish()
    write_json(Path(given["file"]), result)


def combination(asked: str, params: dict[str, str]) -> Combination:
    """The scenario of this name, with the given parameters.

    Every other parameter has its first value. Refuses a name of several scenarios, or of none.
    """
    found = scenarios.chosen([asked])
    names = list(dict.fromkeys(suite.name_of(each.scenario) for each in found))
    if len(names) > 1:
        refuse(f"{asked} is several scenarios; name one of {', '.join(names[:5])}")
    scenario, values = found[0]
    known = scenario.parameters()
    for name in params:
        if name not in known:
            has = ", ".join(known) or "it has none"
            refuse(f"{scenario.__name__} has no parameter {name}: {has}")
    combined = []
    for (name, possible), first in zip(known.items(), values, strict=True):
        wanted = [value for value in possible if str(value) == params.get(name, str(first))]
        if not wanted:
            refuse(f"{name} is one of {', '.join(map(str, possible))}, not {params[name]}")
        combined.append(wanted[0])
    return Combination(scenario, tuple(combined))


def grown(images: Images, profiled: Combination) -> list[dict[str, Any]]:
    """The growth of counts over each numeric parameter, all others being as profiled."""
    scenario, values = profiled

    def alike(each: Combination) -> bool:
        differing = [one != other for one, other in zip(each.values, values, strict=True)]
        return differing.count(True) <= 1

    def count(cases: Sequence[Combination]) -> dict[str, Any]:
        return counts.counted(images, cases, growing.INSTRUMENTS, quiet=True)[0]

    combinations = [Combination(scenario, each) for each in scenario.combinations()]
    groups = [
        group
        for group in growing.of_sizes(filter(alike, combinations))
        if scenario.scale(values) == 1 or group.parameter != growing.SCALE
    ]
    cases = {each.case.title: each for group in groups for each in group.cases.values()}
    found = growing.series(groups, count(list(cases.values())), count)
    return [
        {
            "parameter": group.parameter,
            "sizes": found[group.name]["statements"][0],
            "classes": {
                metric.replace("_", " "): str(growth(*of_metric) or "unclear")
                for metric, of_metric in found[group.name].items()
                if of_metric[0]
            },
        }
        for group in groups
        if group.name in found
    ]


def seconds(runner: Runner, runs: int, *, limit: float = 0) -> tuple[list[float], Held]:
    """Wall times of a case, and the time for which it holds connections: the median of five.

    Each performance may take `limit` seconds.
    """
    samples = []
    for _ in range(runs):
        grant(limit)
        runner.reset()
        start = clock.seconds()
        runner.perform()
        samples.append(clock.seconds() - start)
    held = []
    for _ in range(5):
        grant(limit)
        runner.reset()
        with connections_held(runner.database.engine) as each:
            runner.perform()
            runner.close()
        held.append(each)
    runner.finish()
    return samples, sorted(held, key=lambda each: each.seconds)[2]


def measured(runner: Runner, top: int) -> dict[str, Any]:
    """CPU, memory and statements of a case."""
    runner.reset()
    cpu = cpu_profile(runner.perform)
    runner.reset()
    with memory_profile() as memory:
        result = runner.perform()
        memory.snapshot("operation done")
        del result
        runner.close()
    runner.reset()
    with query_profile(runner.database.engine) as queries:
        runner.perform()

    def profiled() -> None:
        with query_profile(runner.database.engine):
            runner.perform()

    runner.reset()
    sent = StatementsAndRows().count(runner)
    cache, retained = Compiled().count(runner), Retained().count(runner)
    refreshed = Refreshed().count(runner)
    lines = left_behind(runner) if retained["retained"] or retained["retained_bytes"] else {}
    cost = ratio(
        profiled, runner.perform, pairs=5, seconds=0.2, prepare=(runner.reset, runner.reset)
    )
    runner.reset()
    runner.close()
    plans = {
        sql: plan if isinstance(plan, str) else dataclasses.asdict(plan)
        for sql, plan in plans_of(runner.database, queries.queries).items()
    }
    return {
        "cpu": {
            "layers": cpu.layers,
            "calls": cpu.calls,
            "functions": [dataclasses.asdict(f) for f in cpu.functions[:top]],
        },
        "memory": {
            "peak": memory.peak,
            "snapshots": {
                label: memory.difference(0, index)
                for index, (label, _) in enumerate(memory.snapshots)
            },
            "top": [dataclasses.asdict(a) for a in memory.top(top, 0, 1)],
        },
        "queries": {
            "total": queries.total_queries,
            "rows": sum(query.rows for query in queries.queries),
            "total_time": queries.total_time,
            "average_time": queries.average_time,
            "slowest": [dataclasses.asdict(group) for group in queries.slowest()],
            "repeated": [
                dataclasses.asdict(group) | {"n_plus_one": group.is_n_plus_one}
                for group in queries.repeated()
            ],
            "plans": plans,
            "cost": cost,
            "round_trips": sent["round_trips"],
            "waits": waits(sent["round_trips"]),
        },
        "refreshed": refreshed,
        "cache": cache | {"repetitions": REPETITIONS},
        "left": retained | {"lines": [list(each) for each in Counter(lines).most_common(top)]},
    }
