"""Residents who keep coming to a running installation and learn, until they are told to stop."""

import asyncio
import random
import threading
from types import TracebackType
from typing import Self

import httpx

from app.cli.life import Resident, Town, arrive, make_residents, read_answers, study
from app.core.settings import PROJECT
from tests.processes import Installation

MANY = 100_000


class Crowd:
    """`at_once` residents at a time, each a new one who follows, signs in and learns a lesson.

    The installation's clock should be fast, or they sit before their lesson for minutes.
    """

    def __init__(self, where: Installation, *, at_once: int, rate: float) -> None:
        self.where, self.at_once, self.rate = where, at_once, rate
        self.done: list[Resident] = []
        self.failed: list[BaseException] = []
        self.requests = self.repeats = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def acknowledged(self) -> dict[str, dict[str, int]]:
        """Name → what the service has told each resident who is done that they were given."""
        return {one.name: dict(one.awarded) for one in list(self.done)}

    async def _live(self) -> None:
        async with (
            httpx.AsyncClient(base_url=self.where.service, timeout=20) as service,
            httpx.AsyncClient(base_url=self.where.stand_in, timeout=30) as stand_in,
        ):
            dice = random.Random(1)
            answers = read_answers(PROJECT / "content")
            town = Town(service, stand_in, self.rate, answers, dice)
            villages = [code for (code,) in self.where.ask(VILLAGES)]
            people = iter(make_residents(MANY, villages, dice))

            async def one_after_the_other() -> None:
                while not self._stop.is_set():
                    resident = next(people)
                    try:
                        await arrive(town, resident)
                        await study(town, resident)
                    except (TimeoutError, httpx.HTTPError, KeyError, ValueError) as error:
                        self.failed.append(error)
                    self.done.append(resident)
                    self.requests, self.repeats = town.requests, town.repeats

            async with asyncio.TaskGroup() as group:
                for _ in range(self.at_once):
                    group.create_task(one_after_the_other())


VILLAGES = "SELECT code FROM organisation WHERE kind IN ('village', 'community') ORDER BY code"
