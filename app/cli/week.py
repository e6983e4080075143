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
SEEN = "看过群里，大家已经收到"


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
    """A person has looked into the groups in doubt and says what they saw; how many there were."""
    doubtful = (await office.call(ADMINISTRATOR, "GET", "/deliveries?state=unknown"))["items"]
    for one in doubtful:
        path = f"/deliveries/{one['id']}/sent"
        await office.call(ADMINISTRATOR, "POST", path, {"reason": SEEN}, key=f"d{one['id']}")
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
    """What everybody saw, in a line. Raises Failed if a group or a follower saw anything twice."""
    seen = 0
    for name, room in office.rooms.items():
        days = Counter(
            clock.local_day(datetime.fromisoformat(said["at"]))
            for said in await _messages(office, room)
            if LINK.search(_text_of(said))
        )
        if twice := [str(day) for day, times in days.items() if times > 1]:
            raise Failed(f"{name} saw more than one push on {', '.join(twice)}")
        seen += len(days)
    titles = Counter(
        post["articles"][0]["title"] for post in await office.stand_in("GET", "/posts")
    )
    if twice := [title for title, times in titles.items() if times > 1]:
        raise Failed(f"followers saw {', '.join(twice)} more than once")
    if len(titles) < issues:
        raise Failed(f"{issues} issues were due, followers saw {len(titles)}")
    return f"{len(titles)} issues published, {seen} pushes seen in {len(office.rooms)} groups"


async def _messages(office: Office, room: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await office.stand_in("GET", f"/groups/{room}/messages")
    return found


def _text_of(said: dict[str, Any]) -> str:
    return str(said["content"])
