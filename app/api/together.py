"""Requests that share transactions: beats, answers, who it is that sends them, and WeChat's pushes.

These are what thousands of phones send while they learn and chat (docs/decisions/0020).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from app.api.limiting import Limiter
from app.core.clock import utcnow
from app.core.errors import DomainError
from app.core.group_commit import GroupCommit
from app.core.settings import WeChat
from app.credit_bank import queries as bank
from app.credit_bank.models import Unit
from app.flows import completion, inbound
from app.flows.completion import Answering, Outcome, Reading
from app.people import tokens
from app.people.tokens import Presented
from app.wechat.inbox import Arrival

Work = TypeVar("Work")

ANSWERS_GATHER_SECONDS = 0.016
"""A batch of answers is three times the statements of a batch of beats, so it shall hold more."""
ARRIVALS_GATHER_SECONDS, ARRIVALS_MAX = 0.004, 32
"""A message takes this process longer than the database (AES, XML): smaller batches, one of which
is opened and sealed while the other is written. Measured: bench/callback.py."""


@dataclass(slots=True)
class Done:
    """What came of it, and the units that its awards are told in (none where nothing was)."""

    outcome: Outcome
    units: Mapping[str, Unit]


@dataclass(slots=True)
class Signed(Generic[Work]):
    """Work that somebody asks for who shows this token; whose it is, is found out with the work."""

    token: Presented
    work: Callable[[int], Work]
    """From the person's id to what is asked for."""


class Together:
    """One of a web process."""

    def __init__(self, limiter: Limiter, accounts: WeChat) -> None:
        self.limiter = limiter
        self.beats: GroupCommit[Signed[Reading], Done] = GroupCommit(self._beats)
        self.answers: GroupCommit[Signed[Answering], Done] = GroupCommit(
            self._answers, gather=ANSWERS_GATHER_SECONDS
        )
        self.arrivals: GroupCommit[Arrival, str | None] = GroupCommit(
            partial(_arrivals, accounts), gather=ARRIVALS_GATHER_SECONDS, most=ARRIVALS_MAX
        )

    async def drain(self) -> None:
        """Wait until whatever was asked for is done."""
        for one in (self.beats, self.answers, self.arrivals):
            await one.drain()

    async def _beats(
        self, session: AsyncSession, asked: Sequence[Signed[Reading]]
    ) -> list[Done | Exception]:
        return await self._signed_in(session, asked, completion.beat_all)

    async def _answers(
        self, session: AsyncSession, asked: Sequence[Signed[Answering]]
    ) -> list[Done | Exception]:
        return await self._signed_in(session, asked, completion.answer_all)

    async def _signed_in(
        self,
        session: AsyncSession,
        asked: Sequence[Signed[Work]],
        do: Callable[[AsyncSession, Sequence[Work]], Awaitable[Sequence[Outcome | DomainError]]],
    ) -> list[Done | Exception]:
        """Do what those ask for who are somebody, and not too often."""
        answers: dict[int, Outcome | DomainError] = {}
        works: dict[int, Work] = {}
        found = await tokens.authenticate_all(session, [one.token for one in asked])
        for place, (one, person_id) in enumerate(zip(asked, found, strict=True)):
            try:
                if isinstance(person_id, DomainError):
                    raise person_id
                self.limiter.hit("person", str(person_id))
                works[place] = one.work(person_id)
            except DomainError as refusal:
                answers[place] = refusal
        answers |= zip(works, await do(session, list(works.values())), strict=True)
        return await _done(session, [answers[place] for place in range(len(asked))])


async def _arrivals(
    accounts: WeChat, session: AsyncSession, arrivals: Sequence[Arrival]
) -> list[str | None]:
    return await inbound.arrive(session, accounts=accounts, arrivals=arrivals, now=utcnow())


async def _done(
    session: AsyncSession, outcomes: Sequence[Outcome | DomainError]
) -> list[Done | Exception]:
    awarded = any(isinstance(one, Outcome) and one.awards for one in outcomes)
    units = {one.code: one for one in await bank.list_units(session)} if awarded else {}
    return [Done(one, units) if isinstance(one, Outcome) else one for one in outcomes]
