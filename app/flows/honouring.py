"""Granting what a person's record deserves, and leaving a congratulation for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.credit_bank import queries as bank
from app.flows import notices
from app.learning import queries as evidence
from app.learning import rules as learning_rules
from app.push import letters, notice_values
from app.recognition import rules as honours
from app.recognition import service as recognition
from app.recognition.models import Honour
from app.recognition.service import Deserving


@dataclass(frozen=True)
class Progressed:
    """Somebody whose record has grown, and by what (`study:345`)."""

    person_id: int
    proof: str
    at: datetime


async def honour(
    session: AsyncSession, *, person_id: int, proof: str, now: datetime
) -> list[Honour]:
    """What `honour_all` does, for one person."""
    return (await honour_all(session, [Progressed(person_id, proof, now)]))[person_id]


async def honour_all(
    session: AsyncSession, progressed: Sequence[Progressed]
) -> dict[int, list[Honour]]:
    """Grant what these records deserve by now, by person; none may be named twice."""
    if not progressed:
        return {}
    person_ids = [one.person_id for one in progressed]
    earliest = min(local_day(one.at) for one in progressed)
    since = earliest - timedelta(days=honours.STREAK_MAX)
    learned = await evidence.learned_by(session, person_ids=person_ids, since=since)
    earned = await bank.earned_by(session, person_ids=person_ids, unit="credit")
    deserving = [
        Deserving(
            person_id=one.person_id,
            record=honours.Record(
                earned=earned[one.person_id],
                completed=learned[one.person_id].completed,
                full_marks=learned[one.person_id].full_marks,
                streak=learning_rules.streak(learned[one.person_id].days, local_day(one.at)),
            ),
            evidence=one.proof,
            at=one.at,
        )
        for one in progressed
    ]
    granted = await recognition.grant_all(session, deserving)
    told = [_congratulation(mine, one.at) for one in progressed if (mine := granted[one.person_id])]
    await letters.write_many(session, told, now=max(one.at for one in progressed))
    return granted


def _congratulation(granted: Sequence[Honour], now: datetime) -> letters.Draft:
    return notices.letter(
        key=f"honour:{granted[0].id}",
        person_id=granted[0].person_id,
        kind="honour",
        text=honours.congratulation([one.code for one in granted]),
        values=notice_values.describe(what=granted[0].name, when=now, note=notices.NOTES["honour"]),
        now=now,
    )
