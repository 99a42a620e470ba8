"""The table of verdicts in docs/comparing.md, from the function that decides.

python -m maintenance.verdicts
"""

from __future__ import annotations

from sqlalchemy_asv.compare import verdict
from tabulate import tabulate

HEADINGS = ("dimension", "outcome", "verdict", "exit code", "with `--fail-on undecided`")


def rows() -> list[tuple[str, str, str, int, int]]:
    return verdict.table()


if __name__ == "__main__":
    print(tabulate(rows(), HEADINGS, tablefmt="github"))
