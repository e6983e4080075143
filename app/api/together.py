"""Requests that share transactions: beats, answers, and who it is that sends them.

These are what thousands of phones send while they learn (docs/decisions/0020).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import DomainError
from app.core.group_commit import GroupCommit
from app.credit_bank import queries as bank
from app.credit_bank.models import Unit
from app.flows import completion
from app.flows.completion import Answering, Outcome, Reading
from app.people import tokens
from app.people.tokens import Presented


@dataclass(frozen=True)
class Done:
    """What came of it, and the units that its awards are told in (none where nothing was)."""

    outcome: Outcome
    units: Mapping[str, Unit]


class Together:
    """One of a web process."""

    def __init__(self) -> None:
        self.tokens: GroupCommit[Presented, int] = GroupCommit(tokens.authenticate_all)
        self.beats: GroupCommit[Reading, Done] = GroupCommit(_beats)
        self.answers: GroupCommit[Answering, Done] = GroupCommit(_answers)

    async def drain(self) -> None:
        """Wait until whatever was asked for is done."""
        for one in (self.tokens, self.beats, self.answers):
            await one.drain()


async def _beats(session: AsyncSession, readings: Sequence[Reading]) -> list[Done | Exception]:
    return await _done(session, await completion.beat_all(session, readings))


async def _answers(
    session: AsyncSession, answerings: Sequence[Answering]
) -> list[Done | Exception]:
    return await _done(session, await completion.answer_all(session, answerings))


async def _done(
    session: AsyncSession, outcomes: Sequence[Outcome | DomainError]
) -> list[Done | Exception]:
    awarded = any(isinstance(one, Outcome) and one.awards for one in outcomes)
    units = {one.code: one for one in await bank.list_units(session)} if awarded else {}
    return [Done(one, units) if isinstance(one, Outcome) else one for one in outcomes]
