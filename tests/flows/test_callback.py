"""What happens when WeChat tells us something."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.flows.callback import CANNOT_READ, answer, find_senders
from app.flows.chat import HELP
from app.learning import activities
from app.learning.models import Activity, Attendance
from app.people.models import Identity, Organisation, Person
from tests.factories import pushes
from tests.factories.content import make_lesson
from tests.factories.people import MINI, NOW, OA, make_identity, make_person, make_town

HOUR = timedelta(hours=1)


async def hear(
    session: AsyncSession,
    pushed: dict[str, str],
    *,
    appid: str = OA,
    now: datetime = NOW,
) -> str | None:
    messages = {1: pushes.read(pushed, appid=appid)}
    senders = await find_senders(session, messages=messages)
    said = await answer(session, messages=messages, senders=senders, now=now)
    return said[1]


async def identity_of(session: AsyncSession, openid: str) -> Identity:
    return (
        await session.scalars(
            select(Identity)
            .where(Identity.openid == openid)
            .execution_options(populate_existing=True)
        )
    ).one()


async def person_of(session: AsyncSession, openid: str) -> Person:
    identity = await identity_of(session, openid)
    return await session.get_one(Person, identity.person_id, populate_existing=True)


async def persons(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(Person)) or 0


async def jobs(session: AsyncSession) -> list[str]:
    asked = text("SELECT task_name FROM procrastinate_jobs ORDER BY id")
    return list(await session.scalars(asked))


async def test_a_new_follower_is_welcomed_and_the_unionid_asked_for(session: AsyncSession) -> None:
    said = await hear(session, pushes.event("o-new", "subscribe"))
    assert said == f"欢迎关注首善双槐！\n\n{HELP}"
    identity = await identity_of(session, "o-new")
    assert (identity.subscribed, identity.subscribed_at) == (True, NOW)
    assert await jobs(session) == ["people.fetch_unionid"]


async def test_a_follower_whose_unionid_came_along_is_not_asked_about(
    session: AsyncSession,
) -> None:
    await hear(session, pushes.event("o-new", "subscribe", UnionId="u-1"))
    assert (await identity_of(session, "o-new")).unionid == "u-1"
    assert await jobs(session) == []


async def test_following_by_a_villages_code_registers_the_village(session: AsyncSession) -> None:
    town = await make_town(session)
    said = await hear(session, pushes.event("o-new", "subscribe", key="qrscene_v:west"))
    assert said == f"已为您登记：west。\n\n欢迎关注首善双槐！\n\n{HELP}"
    assert (await person_of(session, "o-new")).org_id == town.west.id


async def test_who_comes_back_is_greeted_so_and_keeps_everything(session: AsyncSession) -> None:
    town = await make_town(session)
    await hear(session, pushes.event("o-one", "subscribe", key="qrscene_west"))
    person_id = (await person_of(session, "o-one")).id
    await hear(session, pushes.event("o-one", "unsubscribe", at=NOW + HOUR), now=NOW + HOUR)
    identity = await identity_of(session, "o-one")
    assert (identity.subscribed, identity.unsubscribed_at) == (False, NOW + HOUR)
    back = pushes.event("o-one", "subscribe", at=NOW + 2 * HOUR)
    said = await hear(session, back, now=NOW + 2 * HOUR)
    assert said == f"欢迎回来！\n\n{HELP}"
    person = await person_of(session, "o-one")
    assert (person.id, person.org_id) == (person_id, town.west.id)
    assert (await identity_of(session, "o-one")).subscribed


async def test_an_unsubscribe_that_comes_late_does_not_undo_the_return(
    session: AsyncSession,
) -> None:
    await hear(session, pushes.event("o-one", "subscribe", at=NOW + HOUR))
    await hear(session, pushes.event("o-one", "unsubscribe", at=NOW))
    assert (await identity_of(session, "o-one")).subscribed


async def test_a_stranger_who_leaves_is_not_worth_a_row(session: AsyncSession) -> None:
    before = await persons(session)
    assert await hear(session, pushes.event("o-never", "unsubscribe")) is None
    assert await persons(session) == before


@pytest.mark.parametrize("scene", ["west", "v:west", "west-1"])
async def test_scanning_a_villages_code_registers_it(session: AsyncSession, scene: str) -> None:
    await make_town(session)
    code = scene.removeprefix("v:")
    assert await hear(session, pushes.event("o-one", "SCAN", key=scene)) == f"已为您登记：{code}。"
    person = await person_of(session, "o-one")
    home = await session.get_one(Organisation, person.org_id)
    assert home.code == code


async def test_another_villages_code_does_not_overrule_a_declaration(
    session: AsyncSession,
) -> None:
    town = await make_town(session)
    person = await make_person(session, home=town.west, openid="o-one")
    said = await hear(session, pushes.event("o-one", "SCAN", key="v:east"))
    assert said is not None
    assert "您登记的是west" in said
    assert "这是east的码" in said
    assert (await person_of(session, "o-one")).org_id == town.west.id
    # The own village's code again says so again.
    assert await hear(session, pushes.event("o-one", "SCAN", key="v:west")) == "已为您登记：west。"
    assert person.org_id == town.west.id


@pytest.mark.parametrize("scene", ["v:nowhere", "act-0123456789", "x", ""])
async def test_a_code_of_nobody_is_told_so(session: AsyncSession, scene: str) -> None:
    said = await hear(session, pushes.event("o-one", "SCAN", key=scene))
    assert said == "这个码已经停用，或不是首善学堂的码。"


async def make_activity(session: AsyncSession) -> Activity:
    town, tutor = await make_town(session), await make_person(session)
    return await activities.announce(
        session,
        title="院坝会",
        platform="微讲堂",
        org_id=town.west.id,
        starts_at=NOW,
        ends_at=NOW + HOUR,
        made_by_id=tutor.id,
    )


async def test_an_activitys_code_signs_in_once(session: AsyncSession) -> None:
    activity = await make_activity(session)
    said = await hear(session, pushes.event("o-one", "SCAN", key=activity.code))
    assert said == "已登记您参加「院坝会」，辅导员确认到场后计入学分。"
    said = await hear(session, pushes.event("o-one", "SCAN", key=activity.code, at=NOW + HOUR / 2))
    assert said is not None
    assert "您已签过到" in said
    row = (await session.scalars(select(Attendance))).one()
    assert row.person_id == (await person_of(session, "o-one")).id
    late = pushes.event("o-two", "SCAN", key=activity.code)
    assert await hear(session, late, now=NOW + 2 * HOUR) == "现在不在签到时间。"


async def test_following_by_an_activitys_code_signs_in(session: AsyncSession) -> None:
    activity = await make_activity(session)
    said = await hear(session, pushes.event("o-new", "subscribe", key=f"qrscene_{activity.code}"))
    assert said is not None
    assert said.startswith("已登记您参加「院坝会」")
    assert await session.scalar(select(func.count()).select_from(Attendance)) == 1


@pytest.mark.parametrize("info", ["1", "cancellation"])
async def test_a_revoked_authorisation_erases(session: AsyncSession, info: str) -> None:
    person = await make_person(session, "张三", openid="o-one")
    revoked = pushes.event(
        "o-platform", "user_authorization_revoke", OpenID="o-one", RevokeInfo=info
    )
    assert await hear(session, revoked) is None
    found = await session.get_one(Person, person.id, populate_existing=True)
    assert (found.name, found.erased_at) == (None, NOW)
    left = await session.scalars(select(Identity).where(Identity.openid == "o-one"))
    assert left.all() == []
    # Who writes again is somebody new.
    assert await hear(session, pushes.text("o-one", "帮助")) == HELP
    assert (await person_of(session, "o-one")).id != person.id


async def test_a_revocation_by_a_stranger_changes_nothing(session: AsyncSession) -> None:
    before = await persons(session)
    revoked = pushes.event("o-x", "user_authorization_revoke", OpenID="o-x", RevokeInfo="1")
    assert await hear(session, revoked) is None
    assert await persons(session) == before


@pytest.mark.parametrize("kind", ["image", "voice", "video", "location", "link"])
async def test_media_is_answered_and_opens_the_window(session: AsyncSession, kind: str) -> None:
    assert await hear(session, pushes.fields("o-one", kind)) == CANNOT_READ
    assert (await identity_of(session, "o-one")).last_seen_at == NOW


async def test_a_text_is_answered_and_opens_the_window(session: AsyncSession) -> None:
    assert await hear(session, pushes.text("o-one", "帮助")) == HELP
    assert (await identity_of(session, "o-one")).last_seen_at == NOW


@pytest.mark.parametrize(
    ("key", "part"), [("help", "帮助"), ("credits", "您的称号"), ("today", "《菜单课》")]
)
async def test_a_menu_click_is_a_word_saved(session: AsyncSession, key: str, part: str) -> None:
    await make_lesson(session, title="菜单课")
    said = await hear(session, pushes.event("o-one", "CLICK", key=key))
    assert said is not None
    assert part in said
    # A click opens one minute, not 48 hours.
    assert (await identity_of(session, "o-one")).last_seen_at is None


@pytest.mark.parametrize("name", ["VIEW", "LOCATION", "something_new"])
async def test_other_events_are_kept_silently(session: AsyncSession, name: str) -> None:
    before = await persons(session)
    assert await hear(session, pushes.event("o-one", name, key="https://x")) is None
    assert await persons(session) == before


async def test_the_mini_program_has_no_passive_replies(session: AsyncSession) -> None:
    assert await pushes.arrive(session, pushes.text("m-one", "帮助"), appid=MINI) == [None]
    assert (await identity_of(session, "m-one")).last_seen_at == NOW


async def test_a_unionid_in_a_message_joins_the_two_accounts(session: AsyncSession) -> None:
    person = await make_person(session)
    await make_identity(session, person, "m-one", appid=MINI, unionid="u-1")
    await hear(session, pushes.text("o-one", "帮助", UnionId="u-1"))
    assert (await person_of(session, "o-one")).id == person.id
