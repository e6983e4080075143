from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.credit_bank.rules import (
    Claim,
    Once,
    Rule,
    Spent,
    amount_text,
    award_key,
    evaluate,
    rule_for,
    scope_of,
    worth,
)

RULE = Rule(
    id=1,
    code="lesson.credit",
    version=1,
    unit="credit",
    name="学完一课",
    explanation="",
    formula={"kind": "per_hour", "amount": 100, "minimum": 0},
    once="object",
    daily_cap=None,
    weekly_cap=None,
    yearly_cap=None,
    valid_from=date(2020, 1, 1),
)
CLAIM = Claim("lesson.credit", "lesson:12", "study:345", "防骗一课", seconds=3600)
AMOUNTS = st.integers(1, 10**9)
CAPS = st.none() | st.integers(1, 10**6)
PAID = st.integers(-(10**6), 2 * 10**6)


@pytest.mark.parametrize(
    ("seconds", "paid"),
    [(0, 0), (17, 0), (18, 1), (53, 1), (54, 2), (60, 2), (1800, 50), (3600, 100), (86400, 2400)],
)
def test_time_is_rounded_half_up(seconds: int, paid: int) -> None:
    assert worth(RULE, replace(CLAIM, seconds=seconds)) == paid


@given(seconds=st.integers(0, 10**7), amount=AMOUNTS, minimum=st.integers(0, 200))
def test_time_is_worth_what_exact_arithmetic_says(seconds: int, amount: int, minimum: int) -> None:
    rule = replace(RULE, formula={"kind": "per_hour", "amount": amount, "minimum": minimum})
    exact = floor(Fraction(seconds * amount, 3600) + Fraction(1, 2))
    assert worth(rule, replace(CLAIM, seconds=seconds)) == max(exact, minimum)


def test_a_fixed_amount_does_not_ask_for_time() -> None:
    rule = replace(RULE, formula={"kind": "fixed", "amount": 7})
    assert [worth(rule, replace(CLAIM, seconds=s)) for s in (0, 10**6)] == [7, 7]


@pytest.mark.parametrize("kind", ["exchange", "per_like"])
def test_an_unknown_formula_is_a_programmers_error(kind: str) -> None:
    with pytest.raises(AssertionError, match=kind):
        worth(replace(RULE, formula={"kind": kind}), CLAIM)


@pytest.mark.parametrize(
    ("caps", "spent", "amount", "bound_by", "cap"),
    [
        ((None, None, None), Spent(900, 900, 900), 100, None, None),
        ((200, None, None), Spent(100, 100, 100), 100, None, None),
        ((200, None, None), Spent(101, 101, 101), 99, "day", 200),
        ((200, 300, 400), Spent(150, 290, 330), 10, "week", 300),
        ((200, 300, 400), Spent(0, 0, 399), 1, "year", 400),
        ((200, 300, 400), Spent(150, 250, 350), 50, "day", 200),
        ((200, None, None), Spent(200, 200, 200), 0, "day", 200),
        ((200, None, None), Spent(999, 999, 999), 0, "day", 200),
    ],
)
def test_the_least_room_binds(
    caps: tuple[int | None, int | None, int | None],
    spent: Spent,
    amount: int,
    bound_by: str | None,
    cap: int | None,
) -> None:
    rule = replace(RULE, daily_cap=caps[0], weekly_cap=caps[1], yearly_cap=caps[2])
    grant = evaluate(rule, CLAIM, spent)
    assert (grant.worth, grant.amount, grant.bound_by, grant.cap) == (100, amount, bound_by, cap)


@given(value=AMOUNTS, caps=st.tuples(CAPS, CAPS, CAPS), paid=st.tuples(PAID, PAID, PAID))
def test_no_grant_exceeds_any_room(
    value: int, caps: tuple[int | None, ...], paid: tuple[int, int, int]
) -> None:
    formula: dict[str, Any] = {"kind": "fixed", "amount": value}
    rule = replace(RULE, formula=formula, daily_cap=caps[0], weekly_cap=caps[1], yearly_cap=caps[2])
    grant = evaluate(rule, CLAIM, Spent(*paid))
    rooms = [max(cap - used, 0) for cap, used in zip(caps, paid, strict=True) if cap is not None]
    assert grant.amount == min([value, *rooms])
    assert (grant.bound_by is None) == (grant.amount == value)
    assert grant.cap in (None, *caps)


@pytest.mark.parametrize(
    ("once", "key"),
    [
        ("each", "award:lesson.credit:person:7:study:345"),
        ("object", "award:lesson.credit:person:7:lesson:12"),
        ("day", "award:lesson.credit:person:7:2026-11-23"),
        ("ever", "award:lesson.credit:person:7:ever"),
    ],
)
def test_the_key_says_how_often_a_rule_pays(once: Once, key: str) -> None:
    rule = replace(RULE, once=once)
    assert award_key(rule, CLAIM, person_id=7, day=date(2026, 11, 23)) == key
    assert award_key(rule, CLAIM, person_id=70, day=date(2026, 11, 23)) != key
    # A new version of a rule does not pay again for what the old one has paid.
    newer = replace(rule, version=2, id=9)
    assert award_key(newer, CLAIM, person_id=7, day=date(2026, 11, 23)) == key


@given(
    once=st.sampled_from(["each", "object", "day", "ever"]),
    one=st.integers(1, 10**6),
    other=st.integers(1, 10**6),
    tail=st.sampled_from(["", "#1", "#77"]),
)
def test_the_scope_is_the_key_without_its_person(
    once: Once, one: int, other: int, tail: str
) -> None:
    rule, day = replace(RULE, once=once), date(2026, 11, 23)
    key = award_key(rule, CLAIM, person_id=one, day=day)
    assert scope_of(key + tail) == scope_of(award_key(rule, CLAIM, person_id=other, day=day))
    elsewhere = replace(CLAIM, subject="lesson:13", evidence="study:346")
    again = award_key(rule, elsewhere, person_id=one, day=day)
    assert (scope_of(again) == scope_of(key)) == (once in {"day", "ever"})
    assert scope_of(award_key(replace(rule, code="x.y"), CLAIM, person_id=one, day=day)) != (
        scope_of(key)
    )


def test_the_latest_version_in_force_rules() -> None:
    old = RULE
    new = replace(RULE, version=2, valid_from=date(2026, 1, 1))
    better = replace(RULE, version=3, valid_from=date(2026, 1, 1))
    late = replace(RULE, version=4, valid_from=date(2025, 1, 1))
    other = replace(RULE, code="lesson.points", version=9)
    versions = [better, other, late, old, new]
    for day, expected in (
        (date(2019, 12, 31), None),
        (date(2020, 1, 1), old),
        (date(2024, 12, 31), old),
        (date(2025, 12, 31), late),
        (date(2026, 1, 1), better),
        (date(2999, 1, 1), better),
    ):
        assert rule_for(versions, "lesson.credit", day) == expected
    assert rule_for(versions, "no.such", date(2026, 1, 1)) is None


@pytest.mark.parametrize(
    ("amount", "decimals", "said"),
    [
        (125, 2, "1.25 学分"),
        (5, 2, "0.05 学分"),
        (0, 2, "0.00 学分"),
        (-5, 2, "-0.05 学分"),
        (3, 0, "3 学分"),
        (-1234, 4, "-0.1234 学分"),
    ],
)
def test_amounts_as_people_read_them(amount: int, decimals: int, said: str) -> None:
    assert amount_text(amount, decimals=decimals, name="学分") == said


@given(amount=st.integers(-(10**15), 10**15), decimals=st.integers(0, 4))
def test_an_amounts_text_says_exactly_the_amount(amount: int, decimals: int) -> None:
    number, name = amount_text(amount, decimals=decimals, name="学分").split(" ")
    assert Decimal(number).scaleb(decimals) == amount
    assert len(number.partition(".")[2]) == decimals
    assert name == "学分"
