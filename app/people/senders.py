"""Whoever writes to us, many at once: those we know already, and that they were here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.rows import as_rows
from app.core.statements import rows_of

Address = tuple[str, str]
"""An appid and an openid of it."""


@dataclass(slots=True)
class Sender:
    """The person behind an address; `unionid` as far as it was ever told."""

    person_id: int
    identity_id: int
    unionid: str | None


async def find_known(
    session: AsyncSession, *, wrote: Mapping[Address, datetime | None]
) -> dict[Address, Sender]:
    """Those of these whom somebody has met before, and `touch` them; None where nothing is noted.

    One statement: each costs more on its way than in the database.
    """
    if not wrote:
        return {}
    given = as_rows(
        {"appid": appid, "openid": openid, "at": at}
        for (appid, openid), at in sorted(wrote.items())
    )
    rows = await rows_of(session, FIND, {"given": given})
    return {(row[0], row[1]): Sender(row[2], row[3], row[4]) for row in rows}


async def touch(session: AsyncSession, *, seen: Mapping[int, datetime]) -> None:
    """They wrote to us: WeChat lets us answer for 48 hours. A follow, scan or click does not.

    `seen`: identity id → when. An older message changes nothing.
    """
    if seen:
        given = as_rows({"id": one, "at": at} for one, at in sorted(seen.items()))
        await rows_of(session, TOUCH, {"given": given})


FIND: LiteralString = """
    WITH given AS MATERIALIZED (
        SELECT * FROM json_to_recordset(%(given)s::json) AS given (
            appid text, openid text, at timestamptz)
    ), touched AS (
        UPDATE identity SET last_seen_at = given.at
        FROM given
        WHERE identity.appid = given.appid AND identity.openid = given.openid
            AND given.at IS NOT NULL
            AND (identity.last_seen_at IS NULL OR identity.last_seen_at < given.at)
    )
    SELECT appid, openid, identity.person_id, identity.id, identity.unionid
    FROM given JOIN identity USING (appid, openid)
    """
TOUCH: LiteralString = """
    UPDATE identity SET last_seen_at = given.at
    FROM json_to_recordset(%(given)s::json) AS given (id bigint, at timestamptz)
    WHERE identity.id = given.id
        AND (identity.last_seen_at IS NULL OR identity.last_seen_at < given.at)
    """
