"""The part in which statements differ."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy_asv.compare import sql


def side(*sent: tuple[str, int], **more: Any) -> dict[str, Any]:
    return {"sql": [list(each) for each in sent], **more}


BEFORE = "SELECT a.id, a.name FROM appointments AS a WHERE a.team_id = ? ORDER BY a.id LIMIT 20"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (
            BEFORE.replace("WHERE", "JOIN staff AS s ON s.id = a.staff_id WHERE"),
            "`JOIN staff AS s ON s.id = a.staff_id` added",
        ),
        (BEFORE.replace("LIMIT 20", "LIMIT 200"), "`20` → `200`"),
        (BEFORE.replace(" ORDER BY a.id", ""), "`ORDER BY a.id` removed"),
        (BEFORE.replace("?", "7"), "`?` → `7`"),
    ],
)
def test_the_part_that_differs_is_shown(head: str, said: str) -> None:
    found = list(sql.differences(side((BEFORE, 1)), side((head, 1), where={head: "ops.py:9 in f"})))
    assert len(found) == 1
    assert said in found[0]
    assert "statement changed" in found[0]
    assert "ops.py:9 in f" in found[0]


def test_a_long_statement_is_shown_where_it_differs() -> None:
    columns = ", ".join(f"appointments.column_{n} AS c_{n}" for n in range(40))
    base = f"SELECT {columns} FROM appointments"  # noqa: S608
    head = f"{base} JOIN staff ON staff.id = appointments.staff_id"
    (said,) = sql.differences(side((base, 1)), side((head, 1)))
    assert "`JOIN staff ON staff.id = appointments.staff_id` added" in said
    assert len(said) < 400


def test_a_bound_limit_is_shown_though_the_text_is_the_same() -> None:
    text = "SELECT a FROM b LIMIT ? OFFSET ?"
    limits = [{text: ["LIMIT 20", "OFFSET 0"]}, {text: ["LIMIT 200", "OFFSET 0"]}]
    base, head = (side((text, 1), limits=each) for each in limits)
    (said,) = sql.differences(base, head)
    assert said.startswith("LIMIT 20 → 200")


def test_lengths_of_an_in_list_are_one_statement() -> None:
    texts = [f"SELECT a FROM b WHERE a IN ({', '.join('?' * n)})" for n in range(1, 51)]  # noqa: S608
    said, _ = sql.differences(side((texts[0], 1)), side(*((text, 1) for text in texts)))
    assert "one statement in 50 texts, not 1" in said
    assert len(sql.kinds(dict.fromkeys(texts, 1))) == 1
    literal = {f"SELECT a FROM b WHERE a = '{n}' AND c = {n}": 1 for n in range(9)}  # noqa: S608
    assert len(sql.kinds(literal)) == 1


def test_numbered_savepoints_are_one_statement() -> None:
    sent = [
        (f"{word} sa_savepoint_{n}", 1) for n in range(1, 21) for word in ("SAVEPOINT", "RELEASE")
    ]
    found = list(sql.differences(side(), side(*sent)))
    assert found == [
        "statement new, sent 20 times: SAVEPOINT sa_savepoint_1",
        "statement new, sent 20 times: RELEASE sa_savepoint_1",
    ]


def test_new_gone_and_repeated() -> None:
    base = side((BEFORE, 1), ("DELETE FROM x", 2))
    head = side((BEFORE, 21), ("INSERT INTO y (z) VALUES (?)", 3), where={BEFORE: "o.py:1 in f"})
    assert list(sql.differences(base, head)) == [
        f"statement sent 21 times, not 1 at o.py:1 in f: {BEFORE}",
        "statement new, sent 3 times: INSERT INTO y (z) VALUES (?)",
        "statement sent no longer, 2 times before: DELETE FROM x",
    ]


WORDS = st.lists(
    st.sampled_from(["SELECT", "a.b", ",", "FROM", "c", "(", ")", "?", "'x'", "7"]), min_size=1
).map(" ".join)


@given(text=WORDS, times=st.integers(1, 9))
def test_equal_statements_do_not_differ(text: str, times: int) -> None:
    assert list(sql.differences(side((text, times)), side((text, times)))) == []
    assert sql.parts(text, text) == []


@given(one=WORDS, other=WORDS)
def test_different_statements_say_something(one: str, other: str) -> None:
    if one != other:
        assert list(sql.differences(side((one, 1)), side((other, 1))))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT %(a_1)s LIMIT %(b_1)s", "SELECT %(a_2)s LIMIT %(b_2)s"),
        ("SELECT $1::INTEGER", "SELECT $2::INTEGER"),
    ],
)
def test_names_of_parameters_are_no_difference(one: str, other: str) -> None:
    assert sql.normalized(one) == sql.normalized(other)
    assert sql.parts(one, other) == []


CAST = "SELECT 1 FROM t WHERE t.x = %(x)s::INTEGER"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CAST, f"{CAST} FOR UPDATE"),
        (f"{CAST} AND t.b", f"{CAST} OR t.b"),
        (f"{CAST} ORDER BY y", f"{CAST} GROUP BY y"),
    ],
)
def test_a_cast_swallows_nothing_that_follows(one: str, other: str) -> None:
    assert list(sql.differences(side((one, 1)), side((other, 1))))


@pytest.mark.parametrize(
    "cast",
    ["INTEGER", "TIMESTAMP WITHOUT TIME ZONE", "DOUBLE PRECISION", "VARCHAR(20)", "NUMERIC(10, 2)"],
)
@pytest.mark.parametrize("name", ["%(a_1)s", "$1"])
def test_a_cast_belongs_to_its_parameter(cast: str, name: str) -> None:
    assert sql.normalized(f"a = {name}::{cast} AND b") == "a = @ AND b"
    base, head = (
        side((f"SELECT 1 WHERE a = {value} AND b", 1), varied=False)
        for value in (f"{name}::{cast}", "5")
    )
    assert "became `5`" in sql.untried(base, head)


def test_limits_are_paired_by_their_word() -> None:
    base = side(
        ("SELECT a LIMIT ? OFFSET ?", 1),
        limits={"SELECT a LIMIT ? OFFSET ?": ["LIMIT 20", "OFFSET 0"]},
    )
    head = side(
        ("SELECT a LIMIT 20 OFFSET ?", 1), limits={"SELECT a LIMIT 20 OFFSET ?": ["OFFSET 0"]}
    )
    assert not any("20 → 0" in said for said in sql.differences(base, head))
