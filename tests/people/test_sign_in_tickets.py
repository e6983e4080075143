from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.people import sign_in_tickets as tickets
from app.people.erasure import erase
from app.people.errors import (
    NotConfirmed,
    PersonErased,
    ScanTaken,
    TicketExpired,
    TicketUnknown,
    TicketUsed,
)
from app.people.merging import merge
from app.people.models import SignInTicket
from tests.people.factories import DAY, NOW, make_person

LATE = NOW + timedelta(minutes=10)


async def test_a_link_works_once(session: AsyncSession) -> None:
    person = await make_person(session)
    secret = await tickets.make_link(session, person_id=person.id, kind="link", now=NOW)
    assert (await tickets.look(session, secret=secret, now=NOW)).person_id == person.id
    used = await tickets.use_link(session, secret=secret, now=NOW)
    assert (used.person_id, used.kind) == (person.id, "link")
    for attempt in (tickets.use_link, tickets.look):
        with pytest.raises(TicketUsed):
            await attempt(session, secret=secret, now=NOW)


async def test_a_link_lives_for_ten_minutes(session: AsyncSession) -> None:
    person = await make_person(session)
    secret = await tickets.make_link(session, person_id=person.id, kind="web_view", now=NOW)
    for attempt in (tickets.use_link, tickets.look):
        with pytest.raises(TicketExpired):
            await attempt(session, secret=secret, now=LATE)


async def test_a_made_up_secret_is_unknown(session: AsyncSession) -> None:
    scan = await tickets.start_scan(session, now=NOW)
    for secret in ("", "x", scan.secret, scan.code):
        with pytest.raises(TicketUnknown):
            await tickets.use_link(session, secret=secret, now=NOW)
    for secret in ("", "x", scan.code):
        with pytest.raises(TicketUnknown):
            await tickets.collect(session, secret=secret, now=NOW)


async def test_a_scan_is_confirmed_by_who_scanned_and_collected_once(session: AsyncSession) -> None:
    person, other = await make_person(session), await make_person(session, "o-two")
    scan = await tickets.start_scan(session, now=NOW)
    with pytest.raises(NotConfirmed):
        await tickets.collect(session, secret=scan.secret, now=NOW)
    await tickets.note_scan(session, code=scan.code, person_id=person.id, now=NOW)
    for attempt in (tickets.note_scan, tickets.confirm):
        with pytest.raises(ScanTaken):
            await attempt(session, code=scan.code, person_id=other.id, now=NOW)
    assert not await tickets.confirm_last(session, person_id=other.id, now=NOW)
    with pytest.raises(NotConfirmed):
        await tickets.collect(session, secret=scan.secret, now=NOW)
    assert await tickets.confirm_last(session, person_id=person.id, now=NOW)
    await tickets.confirm(session, code=scan.code, person_id=person.id, now=NOW)
    assert await tickets.collect(session, secret=scan.secret, now=NOW) == person.id
    with pytest.raises(TicketUsed):
        await tickets.collect(session, secret=scan.secret, now=NOW)
    assert not await tickets.confirm_last(session, person_id=person.id, now=NOW)


async def test_a_code_lives_for_five_minutes(session: AsyncSession) -> None:
    person = await make_person(session)
    scan = await tickets.start_scan(session, now=NOW)
    late = NOW + timedelta(minutes=5)
    with pytest.raises(TicketExpired):
        await tickets.note_scan(session, code=scan.code, person_id=person.id, now=late)
    await tickets.confirm(session, code=scan.code, person_id=person.id, now=NOW)
    with pytest.raises(TicketExpired):
        await tickets.collect(session, secret=scan.secret, now=late)


async def test_a_scan_survives_a_merge_of_its_person(session: AsyncSession) -> None:
    kept, merged = await make_person(session), await make_person(session, "o-two")
    scan = await tickets.start_scan(session, now=NOW)
    await tickets.note_scan(session, code=scan.code, person_id=merged.id, now=NOW)
    facts = {"reason": "同一人", "ordered_by_id": None, "now": NOW}
    await merge(session, kept_id=kept.id, merged_id=merged.id, **facts)  # type: ignore[arg-type]
    assert await tickets.confirm_last(session, person_id=kept.id, now=NOW)


async def test_an_erasure_takes_the_tickets_along(session: AsyncSession) -> None:
    person = await make_person(session)
    secret = await tickets.make_link(session, person_id=person.id, kind="link", now=NOW)
    scan = await tickets.start_scan(session, now=NOW)
    await tickets.confirm(session, code=scan.code, person_id=person.id, now=NOW)
    await erase(session, person_id=person.id, now=NOW)
    with pytest.raises(TicketUnknown):
        await tickets.use_link(session, secret=secret, now=NOW)
    with pytest.raises(TicketUnknown):
        await tickets.collect(session, secret=scan.secret, now=NOW)
    with pytest.raises(PersonErased):
        await tickets.make_link(session, person_id=person.id, kind="link", now=NOW)


async def test_old_tickets_are_purged(session: AsyncSession) -> None:
    for now in (NOW - DAY, NOW):
        await tickets.start_scan(session, now=now)
    assert await tickets.purge(session, before=NOW) == 1
    assert len((await session.scalars(select(SignInTicket))).all()) == 1


def test_the_number_to_compare_has_two_digits() -> None:
    numbers = {tickets.check_number(f"{code:016x}") for code in range(500)}
    assert all(len(number) == 2 for number in numbers)
    assert len(numbers) > 50
    assert len(tickets.scene_of("0" * 16)) <= 32
