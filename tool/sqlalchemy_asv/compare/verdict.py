"""The rules of verdicts: what a comparison says of a scenario, and the exit code.

A scenario has an outcome in each dimension. Dimensions do not decide for each other: a time that
fell hides no statement, and fewer statements hide no memory. The table is in
`docs/comparing.md`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

BETTER, WORSE, SAME, UNDECIDED = "better", "worse", "same", "undecided"
MIXED = "mixed"
"""Something in the dimension is better, and something is worse."""
OUTCOMES = (WORSE, MIXED, UNDECIDED, BETTER, SAME)
TRADE_OFF, UNCHANGED = "trade-off", "unchanged"
DIFFERENT, UNSTABLE = "other statements", "unstable"
"""Of tests: as many statements, but others; and counts that differ from run to run."""
FAILED_AT_HEAD, FAILED_AT_BASE, FAILED = "failed at head", "failed at base", "failed"
NOT_COMPARABLE = "not comparable"
ONLY_AT_BASE, ONLY_AT_HEAD = "only at base", "only at head"
NOT_COMPARED = (
    *(FAILED_AT_HEAD, FAILED, NOT_COMPARABLE, FAILED_AT_BASE),
    *(ONLY_AT_BASE, ONLY_AT_HEAD),
)
"""The words for scenarios that have no outcomes."""
WORDS = (
    *(FAILED_AT_HEAD, WORSE, TRADE_OFF, FAILED, NOT_COMPARABLE, UNDECIDED),
    *(UNSTABLE, FAILED_AT_BASE, DIFFERENT, BETTER, ONLY_AT_BASE, ONLY_AT_HEAD, UNCHANGED),
)
"""The worst first."""

DATABASE = (
    *("statements", "compiled", "cache_entries", "round_trips", "full scans", "database steps"),
    *("rows", "refreshed", "checkouts"),
)
DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "database": DATABASE,
    "processor": ("calls", "instructions"),
    "memory": ("allocated", "retained", "retained_bytes", "cycles"),
    "growth": (),
    "time": (),
}
"""The metrics of each dimension. Growth is of counts over sizes, time is of pairs of processes."""
FAIL_ON = (*DIMENSIONS, UNDECIDED)


def outcome(rose: Collection[str], fell: Collection[str]) -> str:
    """The outcome of a dimension whose metrics rose and fell by more than they may."""
    if rose and fell:
        return MIXED
    return WORSE if rose else BETTER if fell else SAME


def word(outcomes: Mapping[str, str]) -> str:
    """The word for a scenario with these outcomes by dimension."""
    found = set(outcomes.values())
    if found & {WORSE, MIXED}:
        return TRADE_OFF if found & {BETTER, MIXED} else WORSE
    if UNDECIDED in found:
        return UNDECIDED
    return BETTER if BETTER in found else UNCHANGED


def fails(outcomes: Mapping[str, str], fail_on: Collection[str]) -> bool:
    """Whether a scenario is worse in a dimension that counts; undecided ones only if asked for."""
    return any(
        (each in (WORSE, MIXED) and name in fail_on) or (each == UNDECIDED and UNDECIDED in fail_on)
        for name, each in outcomes.items()
    )


def exit_code(
    scenarios: Iterable[tuple[str, Mapping[str, str], bool]], fail_on: Collection[str]
) -> int:
    """The exit code for scenarios: the word, the outcomes, and whether a commit accepts the cost.

    3: an operation fails at head that worked at base. 1: something is worse. 2: an operation
    fails at both, or at one while the other lacks it, or nothing could be compared. 0: the rest.
    """
    found = list(scenarios)
    words = {word for word, _, _ in found}
    if FAILED_AT_HEAD in words:
        return 3
    if any(not accepted and fails(outcomes, fail_on) for _, outcomes, accepted in found):
        return 1
    if FAILED in words or not found:
        return 2
    if words & {FAILED_AT_BASE, NOT_COMPARABLE} and words <= {*NOT_COMPARED}:
        return 2
    return 0


def chosen(asked: Collection[str]) -> tuple[str, ...]:
    """The dimensions that `--fail-on` means. "undecided" alone is stricter, and drops none."""
    named = tuple(each for each in DIMENSIONS if each in asked) or tuple(DIMENSIONS)
    return (*named, UNDECIDED) if UNDECIDED in asked else named
