"""Reminders, which a whole town gets at once: one job for many of their letters."""

from collections.abc import Sequence

from procrastinate.types import JSONValue
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.jobs import PATIENT, Job, defer_many
from app.push.letters import REMINDERS
from app.push.models import Letter

OF_ONE_JOB = 200
"""Reminders that one job delivers, one after the other."""


async def queue_many(session: AsyncSession, *, letter_ids: Sequence[int]) -> None:
    """Jobs for reminders just left: each takes those waiting from its first to its last letter.

    A job for each of a million would take longer than the letters themselves.
    """
    some = [
        letter_ids[begin : begin + OF_ONE_JOB] for begin in range(0, len(letter_ids), OF_ONE_JOB)
    ]
    await _defer(session, [(one[0], one[-1]) for one in some])


async def queue_rest(session: AsyncSession, *, first_id: int, last_id: int) -> None:
    """A job for what another one had no time for, behind all that waits by now."""
    await _defer(session, [(first_id, last_id)])


async def list_waiting(session: AsyncSession, *, first_id: int, last_id: int) -> Sequence[int]:
    """The reminders among these letters that wait to be sent."""
    rows = select(Letter.id).where(
        Letter.id.between(first_id, last_id), Letter.state == "waiting", Letter.kind.in_(REMINDERS)
    )
    return (await session.scalars(rows.order_by(Letter.id))).all()


async def _defer(session: AsyncSession, spans: Sequence[tuple[int, int]]) -> None:
    jobs: list[dict[str, JSONValue]] = [
        {"letter_id": first, "until_id": last} for first, last in spans
    ]
    await defer_many(session, Job.DELIVER_LETTER, jobs, priority=PATIENT)
