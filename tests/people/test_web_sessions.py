from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.people import staff_acts, tokens, web_sessions
from app.people.devices import device_label, is_mini_program, kept_user_agent
from app.people.erasure import erase
from app.people.errors import SessionNotFound, TokenExpired, TokenRevoked, TokenUnknown
from app.people.models import Person, Session, StaffAct
from app.people.web_sessions import Opened, Visit
from tests.people.factories import DAY, NOW, make_office, make_person, make_town

HOUR = timedelta(hours=1)
WECHAT = "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/116 MicroMessenger/8.0.49"
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0"


async def sign_in(
    session: AsyncSession, person: Person, *, replaces: str | None = None, agent: str = WECHAT
) -> Opened:
    return await web_sessions.sign_in(
        session, person_id=person.id, way="link", user_agent=agent, replaces=replaces, now=NOW
    )


async def see(session: AsyncSession, opened: Opened, after: timedelta = HOUR) -> Visit:
    return await web_sessions.visit(session, token=opened.token, now=NOW + after)


async def make_tutor(session: AsyncSession) -> Person:
    await make_town(session)
    person = await make_person(session, "o-tutor")
    await make_office(session, person, "tutor", "T-1")
    return person


async def test_a_resident_stays_for_thirty_days_after_the_last_use(session: AsyncSession) -> None:
    opened = await sign_in(session, await make_person(session))
    for day in (29, 58, 87):
        await see(session, opened, day * DAY)
    with pytest.raises(TokenExpired):
        await see(session, opened, (87 + 30) * DAY)


async def test_staff_stay_for_twelve_hours_however_busy(session: AsyncSession) -> None:
    opened = await sign_in(session, await make_tutor(session))
    for hour in range(1, 12):
        assert (await see(session, opened, hour * HOUR)).actor.offices
    with pytest.raises(TokenExpired):
        await see(session, opened, 12 * HOUR)


async def test_who_is_given_an_office_later_is_staff_at_once(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)
    opened = await sign_in(session, person)
    await make_office(session, person, "tutor", "T-1")
    await see(session, opened, 11 * HOUR)
    with pytest.raises(TokenExpired):
        await see(session, opened, 12 * HOUR)


async def test_a_new_sign_in_ends_the_old_one_of_this_browser(session: AsyncSession) -> None:
    person = await make_person(session)
    first = await sign_in(session, person)
    second = await sign_in(session, person, replaces=first.token)
    assert first.token != second.token
    with pytest.raises(TokenRevoked):
        await see(session, first)
    assert (await see(session, second)).actor.person_id == person.id


async def test_a_secret_that_somebody_chose_opens_nothing(session: AsyncSession) -> None:
    opened = await sign_in(session, await make_person(session), replaces="chosen-by-somebody")
    assert opened.token != "chosen-by-somebody"
    with pytest.raises(TokenUnknown):
        await web_sessions.visit(session, token="chosen-by-somebody", now=NOW)


async def test_a_cookie_is_no_token_and_a_token_no_cookie(session: AsyncSession) -> None:
    person = await make_person(session)
    opened = await sign_in(session, person)
    token, _ = await tokens.issue(session, person_id=person.id, now=NOW)
    with pytest.raises(TokenUnknown):
        await tokens.authenticate(session, token=opened.token, now=NOW)
    with pytest.raises(TokenUnknown):
        await web_sessions.visit(session, token=token, now=NOW)


async def test_ones_devices_are_listed_and_ended(session: AsyncSession) -> None:
    person, other = await make_person(session), await make_person(session, "o-two")
    phone, computer = await sign_in(session, person), await sign_in(session, person, agent=EDGE)
    await tokens.issue(session, person_id=person.id, now=NOW)
    strangers = await sign_in(session, other)
    visit = await see(session, phone)
    devices = await web_sessions.list_devices(session, visit=visit, now=NOW + HOUR)
    assert [(one.label, one.is_this) for one in devices] == [
        ("安卓手机上的微信", True),
        ("Windows 电脑上的 Edge 浏览器", False),
        ("微信小程序", False),
    ]
    for session_id in (strangers.session_id, 2**62):
        with pytest.raises(SessionNotFound):
            await web_sessions.end_device(session, visit=visit, session_id=session_id, now=NOW)
    await web_sessions.end_device(session, visit=visit, session_id=computer.session_id, now=NOW)
    with pytest.raises(TokenRevoked):
        await see(session, computer)
    assert await web_sessions.end_others(session, visit=visit, now=NOW) == 1
    assert len(await web_sessions.list_devices(session, visit=visit, now=NOW)) == 1
    await see(session, strangers)


async def test_an_erasure_ends_the_sessions(session: AsyncSession) -> None:
    person = await make_person(session)
    opened = await sign_in(session, person)
    await erase(session, person_id=person.id, now=NOW)
    with pytest.raises(TokenUnknown):
        await see(session, opened)
    assert (await session.scalars(select(Session))).all() == []


async def test_staff_leave_a_trace_and_residents_none(session: AsyncSession) -> None:
    tutor = await make_tutor(session)
    opened = await sign_in(session, tutor)
    await sign_in(session, await make_person(session))
    await web_sessions.sign_out(
        session, visit=await see(session, opened), token=opened.token, now=NOW
    )
    rows = select(StaffAct).where(StaffAct.person_id.is_not(None)).order_by(StaffAct.id)
    noted = [(one.person_id, one.act) for one in await session.scalars(rows)]
    assert noted == [(tutor.id, "sign_in"), (tutor.id, "sign_out")]
    mine = await staff_acts.list_acts(session, person_id=tutor.id, limit=1)
    assert [one.act for one in mine.items] == ["sign_out"]
    rest = await staff_acts.list_acts(session, person_id=tutor.id, cursor=mine.next, limit=1)
    assert ([one.act for one in rest.items], rest.next) == (["sign_in"], None)


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        (None, "浏览器"),
        ("", "浏览器"),
        ("curl/8.0", "浏览器"),
        (WECHAT, "安卓手机上的微信"),
        (f"{WECHAT} miniProgram/wx1", "安卓手机上的微信小程序里的网页"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17) Safari/604", "苹果手机上的 Safari 浏览器"),
        (EDGE, "Windows 电脑上的 Edge 浏览器"),
    ],
)  # fmt: skip
def test_a_device_has_a_plain_name(agent: str | None, label: str) -> None:
    assert device_label(agent) == label
    assert is_mini_program(agent) == ("小程序" in label)


def test_a_browsers_name_is_kept_short_and_printable() -> None:
    assert kept_user_agent("a\x00b\r\n" + "c" * 999) == "ab" + "c" * 298
    assert kept_user_agent(None) is kept_user_agent("\n") is None
