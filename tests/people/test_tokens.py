from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Unauthenticated
from app.people.erasure import erase
from app.people.errors import PersonErased, TokenExpired, TokenRevoked, TokenUnknown
from app.people.models import Session
from app.people.tokens import LIFETIME, authenticate, issue, revoke, revoke_all
from tests.people.factories import DAY, NOW, make_person

MOMENT = timedelta(microseconds=1)


async def test_a_token_stands_for_its_person(session: AsyncSession) -> None:
    person = await make_person(session)
    token, expires_at = await issue(session, person_id=person.id, now=NOW)
    assert expires_at == NOW + LIFETIME
    assert await authenticate(session, token=token, now=NOW) == person.id
    assert len(token) >= 43
    held = (await session.scalars(select(Session))).one()
    assert token.encode() not in held.digest


@pytest.mark.parametrize("token", ["", "x", "登录", "\ud800", "x" * 10_000])
async def test_what_we_did_not_issue(session: AsyncSession, token: str) -> None:
    with pytest.raises(TokenUnknown):
        await authenticate(session, token=token, now=NOW)


async def test_a_token_expires_thirty_days_after_its_last_use(session: AsyncSession) -> None:
    person = await make_person(session)
    token, expires_at = await issue(session, person_id=person.id, now=NOW)
    with pytest.raises(TokenExpired):
        await authenticate(session, token=token, now=expires_at)
    used = expires_at - MOMENT
    await authenticate(session, token=token, extend=False, now=used)
    await authenticate(session, token=token, now=used)
    assert await authenticate(session, token=token, now=used + LIFETIME - MOMENT) == person.id


async def test_an_extension_is_written_at_most_once_a_day(session: AsyncSession) -> None:
    person = await make_person(session)
    token, _ = await issue(session, person_id=person.id, now=NOW)
    held = (await session.scalars(select(Session))).one()
    seen = []
    for now in (NOW + DAY - MOMENT, NOW + DAY, NOW + 2 * DAY - MOMENT, NOW + 2 * DAY):
        await authenticate(session, token=token, now=now)
        await session.refresh(held)
        seen.append(held.last_used_at - NOW)
    assert seen == [timedelta(0), DAY, DAY, 2 * DAY]


async def test_signing_out_here_and_everywhere(session: AsyncSession) -> None:
    person = await make_person(session)
    tokens = [(await issue(session, person_id=person.id, now=NOW))[0] for _ in range(3)]
    await revoke(session, token=tokens[0], now=NOW)
    await revoke(session, token="unknown", now=NOW)
    with pytest.raises(TokenRevoked):
        await authenticate(session, token=tokens[0], now=NOW)
    assert await authenticate(session, token=tokens[1], now=NOW) == person.id
    assert await revoke_all(session, person_id=person.id, now=NOW) == 2
    for token in tokens:
        with pytest.raises(Unauthenticated):
            await authenticate(session, token=token, now=NOW)


async def test_the_erased_sign_in_no_more(session: AsyncSession) -> None:
    person = await make_person(session)
    token, _ = await issue(session, person_id=person.id, now=NOW)
    await erase(session, person_id=person.id, now=NOW)
    with pytest.raises(TokenUnknown):
        await authenticate(session, token=token, now=NOW)
    with pytest.raises(PersonErased):
        await issue(session, person_id=person.id, now=NOW)
