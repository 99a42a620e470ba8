"""Progress: a bar on a terminal, a line now and then elsewhere."""

import io
from pathlib import Path

import pytest
from sqlalchemy_asv.compare.progress import Progress
from sqlalchemy_asv.isolation.jobs import Notes, note


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_that_is_gone_at_the_end() -> None:
    stream = Terminal()
    with Progress("counting", stream) as bar:
        bar.show(3, 12, "social.HomeFeed('lazy')", left=70)
    *shown, last = stream.getvalue().split("\r")[:-1]
    assert "counting" in shown[-1]
    assert "3 of 12, 70 s left, social.Home" in shown[-1]
    assert last.strip() == ""


def test_elsewhere_a_line_is_printed_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moments = iter([0.0, 1.0, 31.0, 32.0, 62.0])
    monkeypatch.setattr("time.monotonic", lambda: next(moments))
    with Progress("counting", io.StringIO()) as bar:
        for done in (1, 5, 6, 10):
            bar.show(done, 20, f"a.B({done})")
    assert capsys.readouterr().err.splitlines() == [
        "sqlalchemy-asv: counting: 5 of 20; 2 min left, a.B(5)",
        "sqlalchemy-asv: counting: 10 of 20; 62 s left, a.B(10)",
    ]


def test_before_the_number_of_cases_is_known_no_number_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moments = iter([0.0, 31.0])
    monkeypatch.setattr("time.monotonic", lambda: next(moments))
    with Progress("counting", io.StringIO()) as bar:
        bar.show(0, 0, "Stock: 12,000 rows written")
    assert capsys.readouterr().err == "sqlalchemy-asv: counting: Stock: 12,000 rows written\n"
    monkeypatch.undo()
    with Progress("counting", stream := Terminal()) as bar:
        bar.show(0, 0, "Stock: 12,000 rows written")
    assert "Stock: 12,000 rows" in stream.getvalue()


def test_the_notes_of_both_sides_are_added(tmp_path: Path) -> None:
    base, head = tmp_path / "base", tmp_path / "head"
    assert Notes.read([base, head]) == Notes()
    for line in ("+3", "a.B(1)", "a.B(2)", "+2"):
        note(str(base), line)
    note(str(head), "+4")
    note(str(head), "c.D")
    note("", "no file")
    assert Notes.read([base, head]) == Notes(3, 9, "c.D")
    note(str(head), ".Stock: 12,000 rows written")
    found = Notes.read([base, head])
    assert (found.done, found.doing) == (3, "Stock: 12,000 rows written")
    note(str(head), "c.E")
    assert Notes.read([base, head]).doing == ""
