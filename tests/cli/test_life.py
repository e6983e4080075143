"""What the demo's players call a refusal."""

import asyncio
import random

import httpx
import pytest

from app.cli import life
from app.core import clock


@pytest.mark.parametrize(
    ("answers", "refused"),
    [
        ([200], 0.0),
        ([503, 200], 1.0),
        ([503, 503, 200], 2.0),
        # Who is asked to wait is not refused, however long that is.
        ([429, 429, 429, 200], 0.0),
        ([503, 429, 429, 429, 200], 1.0),
        ([503, 429, 503, 503, 200], 2.0),
    ],
)
async def test_only_a_service_that_is_away_refuses(
    monkeypatch: pytest.MonkeyPatch, answers: list[int], refused: float
) -> None:
    now = 0.0
    left = iter(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        nonlocal now
        now += 1.0  # Each attempt takes a second, and the pauses nothing.
        return httpx.Response(next(left))

    async def at_once(_: float) -> None:
        return

    monkeypatch.setattr(clock, "monotonic", lambda: now)
    monkeypatch.setattr(asyncio, "sleep", at_once)
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        dice = random.Random()  # noqa: S311  nothing is thrown
        town = life.Town(client, client, rate=1, answers={}, dice=dice)
        response = await life.ask(town, client, "GET", "http://town/")
    assert response.status_code == 200
    assert town.refused_seconds == refused
    assert (town.requests, town.repeats) == (len(answers), len(answers) - 1)
