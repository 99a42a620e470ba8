"""Counts that are kept and used again."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy_asv import application, label
from sqlalchemy_asv.worker import counts, kept
from sqlalchemy_asv.worker.kept import Kept

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLALCHEMY_ASV_BENCHMARKS", str(ROOT / "benchmarks"))


def counted(store: Kept, *titles: str, fails: str = "") -> tuple[dict[str, Any], list[str]]:
    """What is known of titles, and which of them were counted."""
    asked: list[str] = []

    def count(missing: list[str]) -> dict[str, int]:
        asked.extend(missing)
        return {title: len(title) for title in missing if title != fails}

    return store.get("plain", titles, count), asked


def test_nothing_is_counted_twice(tmp_path: Path) -> None:
    assert counted(Kept(str(tmp_path), "c"), "a", "bb") == ({"a": 1, "bb": 2}, ["a", "bb"])
    assert counted(Kept(str(tmp_path), "c"), "bb", "ccc") == ({"bb": 2, "ccc": 3}, ["ccc"])
    assert counted(Kept(str(tmp_path), "other"), "a") == ({"a": 1}, ["a"])
    fresh = Kept(str(tmp_path), "c", fresh=True)
    assert counted(fresh, "a") == ({"a": 1}, ["a"])
    assert counted(Kept(str(tmp_path), "c"), "a", "bb", "ccc")[1] == []


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    assert counted(Kept(str(tmp_path), "c"), "a", "bb", fails="a") == ({"bb": 2}, ["a", "bb"])
    assert counted(Kept(str(tmp_path), "c"), "a", "bb")[1] == ["a"]


def test_the_digest_is_of_everything_that_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = kept.digest("c")
    assert kept.digest("c") == first
    seen = {first, kept.digest("d")}
    (tmp_path / "one.py").write_text("x = 1")
    for name, value in (
        ("data_layer", lambda: "another"),
        ("_of_distribution", lambda: "one more"),
        ("_processor", lambda: "another"),
        ("_valgrind", lambda: "another"),
        ("TOOL", tmp_path),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(kept, name, value)
            seen.add(kept.digest("c"))
    with monkeypatch.context() as changed:
        changed.setenv("SQLALCHEMY_ASV_BENCHMARKS", str(tmp_path))
        seen.add(kept.digest("c"))
        (tmp_path / "one.py").write_text("x = 2")
        seen.add(kept.digest("c"))
    with monkeypatch.context() as changed:
        changed.setattr(importlib.metadata, "distributions", list)
        seen.add(kept.digest("c"))
    assert len(seen) == 10


def test_commits_with_the_same_data_layer_have_the_same_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(label, "record", lambda: {"distribution": "tabulate"})
    assert kept._of_distribution()
    assert kept.digest("c") == kept.digest("d")


def test_values_of_the_applications_variables_decide_but_addresses_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stated = {"variables": ["DATABASE_URL", "EAGER"], "database_url": ["DATABASE_URL"]}
    monkeypatch.setattr(application, "stated", lambda: stated)
    seen = []
    for eager, address in (("0", "sqlite:///a"), ("0", "sqlite:///b"), ("1", "sqlite:///a")):
        monkeypatch.setenv("EAGER", eager)
        monkeypatch.setenv("DATABASE_URL", address)
        seen.append(kept.digest("c"))
    assert seen[0] == seen[1] != seen[2]


def test_another_revision_of_a_package_decides_though_its_version_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "METADATA").write_text("Metadata-Version: 2.1\nName: lib\nVersion: 0.1\n")
    package = importlib.metadata.PathDistribution(tmp_path)
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: [package])

    def of(content: str) -> str:
        (tmp_path / "RECORD").write_text(f"lib.py,sha256={content},1\n")
        return kept.digest("c")

    assert of("a") == of("b")  # from an index, a version tells all
    (tmp_path / "direct_url.json").write_text("{}")
    assert of("a") != of("b")


def test_only_the_last_used_are_kept(tmp_path: Path) -> None:
    for number in range(5):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        (folder / "plain.json").write_text("{}")
        os.utime(folder, (number, number))
    kept.forget_all_but(2, tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["3", "4"]


def test_a_second_comparison_counts_nothing(tmp_path: Path, here: Path) -> None:
    def count(**more: Any) -> dict[str, Any]:
        options = {
            "scenarios": ["social.CreateUser", "query_operations.Payments"],
            "instructions": False,
            "file": str(tmp_path / "result.json"),
            "kept": {"folder": str(tmp_path / "kept"), "commit": "c", **more},
        }
        counts.count(json.dumps(options))
        found: dict[str, Any] = json.loads((tmp_path / "result.json").read_text())
        return found

    first = count()
    assert (first.pop("again"), len(first["titles"])) == (0, 5)
    assert first["growing"]["query_operations.Payments(rows)"]["rows"][0][-1] in (1000, 10000)
    again = count()
    assert again.pop("again") == 5
    assert again == first
    assert count(fresh=True).pop("again") == 0
