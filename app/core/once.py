"""A repeated click does nothing twice: what was asked under one Idempotency-Key, and our answer.

The row is written in the transaction of the work itself, so either both are there or neither. Two
requests with one key at the same moment wait for each other on the primary key.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, ForeignKey, Text, delete
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model
from app.core.errors import Conflict

REMEMBERED = timedelta(hours=48)
"""Longer than any client repeats a request, a phone offline overnight included; not longer,
because an answer may name other people, whose erasure does not reach into it."""


class RequestKeyReused(Conflict):
    title = "刚才已经提交过一次，内容和现在的不同，请刷新后再试"


class RequestKey(Model):
    __tablename__ = "request_key"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    # SHA-256 of method, path and body.
    asked: Mapped[str] = mapped_column(Text)
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def digest_of_request(method: str, path: str, body: bytes) -> str:
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


async def begin(
    session: AsyncSession, *, person_id: int, key: str, asked: str, now: datetime
) -> RequestKey:
    """The row of this key: new (`answer` is None), or that of the first request.

    Raises RequestKeyReused if the first request asked for something else.
    """
    row = insert(RequestKey).values(person_id=person_id, key=key, asked=asked, made_at=now)
    await session.execute(row.on_conflict_do_nothing())
    found = await session.get(RequestKey, (person_id, key), with_for_update=True)
    assert found is not None
    if found.asked != asked:
        raise RequestKeyReused
    return found


async def forget_keys(session: AsyncSession, *, now: datetime) -> None:
    await session.execute(delete(RequestKey).where(RequestKey.made_at < now - REMEMBERED))


async def forget_person(session: AsyncSession, *, person_ids: Sequence[int]) -> None:
    """Erasure: what they asked, and what they were answered, goes with them."""
    await session.execute(delete(RequestKey).where(RequestKey.person_id.in_(person_ids)))
