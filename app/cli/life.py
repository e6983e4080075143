"""A resident's days, played over HTTP: the chat through the stand-in, learning through the API.

Nothing here reaches into the service: it is a client like any phone, and it has to be patient when
a process is killed under it.
"""

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.content.lesson_file import read_lesson
from app.core import clock

PATIENCE = 40
"""Attempts at one request before a resident gives up: half a minute of a service being away."""
PLACES = ("青竹", "石榴", "向阳", "油菜", "稻花", "柏树", "橘红", "山茶", "小桥", "晒坝")
KIN = ("婆婆", "大爷", "大叔", "嬢嬢", "幺妹", "老表", "外公", "姐姐")
BEAT_SECONDS = 15


@dataclass
class Resident:
    """One simulated person. `awarded` sums what the service acknowledged, by unit.

    `acknowledged` holds the same one by one: lesson, unit and name of the rule, amount.
    """

    number: int
    name: str
    village: str
    diligence: float
    shows_name: bool
    scans: bool
    phone_id: str = ""
    token: str = ""
    awarded: dict[str, int] = field(default_factory=dict)
    acknowledged: list[tuple[int, str, int]] = field(default_factory=list)
    completed: set[int] = field(default_factory=set)


@dataclass
class Town:
    """What the players share: the two servers, the clock's rate, the key to the questions."""

    service: httpx.AsyncClient
    stand_in: httpx.AsyncClient
    rate: float
    answers: dict[str, list[int]]
    dice: random.Random
    beat_seconds: float = BEAT_SECONDS
    links: dict[str, str] = field(default_factory=dict)
    """Organisation → the code of the link its group saw last."""
    requests: int = 0
    repeats: int = 0
    refused_seconds: float = 0.0
    """The longest that one request had to be repeated, because the service was away."""


def make_residents(count: int, villages: list[str], dice: random.Random) -> list[Resident]:
    """Invented people only; some learn daily, some now and then; most scan their village's code."""
    return [
        Resident(
            number=number,
            name=f"{dice.choice(PLACES)}{dice.choice(KIN)}{number}",
            village=villages[number % len(villages)],
            diligence=dice.betavariate(2.5, 1.2),
            shows_name=dice.random() < 0.6,  # noqa: PLR2004  most, not all
            scans=dice.random() < 0.7,  # noqa: PLR2004  most scan, some search
        )
        for number in range(1, count + 1)
    ]


def read_answers(directory: Path) -> dict[str, list[int]]:
    """Question text → right options, from the lesson files: what somebody who read would know."""
    drafts = [read_lesson(path) for path in sorted(directory.glob("*.md"))]
    return {one.text: list(one.answer) for draft in drafts for one in draft.questions}


async def ask(
    town: Town, client: httpx.AsyncClient, method: str, path: str, **parts: Any
) -> httpx.Response:
    """A request that is repeated while the service is away (no connection, 5xx) or asks to wait."""
    asked_at = clock.monotonic()
    for attempt in range(PATIENCE):
        town.requests += 1
        try:
            response = await client.request(method, path, **parts)
        except httpx.TransportError:
            response = None
        if response is None or response.is_server_error:
            # Counted at once: who is told to stop meanwhile has been refused all the same.
            town.refused_seconds = max(town.refused_seconds, clock.monotonic() - asked_at)
        else:
            asked_at = clock.monotonic()  # It is there, even if it asks to wait.
        if response is not None and not _is_to_be_repeated(response):
            return response
        town.repeats += 1
        await asyncio.sleep(min(0.05 * 2**attempt, 1.0))
    raise TimeoutError(f"{method} {path} was not answered in {PATIENCE} attempts")


def _is_to_be_repeated(response: httpx.Response) -> bool:
    return response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS


async def act(town: Town, resident: Resident, what: str, **body: Any) -> dict[str, Any]:
    """Something done in the chat; the platform itself delivers it up to three times."""
    path = f"/_sandbox/users/{resident.phone_id}/{what}"
    answer: dict[str, Any] = (await ask(town, town.stand_in, "POST", path, json=body)).json()
    return answer


async def call(
    town: Town, resident: Resident, method: str, path: str, body: Any = None
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {resident.token}"}
    return await ask(town, town.service, method, f"/api/v1{path}", headers=headers, json=body)


async def arrive(town: Town, resident: Resident) -> None:
    """Follow the account, look at today's lesson in the chat, log in to the mini-program."""
    form = {"name": resident.name, "openid_base": f"life-{resident.number}"}
    user = (await ask(town, town.stand_in, "POST", "/_sandbox/users", json=form)).json()
    resident.phone_id = user["id"]
    scene = {"scene": f"v:{resident.village}"} if resident.scans else {}
    await act(town, resident, "follow", **scene)
    await act(town, resident, "text", text="今日")
    await log_in(town, resident)
    said = {"name": resident.name, "org_code": resident.village}
    await call(town, resident, "PATCH", "/me", said | {"rank_visible": resident.shows_name})


async def log_in(town: Town, resident: Resident) -> None:
    """A code works once: whoever lost the answer to a login takes a new one."""
    for _ in range(PATIENCE):
        code = (await act(town, resident, "mini-code"))["code"]
        answer = await ask(town, town.service, "POST", "/api/v1/login/mini", json={"code": code})
        if answer.is_success:
            resident.token = answer.json()["token"]
            return
    raise TimeoutError(f"{resident.name} could not log in")


async def study(town: Town, resident: Resident) -> None:
    """Learn today's lesson, and sometimes look at the credits."""
    lesson = (await call(town, resident, "GET", "/lessons/today")).json()
    if lesson["progress"]["completed_at"] is not None:
        return
    await learn(town, resident, lesson)
    if town.dice.random() < 0.2:  # noqa: PLR2004  one in five is curious
        await act(town, resident, "text", text=town.dice.choice(("学分", "排行", "防诈骗")))


async def learn(town: Town, resident: Resident, lesson: dict[str, Any]) -> None:
    """Read this lesson for as long as it asks, and answer."""
    path, via = f"/lessons/{lesson['id']}", await _tap(town, resident)
    seconds = lesson["progress"]["seconds"]
    while seconds < lesson["required_seconds"]:
        beat = (await call(town, resident, "POST", f"{path}/beats{via}")).json()
        _note(resident, lesson["id"], beat)
        seconds = beat["seconds"]
        await asyncio.sleep(town.beat_seconds / town.rate)
    right = {str(one["id"]): town.answers[one["text"]] for one in lesson["questions"]}
    if town.dice.random() < 0.3:  # noqa: PLR2004  three in ten slip once
        first = lesson["questions"][0]
        key = str(first["id"])
        wrong = [[index] for index in range(len(first["options"])) if [index] != right[key]]
        slip = right | {key: wrong[0]}
        answered = await call(town, resident, "POST", f"{path}/answers{via}", {"answers": slip})
        _note(resident, lesson["id"], answered.json())
        await asyncio.sleep(20 / town.rate)
    answered = await call(town, resident, "POST", f"{path}/answers{via}", {"answers": right})
    _note(resident, lesson["id"], answered.json())


async def _tap(town: Town, resident: Resident) -> str:
    """Every second resident comes by the link in the village's group, if there is one."""
    code = town.links.get(resident.village)
    if code is None or resident.number % 2:
        return ""
    await ask(town, town.service, "GET", f"/g/{code}")
    return f"?via={code}"


def _note(resident: Resident, lesson_id: int, answer: dict[str, Any]) -> None:
    if answer.get("completed"):
        resident.completed.add(lesson_id)
    for award in answer.get("awards", []):
        unit, amount = award["amount"]["unit"], award["amount"]["amount"]
        resident.awarded[unit] = resident.awarded.get(unit, 0) + amount
        what = f"{unit} {award['text'].partition('。')[0]}"
        resident.acknowledged.append((lesson_id, what, amount))
