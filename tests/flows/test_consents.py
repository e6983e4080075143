"""What the mini-program tells of subscription messages, and what is not kept for ever."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import once
from app.flows.housekeeping import MESSAGES_KEPT, purge
from app.push.models import Permit
from tests.factories import pushes
from tests.factories.people import MINI, NOW, make_identity, make_person

SECOND = timedelta(seconds=1)
SENT = "shoushan_push_letters_total"


async def hear(
    session: AsyncSession, name: str, *entries: dict[str, str], seconds: int = 0
) -> None:
    at = NOW + seconds * SECOND
    fields: dict[str, Any] = pushes.event("m-one", f"subscribe_msg_{name}_event", at=at)
    fields["List"] = list(entries)
    await pushes.arrive(session, fields, appid=MINI, now=at)


def choice(template: str, said: str) -> dict[str, str]:
    return {"TemplateId": template, "SubscribeStatusString": said}


async def unused(session: AsyncSession) -> dict[str, int]:
    rows = await session.execute(
        select(Permit.template_id, func.count())
        .where(Permit.withdrawn_at.is_(None))
        .group_by(Permit.template_id)
    )
    return dict(rows.all())


@pytest.mark.parametrize("said", ["reject", "ban", "filter"])
async def test_each_accept_is_a_permit_and_a_refused_popup_takes_none(
    session: AsyncSession, said: str
) -> None:
    await hear(session, "popup", choice("A", "accept"), choice("B", said), choice("C", "accept"))
    for _ in range(2):  # the platform repeats itself
        await hear(session, "popup", choice("A", "accept"), seconds=1)
    await hear(session, "popup", choice("A", said), seconds=2)
    assert await unused(session) == {"A": 2, "C": 1}


async def test_the_settings_take_back_one_template_and_give_nothing(session: AsyncSession) -> None:
    await hear(session, "popup", choice("A", "accept"), choice("C", "accept"))
    await hear(session, "change", choice("A", "reject"), choice("B", "accept"), seconds=1)
    assert await unused(session) == {"C": 1}
    # An old refusal that comes late does not touch what was allowed since.
    await hear(session, "popup", choice("A", "accept"), seconds=5)
    await hear(session, "change", choice("A", "reject"), seconds=4)
    assert await unused(session) == {"A": 1, "C": 1}


async def test_a_permit_names_nobody(session: AsyncSession) -> None:
    await hear(session, "popup", choice("A", "accept"))
    assert "m-one" not in str(await session.scalar(select(Permit.key)))


@pytest.mark.parametrize(("errcode", "counted"), [("0", 0), ("43101", 1)])
async def test_what_was_not_shown_after_all_is_counted(
    session: AsyncSession, errcode: str, counted: int
) -> None:
    await make_identity(session, await make_person(session), "m-one", appid=MINI)
    labels = {"kind": "notice", "outcome": "not_shown"}
    before = REGISTRY.get_sample_value(SENT, labels) or 0
    result = {"TemplateId": "A", "MsgID": "17", "ErrorCode": errcode, "ErrorStatus": "x"}
    await hear(session, "sent", result)
    assert (REGISTRY.get_sample_value(SENT, labels) or 0) - before == counted


async def test_request_keys_and_old_intentions_are_not_kept(session: AsyncSession) -> None:
    person = await make_person(session)
    for key, days in (("old-key-1", 8), ("new-key-1", 0)):
        at = NOW - timedelta(days=days)
        await once.begin(session, person_id=person.id, key=key, asked="x", now=at)
    await session.flush()
    await purge(session, now=NOW)
    keys = await session.scalars(text("SELECT key FROM request_key"))
    assert keys.all() == ["new-key-1"]
    assert timedelta(days=184) <= MESSAGES_KEPT
