"""To see everything held, and to be forgotten everywhere."""

import json
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import once
from app.credit_bank import prior_learning
from app.flows.auditing import audit
from app.flows.erasure import erase, export
from app.flows.meeting import meet
from app.flows.notices import tell
from app.flows.prior_learning import approve
from app.learning import activities
from app.people import tokens
from app.people.models import Person
from app.people.queries import find_person_by_identity, list_identities
from app.push import permits, tasks
from tests.factories import pushes
from tests.factories.bank import pay
from tests.factories.content import make_lesson
from tests.factories.learning import complete_lesson
from tests.factories.people import (
    MINI,
    NOW,
    OA,
    Town,
    make_identity,
    make_office,
    make_person,
    make_town,
)

LATER = NOW + timedelta(hours=12)
SECRETS = ("o-zhangsan", "m-zhangsan", "u-zhangsan", "张三丰", "张三丰的毕业证", "我有话说")


async def a_full_life(session: AsyncSession) -> Person:
    """Somebody who wrote, learned on two accounts, held an office and brought a document."""
    town = await make_town(session)
    person = await make_person(
        session, "张三丰", home=town.west, unit=town.school, visible=True, openid="o-zhangsan"
    )
    user = await make_person(session, "张三丰", now=NOW + timedelta(minutes=1))
    await make_identity(session, user, "m-zhangsan", appid=MINI, unionid="u-zhangsan")
    await make_office(session, person, "tutor", town.west)
    await tokens.issue(session, person_id=person.id, now=NOW)
    await pushes.arrive(session, pushes.text("o-zhangsan", "我有话说"))
    for one in (person, user):
        await complete_lesson(session, one.id, (await make_lesson(session)).id, now=NOW)
    await be_asked(session, user, town)
    await meet(session, appid=OA, openid="o-zhangsan", unionid="u-zhangsan", now=LATER)
    await recognise(session, person)
    return person


async def be_asked(session: AsyncSession, person: Person, town: Town) -> None:
    """A notice allowed, a duty waiting, an evening planned."""
    (mine,) = await list_identities(session, person.id)
    await permits.give(session, key="tap", identity_id=mine.id, template_id="T", now=NOW)
    booked = await once.begin(session, person_id=person.id, key="a-click", asked="", now=NOW)
    booked.answer = {"author": "张三丰"}
    await tell(
        session, key="duty:1", person_id=person.id, kind="duty", text="张三丰，请转发", now=NOW
    )
    await tasks.open_task(
        session, key="relay:1", kind="relay", org_id=town.west.id, person_id=person.id, role=None,
        title="转发", text="请转发", due_at=LATER, now=NOW,
    )  # fmt: skip
    activity = await activities.announce(
        session, title="院坝会", platform="微讲堂", org_id=town.west.id, starts_at=LATER,
        ends_at=LATER + timedelta(hours=1), made_by_id=person.id,
    )  # fmt: skip
    await activities.sign_up(session, activity_id=activity.id, person_id=person.id, now=NOW)


async def recognise(session: AsyncSession, person: Person) -> None:
    application = await prior_learning.apply(
        session,
        person_id=person.id,
        title="张三丰的毕业证",
        institution="重庆开放大学",
        hours_hundredths=1600,
        achieved_on=NOW.date(),
        document_name="张三丰的毕业证.pdf",
        document_sha256="a" * 64,
        now=NOW,
    )
    first, second = await make_person(session), await make_person(session)
    await prior_learning.confirm(session, application_id=application.id, by_id=first.id, now=NOW)
    await approve(session, application_id=application.id, by_id=second.id, now=LATER)


async def tables_with(session: AsyncSession, secret: str) -> list[str]:
    """Every table of ours and of the queue that has a row in which `secret` stands."""
    names = await session.scalars(
        text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
             " AND table_type = 'BASE TABLE'")
    )  # fmt: skip
    found = []
    for name in names.all():
        asked = text(f'SELECT count(*) FROM "{name}" t WHERE t::text LIKE :part')  # noqa: S608
        if await session.scalar(asked, {"part": f"%{secret}%"}):
            found.append(name)
    return sorted(found)


async def test_a_secret_is_found_where_it_stands(session: AsyncSession) -> None:
    await a_full_life(session)
    assert await tables_with(session, "o-zhangsan") == ["identity", "wechat_inbox"]
    assert "person" in await tables_with(session, "张三丰")


async def test_nothing_personal_is_left_anywhere(session: AsyncSession) -> None:
    person = await a_full_life(session)
    await erase(session, person_id=person.id, now=LATER)
    session.expire_all()
    left = {secret: await tables_with(session, secret) for secret in SECRETS[:3]}
    left |= {secret: await tables_with(session, secret) for secret in ("张三丰", "我有话说")}
    # The title of a document stands in the books for ever: they are append-only. It is for the
    # two who confirm it to see that no name is in it.
    left["张三丰"] = [name for name in left["张三丰"] if name != "transfer"]
    assert left == {secret: [] for secret in left}
    assert await find_person_by_identity(session, appid=OA, openid="o-zhangsan") is None
    assert (await audit(session)).findings == [], "the books stay true"
    texts = await session.execute(text("SELECT DISTINCT text, values, state FROM letter"))
    assert [tuple(row) for row in texts] == [("", None, "skipped")], "and what waited is not sent"
    states = await session.scalars(text("SELECT state || closed_reason FROM task"))
    assert states.all() == ["dropped本人注销"]
    for table in ("permit", "sign_up", "request_key"):
        assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == 0  # noqa: S608


async def test_erasing_again_changes_nothing(session: AsyncSession) -> None:
    person = await a_full_life(session)
    await erase(session, person_id=person.id, now=LATER)
    await erase(session, person_id=person.id, now=LATER + timedelta(days=1))
    found = await session.get_one(Person, person.id, populate_existing=True)
    assert found.erased_at == LATER


async def test_an_export_holds_everything(session: AsyncSession) -> None:
    person = await a_full_life(session)
    held = await export(session, person_id=person.id)
    written = json.dumps(held, ensure_ascii=False)
    for secret in (*SECRETS, "重庆开放大学", "张三丰的毕业证.pdf"):
        assert secret in written, secret
    assert len(held["people"]["persons"]) == 2
    assert len(held["learning"]["studies"]) == 2
    study = held["learning"]["studies"][0]
    assert (study["verified_seconds"], study["days"]) == (60, {"2026-11-23": 60})
    assert [one["passed"] for one in study["attempts"]] == [True]
    # Two lessons, less the day that was paid twice; the document; and the joining of both.
    assert sum(line["amount"] for line in held["statement"] if line["unit"] == "credit") == 1604
    assert {one["name"] for one in held["honours"]} >= {"开卷有益", "首次满分", "行善"}
    assert len(held["messages"]) == 1
    assert "张三丰，请转发" in [one["text"] for one in held["letters"]]
    assert [one["template_id"] for one in held["permits"]] == ["T"]
    assert [one["title"] for one in held["tasks"]] == ["转发"]
    assert [one["activity"] for one in held["learning"]["sign_ups"]] == ["院坝会"]


async def test_a_long_statement_is_exported_whole(session: AsyncSession) -> None:
    person = await make_person(session)
    for amount in range(1, 106):
        await pay(session, person, amount, now=NOW)
    held = await export(session, person_id=person.id)
    assert [line["amount"] for line in held["statement"]] == list(range(105, 0, -1))
