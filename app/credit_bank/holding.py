"""What a batch of awards begins with: the rules, who everybody is by now, and their accounts."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import LiteralString

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.rows import as_ids
from app.core.statements import rows_of
from app.credit_bank.accounts import ISSUER, Held
from app.credit_bank.rules import Rule
from app.people.errors import PersonNotFound
from app.people.queries import PATH


@dataclass(frozen=True)
class Holding:
    """Every version of the rules asked for, and the locked accounts in all units of theirs.

    `kept` says of each person whom they stand for. `owned` is by (kept person, unit), `issuers` by
    unit; an account that was never opened is in neither.
    """

    rules: tuple[Rule, ...]
    kept: dict[int, int]
    owned: dict[tuple[int, str], Held]
    issuers: dict[str, Held]


HOLD: LiteralString = f"""
    WITH RECURSIVE {PATH},
    rules AS (SELECT * FROM credit_rule WHERE code = ANY(%(codes)s::text[])),
    held AS (
        SELECT id, person_id, unit, balance, earned FROM account
        WHERE person_id = ANY(ARRAY(SELECT id FROM path WHERE merged_into_id IS NULL))
            AND unit = ANY(ARRAY(SELECT unit FROM rules))
        ORDER BY id FOR NO KEY UPDATE)
    SELECT
        (SELECT CAST(json_agg(rules ORDER BY id) AS text) FROM rules),
        (SELECT json_agg(json_build_array(asked, id)) FROM path WHERE merged_into_id IS NULL),
        (SELECT json_agg(json_build_array(person_id, unit, id, balance, earned)) FROM held),
        (SELECT json_object_agg(unit, id) FROM account
            WHERE person_id IS NULL AND organisation_id IS NULL AND program = %(issuer)s
                AND unit = ANY(ARRAY(SELECT unit FROM rules)))
    """  # noqa: S608  a constant of ours
"""One statement, as each costs more on its way than in the database. The lock is that of
`lock_accounts`, for the reasons given there."""


async def hold(
    session: AsyncSession, *, person_ids: Collection[int], codes: Collection[str]
) -> Holding:
    """Lock the accounts of whom these persons are by now. Raises PersonNotFound.

    A merge holds the same locks: who had to wait for one finds in `past.look_back` that a person
    has become somebody else, and begins again.
    """
    given = {"person_ids": as_ids(person_ids), "codes": sorted(codes), "issuer": ISSUER}
    versions, kept, owned, issuers = (await rows_of(session, HOLD, given))[0]
    holding = Holding(
        rules=_read(versions or "[]"),
        kept=dict(kept or []),
        owned={(who, unit): Held(*account) for who, unit, *account in owned or []},
        issuers={unit: Held(number, None, None) for unit, number in (issuers or {}).items()},
    )
    for person_id in person_ids:
        if person_id not in holding.kept:
            raise PersonNotFound(person_id=person_id)
    return holding


@lru_cache(maxsize=64)
def _read(versions: str) -> tuple[Rule, ...]:
    """The same text is the same rules, so nothing grows old in this cache."""
    return tuple(
        Rule(**row | {"valid_from": date.fromisoformat(row["valid_from"])})
        for row in json.loads(versions)
    )
