"""Golden sentences: what a resident reads."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.paging import BadCursor
from app.credit_bank import conversion
from app.credit_bank.ledger import reverse
from app.credit_bank.queries import awarded_today, list_balances, list_lines
from app.credit_bank.rules import Claim
from app.credit_bank.statements import duration_text, explain
from tests.credit_bank.books import (
    DAY,
    MONDAY,
    add_rule,
    claim,
    earned,
    held,
    join,
    part,
    pay,
    pay_one,
    somebody,
)


async def statement(session: AsyncSession, person_id: int, unit: str | None = None) -> list[str]:
    page = await list_lines(session, person_id=person_id, unit=unit, cursor=None, limit=50)
    return [explain(line) for line in page.items]


async def test_an_award_explains_itself(session: AsyncSession) -> None:
    one = await somebody(session)
    await pay(session, one, claim(1), claim(1, "lesson.credit", seconds=80))
    assert await statement(session, one) == [
        (
            "11月23日 10:00 学完一课《防骗一课》，得 0.02 学分。每学满 60 分钟得 1.00 学分，"
            "按服务器核实的时长计算，同一课只计一次。核实时长 1 分 20 秒。"
        ),
        (
            "11月23日 10:00 学完一课《防骗一课》，得 2 积分。学完一课并答对问题得 2 积分，"
            "每天最多 6 积分。"
        ),
    ]


@pytest.mark.parametrize(
    ("caps", "said"),
    [
        ({"daily_cap": 1}, "每天最多 1 积分"),
        ({"daily_cap": 2, "weekly_cap": 1}, "每周最多 1 积分"),
        ({"yearly_cap": 1}, "每年最多 1 积分"),
    ],
)
async def test_a_capped_award_says_why_on_any_later_day(
    session: AsyncSession, caps: dict[str, object], said: str
) -> None:
    await add_rule(session, "test.cap", **caps)
    one = await somebody(session)
    await pay(session, one, claim(1, "test.cap"))
    assert await statement(session, one) == [
        (
            "11月23日 10:00 试行《防骗一课》，得 1 积分。每次 2 积分。"
            f"本应得 2 积分，“试行”{said}，已到上限。"
        )
    ]


async def test_a_reversal_and_what_it_reversed(session: AsyncSession) -> None:
    one = await somebody(session)
    first = await pay_one(session, one, claim(1))
    made = await reverse(
        session, transfer_id=first.id, reason="课程有误", ordered_by_id=None, now=MONDAY + DAY
    )
    undone, done = await statement(session, one)
    assert undone == (
        f"11月24日 10:00 冲正第 {first.id} 号记录《防骗一课》，扣回 2 积分。原因：课程有误。"
    )
    assert done.endswith(f"每天最多 6 积分。（此笔已被第 {made.id} 号记录冲正）")


async def test_a_conversion_and_a_balance_below_zero(session: AsyncSession) -> None:
    await add_rule(session, "test.dear", unit="credit", formula={"kind": "fixed", "amount": 1600})
    one = await somebody(session)
    first = await pay_one(session, one, claim(1, "test.dear"))
    await conversion.convert(
        session, person_id=one, code="credit.to.course_credit", lots=1, key="wish", now=MONDAY
    )
    await reverse(session, transfer_id=first.id, reason="有误", ordered_by_id=None, now=MONDAY)
    said = await statement(session, one)
    assert said[:3] == [
        (
            f"11月23日 10:00 冲正第 {first.id} 号记录《防骗一课》，扣回 16.00 学分。原因：有误。"
            "余额为负，是更正造成的，之后学到的会先补上。"
        ),
        "11月23日 10:00 学分转换为课程学分，转换得到 1.00 课程学分。",
        "11月23日 10:00 学分转换为课程学分，转换用去 16.00 学分。",
    ]
    assert await held(session, one) == {"credit": -1600, "course_credit": 100}


async def test_a_merge_and_its_undoing_on_both_sides(session: AsyncSession) -> None:
    kept, merged = await somebody(session, "one"), await somebody(session, "two")
    await pay(session, kept, claim(1))
    await pay(session, merged, claim(1), claim(2))
    made = await join(session, kept, merged)
    await part(session, made, now=MONDAY + DAY)
    assert (await statement(session, kept))[:2] == [
        "11月24日 10:00 账户合并已撤销，退还 2 积分。",
        "11月23日 10:00 账户合并，并入 2 积分。",
    ]
    again, back, out, reversed_, *_ = await statement(session, merged)
    assert again == (
        "11月24日 10:00 学完一课《防骗一课》，得 2 积分。学完一课并答对问题得 2 积分，"
        "每天最多 6 积分。（恢复此前的记录）"
    )
    assert back == "11月24日 10:00 账户合并已撤销，收回 2 积分。"
    assert out == "11月23日 10:00 账户合并，转出 2 积分。"
    assert reversed_.endswith(f"原因：账户合并（第 {made.id} 号），同一学习成果只计一次。")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 秒"), (59, "59 秒"), (60, "1 分"), (80, "1 分 20 秒"), (3600, "1 小时"),
     (3601, "1 小时 1 秒"), (90061, "25 小时 1 分 1 秒")],
)  # fmt: skip
def test_durations(seconds: int, said: str) -> None:
    assert duration_text(seconds) == said


async def test_lines_are_signed_and_paged_newest_first(session: AsyncSession) -> None:
    one, two = await somebody(session, "one"), await somebody(session, "two")
    for number in range(7):
        now = MONDAY + number * DAY
        await pay(
            session, one, claim(number), claim(number, "lesson.credit", seconds=3600), now=now
        )
        await pay(session, two, claim(number), now=now)
    seen, cursor = [], None
    for _ in range(4):
        page = await list_lines(session, person_id=one, unit="points", cursor=cursor, limit=2)
        seen += page.items
        cursor = page.next
    assert cursor is None
    assert [line.balance_after for line in seen] == [14, 12, 10, 8, 6, 4, 2]
    assert {(line.amount, line.unit.code) for line in seen} == {(2, "points")}
    whole = await list_lines(session, person_id=one, unit=None, cursor=None, limit=14)
    assert (len(whole.items), whole.next) == (14, None)
    with pytest.raises(BadCursor):
        await list_lines(session, person_id=one, unit=None, cursor="nonsense", limit=2)


async def test_balances_name_every_unit(session: AsyncSession) -> None:
    one = await somebody(session)
    await pay(session, one, claim(1))
    rows = await list_balances(session, person_id=one)
    assert [(row.unit, row.name, row.decimals, row.balance, row.earned) for row in rows] == [
        ("credit", "学分", 2, 0, 0),
        ("points", "积分", 0, 2, 2),
        ("course_credit", "课程学分", 2, 0, 0),
    ]


async def test_what_a_merge_moves_costs_no_title(session: AsyncSession) -> None:
    kept, merged = await somebody(session, "one"), await somebody(session, "two")
    await pay(session, kept, claim(1))
    await pay(session, merged, claim(1), claim(2))
    made = await join(session, kept, merged)
    assert await held(session, kept) == await earned(session, kept) == {"points": 4}
    await part(session, made)
    assert await held(session, kept) == await earned(session, kept) == {"points": 2}
    assert await held(session, merged) == await earned(session, merged) == {"points": 4}


async def test_todays_awards_are_the_days_net_of_reversals(session: AsyncSession) -> None:
    one, old = await somebody(session), await somebody(session, "old")
    await pay(session, one, claim(0), now=MONDAY - DAY)
    await pay(session, one, claim(1), claim(2), claim(2, "lesson.credit", seconds=3600))
    await pay(session, old, claim(5))
    await join(session, one, old)
    today = MONDAY.date()
    paid = await awarded_today(session, person_id=one, day=today)
    assert paid == {"lesson.points": 6, "lesson.credit": 100}
    (again,) = await pay(session, one, claim(2))
    assert again.transfer is not None
    await reverse(
        session, transfer_id=again.transfer.id, reason="有误", ordered_by_id=None, now=MONDAY
    )
    paid = await awarded_today(session, person_id=one, day=today)
    assert paid == {"lesson.points": 4, "lesson.credit": 100}
    assert await awarded_today(session, person_id=one, day=today + timedelta(days=1)) == {}


async def test_an_award_without_seconds_says_nothing_of_time(session: AsyncSession) -> None:
    one = await somebody(session)
    await pay(session, one, Claim("day.learned", "day:2026-11-23", "study:1", "防骗一课"))
    assert await statement(session, one) == [
        "11月23日 10:00 今日有所学《防骗一课》，得 1 积分。当天学完第一课得 1 积分，每天一次。"
    ]
