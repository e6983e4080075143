from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.credit_bank.closing import close_days
from app.credit_bank.models import CreditRule, Unit
from app.credit_bank.queries import list_rules, list_units
from app.credit_bank.rulebook import (
    DEFAULT_RULES,
    BadRulebook,
    Loaded,
    Rulebook,
    RuleIsHistory,
    load_rulebook,
    read_rulebook,
    versions_of,
)
from tests.credit_bank.books import MONDAY, add_rule, rulebook

GOOD = """\
[[unit]]
code = "stars"
name = "星"
decimals = 0

[[rule]]
code = "test.stars"
version = 1
valid_from = 2026-01-01
unit = "stars"
name = "试行"
explanation = "每小时 3 星"
formula = { kind = "per_hour", amount = 3 }
once = "each"
daily_cap = 5

[[conversion]]
code = "stars.to.points"
version = 1
valid_from = 2026-01-01
name = "星转换为积分"
explanation = "2 星换 1 积分"
from_unit = "stars"
from_amount = 2
to_unit = "points"
to_amount = 1
"""


def read(tmp_path: Path, text: str) -> Rulebook:
    file = tmp_path / "rules.toml"
    file.write_text(text, encoding="utf-8")
    return read_rulebook(file)


async def test_the_default_file_is_version_1_and_loads_once(session: AsyncSession) -> None:
    # The template database was founded with it.
    rules = await list_rules(session)
    assert {rule.version for rule in rules} == {1}
    book = read_rulebook(DEFAULT_RULES)
    assert len(rules) == len(book.rule) + len(book.conversion)
    assert await load_rulebook(session, book=book) == Loaded(added=0, unchanged=len(rules))
    assert [unit.code for unit in await list_units(session)] == [
        "credit",
        "points",
        "course_credit",
    ]


def test_a_replay_sees_the_files_rules(tmp_path: Path) -> None:
    (rule,) = versions_of(read(tmp_path, GOOD))
    assert (rule.code, rule.unit, rule.daily_cap, rule.yearly_cap) == (
        "test.stars",
        "stars",
        5,
        None,
    )
    assert rule.formula == {"kind": "per_hour", "amount": 3, "minimum": 0}


async def test_a_new_file_adds_units_rules_and_conversions(
    session: AsyncSession, tmp_path: Path
) -> None:
    book = read(tmp_path, GOOD)
    assert await load_rulebook(session, book=book) == Loaded(added=2, unchanged=0)
    assert await load_rulebook(session, book=book) == Loaded(added=0, unchanged=2)
    assert [unit.code for unit in await list_units(session)][-1] == "stars"
    exchange = next(rule for rule in await list_rules(session) if rule.code == "stars.to.points")
    assert exchange.unit == "points"
    assert exchange.formula == {
        "kind": "exchange",
        "from_unit": "stars",
        "from_amount": 2,
        "to_amount": 1,
    }


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("daily_cap = 5", "dayly_cap = 5", "rule.0.dayly_cap"),
        ("decimals = 0", "decimals = 0\nsign = '*'", "unit.0.sign"),
        ("decimals = 0", "decimals = 5", "unit.0.decimals"),
        ("decimals = 0", "decimals = -1", "unit.0.decimals"),
        ("amount = 3 ", "amount = 3.0 ", "rule.0.formula.per_hour.amount"),
        ("amount = 3 ", "amount = -3 ", "rule.0.formula.per_hour.amount"),
        ("amount = 3 ", "amount = 0 ", "rule.0.formula.per_hour.amount"),
        ("amount = 3 ", "amount = '3' ", "rule.0.formula.per_hour.amount"),
        ("amount = 3 ", "amount = true ", "rule.0.formula.per_hour.amount"),
        ("amount = 3 ", "amount = 3, minimum = -1 ", "rule.0.formula.per_hour.minimum"),
        ("amount = 3 ", "amount = 3, per = 'km' ", "rule.0.formula.per_hour.per"),
        ('"per_hour"', '"per_like"', "rule.0.formula"),
        ("daily_cap = 5", "daily_cap = 0", "rule.0.daily_cap"),
        ("daily_cap = 5", "daily_cap = 2.5", "rule.0.daily_cap"),
        ("daily_cap = 5", "daily_cap = 9007199254740992", "rule.0.daily_cap"),
        ('once = "each"', 'once = "always"', "rule.0.once"),
        ("version = 1", "version = 0", "rule.0.version"),
        ("valid_from = 2026-01-01", "valid_from = '2026-01-01'", "rule.0.valid_from"),
        ("valid_from = 2026-01-01", "valid_from = 2026-01-01T00:00:00Z", "rule.0.valid_from"),
        ('code = "test.stars"', 'code = "Test Stars"', "rule.0.code"),
        ('name = "试行"\n', "", "rule.0.name"),
        ("from_amount = 2", "from_amount = 0", "conversion.0.from_amount"),
        ('to_unit = "points"', 'to_unit = "stars"', "two units"),
        ("[[conversion]]", "[[converson]]", "converson"),
        ("[[rule]]", "[[rule]", "rules.toml"),
        ('code = "stars.to.points"', 'code = "test.stars"', "stands twice"),
    ],
)
def test_a_bad_file_is_refused_naming_the_field(
    tmp_path: Path, old: str, new: str, field: str
) -> None:
    assert old in GOOD
    with pytest.raises(BadRulebook, match=field):
        read(tmp_path, GOOD.replace(old, new, 1))


def test_a_version_that_stands_twice_is_refused(tmp_path: Path) -> None:
    rule = GOOD[GOOD.index("[[rule]]") : GOOD.index("[[conversion]]")]
    with pytest.raises(BadRulebook, match="stands twice"):
        read(tmp_path, GOOD + rule)
    read(tmp_path, GOOD + rule.replace("version = 1", "version = 2"))


def test_a_code_is_a_rule_or_a_conversion(tmp_path: Path) -> None:
    book = GOOD.replace('code = "stars.to.points"\nversion = 1', 'code = "test.stars"\nversion = 2')
    with pytest.raises(BadRulebook, match="both"):
        read(tmp_path, book)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRulebook, match=r"none\.toml"):
        read_rulebook(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes("name = 'é'".encode("latin-1"))
    with pytest.raises(BadRulebook, match=r"latin\.toml"):
        read_rulebook(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    "edit",
    [
        {"daily_cap": 9},
        {"name": "别名"},
        {"formula": {"kind": "fixed", "amount": 3}},
        {"once": "ever"},
        {"unit": "credit"},
        {"valid_from": MONDAY.date()},
    ],
)
async def test_an_edited_version_is_history(session: AsyncSession, edit: dict[str, object]) -> None:
    assert await add_rule(session, "test.edit") == Loaded(added=1, unchanged=0)
    with pytest.raises(RuleIsHistory):
        await add_rule(session, "test.edit", **edit)
    assert await add_rule(session, "test.edit", version=2, **edit) == Loaded(added=1, unchanged=0)


@pytest.mark.parametrize(("old", "new"), [("decimals = 0", "decimals = 2"), ("星", "月")])
async def test_an_edited_unit_is_history(
    session: AsyncSession, tmp_path: Path, old: str, new: str
) -> None:
    await load_rulebook(session, book=read(tmp_path, GOOD))
    with pytest.raises(RuleIsHistory, match="stars"):
        await load_rulebook(session, book=read(tmp_path, GOOD.replace(old, new, 1)))
    assert await session.scalar(select(Unit.decimals).where(Unit.code == "stars")) == 0


@pytest.mark.parametrize("field", ["unit", "from_unit", "to_unit"])
async def test_an_unknown_unit_is_refused(
    session: AsyncSession, tmp_path: Path, field: str
) -> None:
    known = {"unit": "stars", "from_unit": "stars", "to_unit": "points"}[field]
    bad = GOOD.replace(f'{field} = "{known}"', f'{field} = "moons"')
    assert bad != GOOD
    before = await session.scalar(select(func.count()).select_from(CreditRule))
    with pytest.raises(BadRulebook, match="moons"):
        await load_rulebook(session, book=read(tmp_path, bad))
    assert await session.scalar(select(func.count()).select_from(CreditRule)) == before


async def test_a_version_cannot_begin_on_a_closed_day(session: AsyncSession) -> None:
    await close_days(session, now=MONDAY)
    closed = local_day(MONDAY) - timedelta(days=1)
    for day in (closed, closed - timedelta(days=400)):
        with pytest.raises(RuleIsHistory, match="已经日结"):
            await load_rulebook(session, book=rulebook("test.late", valid_from=day))
    book = rulebook("test.late", valid_from=closed + timedelta(days=1))
    assert await load_rulebook(session, book=book) == Loaded(added=1, unchanged=0)
    # What was loaded before the close may still be read again.
    await load_rulebook(session, book=read_rulebook(DEFAULT_RULES))
