"""The table of verdicts in docs/comparing.md, from the function that decides.

python -m maintenance.verdicts
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy_asv.compare import verdict
from tabulate import tabulate

HEADINGS = ("dimension", "outcome", "verdict", "exit code", "with `--fail-on undecided`")


def rows() -> list[tuple[str, str, str, int, int]]:
    """Rows of dimension, outcome, word, exit code, and exit code with `--fail-on undecided`.

    All other dimensions are the same, unless the row names them.
    """
    rows: list[tuple[str, str, str, int, int]] = []

    def add(said: tuple[str, str], outcomes: Mapping[str, str], fixed: str = "") -> None:
        found = fixed or verdict.word(outcomes)
        usual, strict = (
            verdict.exit_code([(found, outcomes, False)], verdict.chosen(asked))
            for asked in ((), verdict.FAIL_ON)
        )
        rows.append((*said, found, usual, strict))

    for dimension in verdict.DIMENSIONS:
        for each in verdict.OUTCOMES:
            # Of a dimension of counts alone, only the database's can be undecided: its cache.
            never = (dimension, each) == ("time", verdict.MIXED) or (
                each == verdict.UNDECIDED and dimension not in ("database", "time")
            )
            if each != verdict.SAME and not never:
                add((dimension, each), {dimension: each})
    add(("all", verdict.SAME), dict.fromkeys(verdict.DIMENSIONS, verdict.SAME))
    for one, other in (
        (verdict.WORSE, verdict.BETTER),
        (verdict.WORSE, verdict.UNDECIDED),
        (verdict.BETTER, verdict.UNDECIDED),
    ):
        add(("one, and another", f"{one}, and {other}"), {"database": one, "time": other})
    for fixed in verdict.NOT_COMPARED:
        add(("none", "-"), {}, fixed)
    return rows


if __name__ == "__main__":
    print(tabulate(rows(), HEADINGS, tablefmt="github"))
