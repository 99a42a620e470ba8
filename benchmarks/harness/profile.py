"""Profile one scenario, and say what the profile itself cost: all as JSON."""

from __future__ import annotations

import dataclasses
import difflib
import json
import time
from pathlib import Path
from typing import Any

from . import profiling
from .database import build_images, chosen
from .environment import refuse
from .ratio import ratio
from .scenario import Scenario
from .suite import classes


def scenarios() -> dict[str, type[Scenario]]:
    """Every scenario under its name for asv, such as "social.HomeFeed"."""
    return {
        name: each
        for name, each in classes().items()
        if issubclass(each, Scenario) and not each.__abstractmethods__
    }


def find(name: str) -> type[Scenario]:
    """The scenario that a benchmark belongs to. Refuses an unknown one, naming those like it."""
    known = scenarios()
    for candidate in (name, name.rpartition(".")[0]):
        if candidate in known:
            return known[candidate]
    close = [each for each in known if each.rpartition(".")[2] == name]
    close += difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    return refuse(f"there is no scenario {name}; like it: {', '.join(close) or 'none'}")


def combination(scenario: type[Scenario], asked: dict[str, str]) -> tuple[Any, ...]:
    """The parameters asked for by name, the first value of every other."""
    names = ", ".join(scenario.param_names) or "it has none"
    for name in asked:
        if name not in scenario.param_names:
            refuse(f"{scenario.__name__} has no parameter {name}: {names}")
    combined = []
    for name, values in zip(scenario.param_names, scenario.params, strict=True):
        wanted = [value for value in values if str(value) == asked.get(name, str(values[0]))]
        if not wanted:
            refuse(f"{name} is one of {', '.join(map(str, values))}, not {asked[name]}")
        combined.append(wanted[0])
    return tuple(combined)


def main(options: str) -> None:
    """Write the profile of `options` (JSON: scenario, params, scale, runs, top, file) to a file."""
    given = json.loads(options)
    scenario = find(given["scenario"])
    params = combination(scenario, given["params"])
    named = dict(zip(scenario.param_names, params, strict=True))
    if named.get("access") == "asyncio":
        refuse("profiles are of synchronous access")
    scale = named.get("scale", given["scale"] or 1)
    images = build_images(scenario.dataset, (scale,))
    if "scale" not in named and images.places:
        # The scenario's own scale is 1.
        images.places[1], images.fingerprints[1] = images.places[scale], images.fingerprints[scale]
    instance = scenario()
    try:
        instance.ready(images, *params)
    except NotImplementedError as missing:
        refuse(str(missing))
    result = {
        "scenario": given["scenario"],
        "says": (scenario.__doc__ or "").strip(),
        "params": {name: str(value) for name, value in named.items()},
        "database": chosen().name,
        "scale": scale,
        **measure(instance, given["runs"], given["top"]),
    }
    instance.database.close()
    Path(given["file"]).write_text(json.dumps(result), encoding="utf-8")


def measure(instance: Scenario, runs: int, top: int) -> dict[str, Any]:
    # Times first: on an engine that was listened to, SQLAlchemy does more ever after.
    samples = []
    for _ in range(runs):
        instance.again()
        start = time.perf_counter()
        instance.perform()
        samples.append(time.perf_counter() - start)
    instance.again()
    cpu = profiling.cpu_profile(instance.perform)
    instance.again()
    with profiling.memory_profile() as memory:
        result = instance.perform()
        memory.snapshot("operation done")
        del result
        instance.close()
    instance.again()
    with profiling.query_profile(instance.database.engine) as queries:
        instance.perform()

    def profiled() -> None:
        with profiling.query_profile(instance.database.engine):
            instance.perform()

    cost = ratio(
        profiled, instance.perform, pairs=5, seconds=0.2, prepare=(instance.again, instance.again)
    )
    instance.again()
    instance.close()
    groups = queries.repeated()
    plans: dict[str, Any] = {}
    with instance.database.engine.connect() as connection:
        for query in queries.queries:
            if query.sql not in plans:
                plan = profiling.plan_of(connection, query)
                plans[query.sql] = plan and dataclasses.asdict(plan)
    return {
        "times": dataclasses.asdict(profiling.Times.of(samples)),
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
            "slowest": [
                {
                    "sql": query.sql,
                    "parameters": query.shortened,
                    "where": query.where,
                    "seconds": query.seconds,
                    "rows": query.rows,
                }
                for query in queries.slowest()
            ],
            "repeated": [
                dataclasses.asdict(group) | {"n_plus_one": group.is_n_plus_one} for group in groups
            ],
            "plans": plans,
            "cost": cost,
        },
    }
