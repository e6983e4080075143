"""What the account says to a word."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import service
from app.flows.chat import HELP, NOTHING_YET, duration, reply_to
from app.flows.duties import NONE_OPEN
from app.people.models import Person
from app.push import tasks
from tests.factories.bank import pay
from tests.factories.content import make_lesson
from tests.factories.learning import complete_lesson, read_for
from tests.factories.people import NOW, make_office, make_org, make_person, make_town


async def say(session: AsyncSession, person: Person, said: str) -> str:
    return await reply_to(session, person_id=person.id, said=said, now=NOW)


@pytest.mark.parametrize("said", ["帮助", " 帮 助。", "「帮助」", "HELP", "?", "？", "您好！"])
async def test_help(session: AsyncSession, said: str) -> None:
    assert await say(session, await make_person(session), said) == HELP


@pytest.mark.parametrize("said", ["今日", "学分", "排行", "待办", "帮助", "反诈", "什么也没有"])
async def test_to_answer_changes_nothing(session: AsyncSession, said: str) -> None:
    """A message may be answered before it is known to be a repeat (flows/inbound.py)."""
    person = await make_person(session)
    await make_lesson(session, title="反诈一课")
    await session.flush()
    async with session.begin_nested() as reading:
        await session.execute(text("SET LOCAL transaction_read_only = on"))
        assert await say(session, person, said)
        assert not session.new
        assert not session.dirty
        await reading.rollback()


async def test_today_with_nothing_published(session: AsyncSession) -> None:
    assert await say(session, await make_person(session), "今日") == NOTHING_YET


@pytest.mark.parametrize("said", ["今日", "「今日」", "今天学什么？", "打卡"])
async def test_today_tells_the_lesson_and_what_it_takes(session: AsyncSession, said: str) -> None:
    person = await make_person(session)
    await make_lesson(session, title="反诈一课", seconds=90)
    told = await say(session, person, said)
    for part in ("《反诈一课》", "综治办", "约 2 分钟", "2 道小题", "就能学"):
        assert part in told


async def test_today_tells_how_far_one_is(session: AsyncSession) -> None:
    person = await make_person(session)
    lesson = await make_lesson(session)
    await read_for(session, person.id, lesson.id, seconds=45, since=NOW)
    assert "您已学 45 秒" in await say(session, person, "今日")
    later = NOW + timedelta(minutes=5)
    await complete_lesson(session, person.id, lesson.id, now=later)
    assert "您已学完" in await say(session, person, "今日")


@pytest.mark.parametrize("said", ["学分", "我的积分", "称号"])
async def test_credits_tells_title_balances_and_the_next_title(
    session: AsyncSession, said: str
) -> None:
    person = await make_person(session)
    told = await say(session, person, said)
    for part in ("闻善", "0.00 学分", "0 积分", "再得 0.10 学分，就是「识善」"):
        assert part in told
    assert "连续" not in told
    await pay(session, person, 125, now=NOW)
    lesson = await make_lesson(session)
    await complete_lesson(session, person.id, lesson.id, now=NOW)
    told = await say(session, person, said)
    for part in ("习善", "1.27 学分", "4 积分", "再得 0.23 学分，就是「明善」", "连续学习 1 天"):
        assert part in told


async def test_duties_tell_what_waits_and_the_text_to_forward(session: AsyncSession) -> None:
    town = await make_town(session)
    tutor = await make_person(session)
    assert await say(session, tutor, "待办") == NONE_OPEN
    await make_office(session, tutor, "editor", town.town)
    for number, kind in enumerate(("review", "relay")):
        await tasks.open_task(
            session, key=f"t{number}", kind=kind, org_id=town.west.id,
            person_id=tutor.id if kind == "relay" else None,
            role=None if kind == "relay" else "editor", title=f"事情{number}", text=f"原文{number}",
            due_at=NOW + timedelta(hours=number + 1), now=NOW,
        )  # fmt: skip
    told = await say(session, tutor, "「待办」")
    assert "事情0（11月23日 11:00 前）" in told
    assert told.endswith("————\n原文1")
    assert "原文0" not in told


async def test_the_ranking_tells_the_villages_and_the_own_place(session: AsyncSession) -> None:
    town = await make_town(session)
    person = await make_person(session, "张三丰", home=town.west)
    await pay(
        session, await make_person(session, "李四", home=town.east, visible=True), 50, now=NOW
    )
    told = await say(session, person, "排行")
    assert "1. east 0.50 学分" in told
    assert "west" not in told, "where nobody has learned yet, nobody is shown up"
    assert "您本月还没有学分" in told
    assert "李" not in told
    await pay(session, person, 30, now=NOW)
    told = await say(session, person, "排行榜")
    assert "2. west 0.30 学分" in told
    assert "您所在的west排第 2" in told
    assert "您本月得 0.30 学分，在公开排名的乡亲里排第 2" in told
    assert "您的名字没有公开" in told
    person.rank_visible = True
    await session.flush()
    assert "没有公开" not in await say(session, person, "排名")


async def test_the_ranking_of_one_without_a_village(session: AsyncSession) -> None:
    await make_town(session)
    told = await say(session, await make_person(session), "排行")
    assert "都还没有学分" in told
    assert "还没有登记村" in told


async def test_the_ranking_is_that_of_the_own_town(session: AsyncSession) -> None:
    here = await make_town(session)
    elsewhere = await make_org(session, "next-town", "town")
    village = await make_org(session, "far-village", parent=elsewhere)
    await pay(session, await make_person(session, home=village), 90, now=NOW)
    person = await make_person(session, home=here.west)
    await pay(session, person, 30, now=NOW)
    told = await say(session, person, "排行")
    assert "1. west 0.30 学分" in told
    assert "far-village" not in told


async def test_any_other_word_is_a_search(session: AsyncSession) -> None:
    person = await make_person(session)
    for title in ("防诈骗三招", "垃圾分类"):
        await make_lesson(session, title=title)
    withdrawn = await make_lesson(session, title="防诈骗旧课")
    await service.withdraw(session, lesson_id=withdrawn.id, reason="过时", now=NOW)
    found = await say(session, person, "防诈骗")
    assert "《防诈骗三招》" in found
    assert "垃圾" not in found
    assert "旧课" not in found
    # What no title has may stand in the text.
    assert "《垃圾分类》" in await say(session, person, "挂断")
    assert await say(session, person, "种花") == f"没有找到相关的课。\n\n{HELP}"


@pytest.mark.parametrize("said", ["", " ", "%", "_", "\x00", "'; --", "\ud800", "学" * 3000])
async def test_strange_words_are_answered(session: AsyncSession, said: str) -> None:
    await make_lesson(session)
    assert "没有找到" in await say(session, await make_person(session), said)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 秒"), (59, "59 秒"), (60, "约 1 分钟"), (89, "约 1 分钟"), (3600, "约 60 分钟")],
)
def test_a_duration_as_one_says_it(seconds: int, text: str) -> None:
    assert duration(seconds) == text
