"""The days of the demo week: tutors forward, owners confirm, an administrator settles doubts.

And what must be true at the end, as the groups' members and the account's followers see it.
"""

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from app.cli.running import Failed
from app.cli.staff import Office
from app.core import clock

LINK = re.compile(r"/g/([0-9A-Za-z_-]+)")
ADMINISTRATOR = "demo-5"
SEEN, MISSING = "看过群里，大家已经收到", "看过群里，没有收到"


async def do_duties(office: Office, *, after: timedelta = timedelta(0)) -> None:
    """Every tutor's open tasks: forward what is to be forwarded, but for the one who forgets.

    Tasks younger than `after` are left to whoever plays the tutor.
    """
    old = clock.utcnow() - after
    forgotten = {one["name"] for one in office.script["groups"] if one.get("forgets")}
    for base in sorted({one["owner"] for one in office.script["groups"]}):
        for task in (await office.call(base, "GET", "/tasks?limit=50"))["items"]:
            name = next((one for one in office.rooms if one in task["title"]), None)
            relayed = LINK.search(task["text"]) is not None
            if task["state"] != "open" or name is None or name in forgotten or not relayed:
                continue
            if datetime.fromisoformat(task["made_at"]) > old:
                continue
            form = {"user": office.staff[base].name, "text": task["text"].split("————")[1].strip()}
            await office.stand_in("POST", f"/groups/{office.rooms[name]}/forward", form)
            await office.call(base, "POST", f"/tasks/{task['id']}/done", {}, key=f"t{task['id']}")
    for task in await office.stand_in("GET", "/wecom/tasks?state=waiting"):
        if datetime.fromisoformat(task["made_at"]) > old:
            continue
        await office.stand_in("POST", f"/wecom/tasks/{task['msg_id']}/confirm")


async def settle_doubts(office: Office) -> int:
    """A person looks into the groups in doubt and says what they see; how many there were."""
    doubtful = await _deliveries(office, "unknown")
    seen = await seen_in_groups(office)
    for one in doubtful:
        arrived = (one["group"], one["date"]) in seen or one["group"] not in office.rooms
        path = f"/deliveries/{one['id']}/{'sent' if arrived else 'give-up'}"
        said = {"reason": SEEN if arrived else MISSING}
        await office.call(ADMINISTRATOR, "POST", path, said, key=f"d{one['id']}")
    return len(doubtful)


async def read_links(office: Office) -> dict[str, str]:
    """Organisation → the newest link in its group, as a member would tap it."""
    places = {one["name"]: one["org"] for one in office.script["groups"]}
    links = {}
    for name, room in office.rooms.items():
        for said in await _messages(office, room):
            for code in LINK.findall(_text_of(said)):
                links[places[name]] = code
    return links


async def check_week(office: Office, *, issues: int) -> str:
    """What everybody saw, in a line.

    Raises Failed if what the service says was sent is not, once each, what the groups' members saw,
    if that is nothing at all, or if followers saw an issue twice or not at all.
    """
    seen = await seen_in_groups(office)
    if twice := [f"{name} on {day}" for (name, day), times in seen.items() if times > 1]:
        raise Failed(f"more than one push was seen in {', '.join(twice)}")
    sent = {
        (one["group"], one["date"])
        for one in await _deliveries(office, "sent")
        if one["group"] in office.rooms
    }
    if wrong := [f"{name} on {day}" for name, day in sent ^ set(seen)]:
        raise Failed(f"sent is not what was seen in {', '.join(sorted(wrong))}")
    if not seen:
        raise Failed("no group saw any push")
    titles = Counter(
        post["articles"][0]["title"] for post in await office.stand_in("GET", "/posts")
    )
    if twice := [title for title, times in titles.items() if times > 1]:
        raise Failed(f"followers saw {', '.join(twice)} more than once")
    if len(titles) < issues:
        raise Failed(f"{issues} issues were due, followers saw {len(titles)}")
    return f"{len(titles)} issues published, {len(seen)} pushes seen in {len(office.rooms)} groups"


async def seen_in_groups(office: Office) -> Counter[tuple[str, str]]:
    """(group, day) → how many pushes its members saw."""
    found: Counter[tuple[str, str]] = Counter()
    for name, room in office.rooms.items():
        for said in await _messages(office, room):
            if LINK.search(_text_of(said)):
                day = clock.local_day(datetime.fromisoformat(said["at"]))
                found[name, day.isoformat()] += 1
    return found


async def _deliveries(office: Office, state: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    path = f"/deliveries?state={state}&limit=100"
    page = await office.call(ADMINISTRATOR, "GET", path)
    found += page["items"]
    while page["next"]:
        page = await office.call(ADMINISTRATOR, "GET", f"{path}&cursor={page['next']}")
        found += page["items"]
    return found


async def _messages(office: Office, room: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await office.stand_in("GET", f"/groups/{room}/messages")
    return found


def _text_of(said: dict[str, Any]) -> str:
    return str(said["content"])
