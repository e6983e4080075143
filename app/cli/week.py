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
from app.push.links import number_in

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
            # A person forwards first; on a fast clock the deadline could pass between the two.
            if await _in_time(office, base, task["id"]):
                await office.stand_in("POST", f"/groups/{office.rooms[name]}/forward", form)
    for task in await office.stand_in("GET", "/wecom/tasks?state=waiting"):
        if datetime.fromisoformat(task["made_at"]) > old:
            continue
        await office.stand_in("POST", f"/wecom/tasks/{task['msg_id']}/confirm")


async def _in_time(office: Office, base: str, task_id: int) -> bool:
    try:
        await office.call(base, "POST", f"/tasks/{task_id}/done", {}, key=f"t{task_id}")
    except Failed as refused:
        if "TaskClosed" in str(refused):
            return False
        raise
    return True


async def settle_doubts(office: Office) -> int:
    """A person looks into the groups in doubt and says what they see; how many there were."""
    doubtful = await _deliveries(office, "unknown")
    seen = {number for _, number in await seen_in_groups(office)}
    for one in doubtful:
        arrived = one["id"] in seen or one["group"] not in office.rooms
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
    seen = Counter(number for _, number in await seen_in_groups(office))
    if twice := [str(number) for number, times in seen.items() if times > 1]:
        raise Failed(f"seen more than once: deliveries {', '.join(twice)}")
    sent = {
        one["id"]: f"{one['group']} on {one['date']}"
        for one in await _deliveries(office, "sent")
        if one["group"] in office.rooms
    }
    if wrong := [sent.get(number, str(number)) for number in sent.keys() ^ seen.keys()]:
        raise Failed(f"sent is not what was seen: {', '.join(sorted(wrong))}")
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


async def seen_in_groups(office: Office) -> list[tuple[str, int]]:
    """Each push that a group's members saw: the group, the delivery's number as its link has it."""
    found: list[tuple[str, int]] = []
    for name, room in office.rooms.items():
        links = (LINK.search(_text_of(said)) for said in await _messages(office, room))
        found += [(name, number_in(link[1])) for link in links if link]
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
