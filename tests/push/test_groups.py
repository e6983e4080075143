from datetime import UTC, time
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import DomainError
from app.push import groups
from app.push.channels import LIMITS, is_address, masked
from app.push.groups import (
    EndReasonMissing,
    GroupAddressUnsuitable,
    GroupAlreadyEnded,
    GroupExists,
    GroupHoursUnsuitable,
    GroupNameUnsuitable,
    OwnerUnsuitable,
)
from app.push.rules import CHANNELS
from tests.factories.people import NOW, Town, make_office, make_person, make_town

KEY = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"


async def facts_of(session: AsyncSession, town: Town, **other: Any) -> dict[str, Any]:
    owner = await make_person(session)
    await make_office(session, owner, "tutor", town.town)
    usual = {
        "name": "文坪村学习群",
        "org_id": town.west.id,
        "channel": "wecom_robot",
        "address": KEY,
        "owner_id": owner.id,
        "send_at": time(7, 40),
        "deadline": time(12),
    }
    return {**usual, **other}


async def test_the_same_group_again_is_the_first(session: AsyncSession) -> None:
    facts = await facts_of(session, await make_town(session))
    first = await groups.register(session, **facts, now=NOW)
    again = await groups.register(session, **{**facts, "name": " 文坪村学习群 "}, now=NOW)
    assert again.id == first.id
    for other in ({"address": KEY[::-1]}, {"name": "另一个群"}, {"send_at": time(8)}):
        with pytest.raises(GroupExists):
            await groups.register(session, **{**facts, **other}, now=NOW)


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"name": ""}, GroupNameUnsuitable),
        ({"name": "群\u200b名"}, GroupNameUnsuitable),
        ({"address": None}, GroupAddressUnsuitable),
        ({"address": "short"}, GroupAddressUnsuitable),
        ({"channel": "relay"}, GroupAddressUnsuitable),
        ({"channel": "wecom_customer_group"}, GroupAddressUnsuitable),
        ({"send_at": time(7, 29)}, GroupHoursUnsuitable),
        ({"send_at": time(21), "deadline": time(22)}, GroupHoursUnsuitable),
        ({"deadline": time(7, 40)}, GroupHoursUnsuitable),
        ({"send_at": time(7, 40, tzinfo=UTC)}, GroupHoursUnsuitable),
    ],
)
async def test_what_makes_no_sense_is_refused(
    session: AsyncSession, other: dict[str, Any], error: type[DomainError]
) -> None:
    facts = await facts_of(session, await make_town(session), **other)
    with pytest.raises(error) as refused:
        await groups.register(session, **facts, now=NOW)
    assert KEY not in f"{refused.value} {refused.value.facts}"


async def test_a_group_may_keep_other_hours(session: AsyncSession) -> None:
    facts = await facts_of(session, await make_town(session), send_at=time(6))
    assert await groups.register(session, **facts, open_from=time(5, 30), now=NOW)


async def test_an_owner_holds_an_office_there_or_above(session: AsyncSession) -> None:
    town = await make_town(session)
    stranger, neighbour = await make_person(session), await make_person(session)
    await make_office(session, neighbour, "tutor", town.east)
    for person in (stranger, neighbour):
        facts = await facts_of(session, town, owner_id=person.id)
        with pytest.raises(OwnerUnsuitable):
            await groups.register(session, **facts, now=NOW)


async def test_an_ended_group_makes_room_for_another(session: AsyncSession) -> None:
    facts = await facts_of(session, await make_town(session))
    first = await groups.register(session, **facts, now=NOW)
    with pytest.raises(EndReasonMissing):
        await groups.end(session, group_id=first.id, reason=" ", now=NOW)
    for _ in range(2):
        await groups.end(session, group_id=first.id, reason="群已解散", now=NOW)
    with pytest.raises(GroupAlreadyEnded):
        await groups.end(session, group_id=first.id, reason="别的原因", now=NOW)
    with pytest.raises(GroupAlreadyEnded):
        await groups.change(session, group_id=first.id, facts={"name": "新名"}, now=NOW)
    second = await groups.register(session, **facts, now=NOW)
    assert second.id != first.id
    page = await groups.list_groups(session, org_ids=[facts["org_id"]])
    assert [one.id for one in page.items] == [second.id]


async def test_a_change_is_checked_like_a_beginning(session: AsyncSession) -> None:
    facts = await facts_of(session, await make_town(session))
    group = await groups.register(session, **facts, now=NOW)
    changed = await groups.change(
        session, group_id=group.id, facts={"channel": "relay", "address": None}, now=NOW
    )
    assert (changed.channel, changed.address) == ("relay", None)
    with pytest.raises(GroupHoursUnsuitable):
        await groups.change(session, group_id=group.id, facts={"send_at": time(3)}, now=NOW)
    await groups.register(session, **{**facts, "name": "另一个群"}, now=NOW)
    with pytest.raises(GroupExists):
        await groups.change(session, group_id=group.id, facts={"name": "另一个群"}, now=NOW)


def test_every_channel_has_limits_and_a_form_of_address() -> None:
    assert set(LIMITS) == set(CHANNELS)
    assert is_address("relay", None)
    assert is_address("wecom_customer_group", "wrOgQhDgAAMYQiS5ol9G7gK9JVAAAA")
    assert not is_address("wecom_robot", "https://qyapi.weixin.qq.com/?key=" + KEY)
    assert masked(KEY) == "…5aaa"
    assert masked(None) is None
