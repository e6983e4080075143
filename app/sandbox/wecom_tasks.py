"""Tasks for owners of customer groups: made by API, confirmed by hand, then looked up.

developer.work.weixin.qq.com 92135, 93338, 97610, 97611 (wechat-platform.md §6.2, §9.16).
"""

import calendar
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from app.core import clock
from app.core.errors import Conflict
from app.sandbox.calls import OK, Call
from app.sandbox.corp import Result, Task
from app.sandbox.group_chat import say_in
from app.sandbox.groups import Group, find_group
from app.sandbox.wecom_errors import WeComCallRefused
from app.sandbox.world import World

TEXT_MAX, ATTACHMENTS_MAX, CHATS_MAX = 4000, 9, 2000
SPAN_MAX = timedelta(days=31)
REMINDERS_MAX, REMINDERS_SPAN = 3, timedelta(hours=24)
BY_MEMBERS = 1


async def add_task(call: Call) -> Mapping[str, object]:
    """Nothing is sent yet. `fail_list`: chats that are not the sender's."""
    body, world = call.body, call.world
    sender, asked = body.get("sender"), body.get("chat_id_list") or []
    if body.get("chat_type") != "group" or not isinstance(asked, list):
        raise WeComCallRefused(40058)
    if not isinstance(sender, str) or not sender:
        raise WeComCallRefused(40063)
    if sender not in world.corp.members:
        raise WeComCallRefused(40003)
    text, attachments = _read_message(body)
    mine = [one.address for one in world.groups.values() if _is_chat_of(one, sender)]
    chat_ids = [str(one) for one in asked] or mine
    good = [one for one in chat_ids if one in mine]
    if not good:
        raise WeComCallRefused(41048)
    results = {one: Result(0) for one in good[:CHATS_MAX]}
    task = Task(
        f"msg{secrets.token_urlsafe(24)}", sender, text, attachments, clock.utcnow(), results
    )
    world.corp.tasks[task.msg_id] = task
    failed = [one for one in chat_ids if one not in results]
    return {**OK, "fail_list": failed, "msgid": task.msg_id}


async def list_tasks(call: Call) -> Mapping[str, object]:
    """Tasks made by API have no `creator`, so that asking for one finds none of them."""
    body = call.body
    since, until = _instant(body.get("start_time")), _instant(body.get("end_time"))
    if until - since > SPAN_MAX or body.get("chat_type", "single") not in ("single", "group"):
        raise WeComCallRefused(40058)
    hidden = (
        body.get("chat_type") != "group"
        or body.get("filter_type") == BY_MEMBERS
        or bool(body.get("creator"))
    )
    tasks = [] if hidden else call.world.corp.tasks.values()
    rows = [
        {
            "msgid": task.msg_id,
            "create_time": str(int(task.made_at.timestamp())),
            "create_type": 0,
            "text": {"content": task.text},
            "attachments": task.attachments,
        }
        for task in tasks
        if since <= task.made_at.replace(microsecond=0) <= until
    ]
    return _page(call, "group_msg_list", rows, limit_max=100, limit=50)


async def list_senders(call: Call) -> Mapping[str, object]:
    """Status 0: not sent yet, 2: sent."""
    task = _task_of(call)
    row: dict[str, object] = {"userid": task.sender, "status": 2 if task.state == "sent" else 0}
    if task.state == "sent" and task.settled_at is not None:
        row["send_time"] = int(task.settled_at.timestamp())
    return _page(call, "task_list", [row], limit_max=1000, limit=500)


async def list_results(call: Call) -> Mapping[str, object]:
    task = _task_of(call)
    if call.body.get("userid") != task.sender:
        raise WeComCallRefused(40003)
    rows: list[dict[str, object]] = [
        {"chat_id": chat_id, "userid": task.sender, "status": result.status}
        | ({} if result.sent_at is None else {"send_time": int(result.sent_at.timestamp())})
        for chat_id, result in task.results.items()
    ]
    return _page(call, "send_list", rows, limit_max=1000, limit=500)


async def remind(call: Call) -> Mapping[str, object]:
    """Three times in 24 hours; the code of the fourth is [R]."""
    task, now = _task_of(call), clock.utcnow()
    task.reminded_at = [one for one in task.reminded_at if one > now - REMINDERS_SPAN]
    if len(task.reminded_at) >= REMINDERS_MAX:
        raise WeComCallRefused(45009)
    task.reminded_at.append(now)
    return OK


async def cancel(call: Call) -> Mapping[str, object]:
    """What was sent stays sent."""
    task = _task_of(call)
    if task.state == "waiting":
        task.state, task.settled_at = "cancelled", clock.utcnow()
    return OK


def confirm(world: World, task: Task) -> None:
    """The owner taps「发送」: each chat gets it, unless it is gone or has had enough this month."""
    if task.state != "waiting":
        raise Conflict("这个群发任务已经处理过", state=task.state)
    now = clock.utcnow()
    task.state, task.settled_at = "sent", now
    for chat_id in task.results:
        group = find_group(world.groups.values(), "wecom_customer_group", chat_id)
        if group is None or not _is_chat_of(group, task.sender):
            task.results[chat_id] = Result(2)
        elif _is_full(group, now):
            task.results[chat_id] = Result(3)
        else:
            task.results[chat_id] = Result(1, now)
            group.tasks_received.append(now)
            name = world.corp.members[task.sender].name
            articles = _cards(task.attachments)
            say_in(world, group, name, "owner", type="text", text=task.text, articles=articles)


def refuse(task: Task) -> None:
    """The owner leaves it alone for good: it stays 未发送."""
    if task.state != "waiting":
        raise Conflict("这个群发任务已经处理过", state=task.state)
    task.state, task.settled_at = "refused", clock.utcnow()


def _is_chat_of(group: Group, userid: str) -> bool:
    return group.kind == "wecom_customer_group" and group.owner == userid and not group.removed


def _is_full(group: Group, now: datetime) -> bool:
    """As many messages a month as the month has days (92135, updated 2025-11-17)."""
    day = clock.local_day(now)
    this_month = [
        one
        for one in map(clock.local_day, group.tasks_received)
        if (one.year, one.month) == (day.year, day.month)
    ]
    return len(this_month) >= calendar.monthrange(day.year, day.month)[1]


def _read_message(body: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    said, attachments = body.get("text") or {}, body.get("attachments") or []
    text = said.get("content", "") if isinstance(said, dict) else None
    if not isinstance(text, str) or not isinstance(attachments, list):
        raise WeComCallRefused(40058)
    if not text and not attachments:
        raise WeComCallRefused(40063)
    if len(text.encode()) > TEXT_MAX:
        raise WeComCallRefused(45002)
    if len(attachments) > ATTACHMENTS_MAX:
        raise WeComCallRefused(40058)
    for one in attachments:
        link = one.get("link") if isinstance(one, dict) else None
        if not isinstance(one, dict) or one.get("msgtype") not in {"link", "image", "miniprogram"}:
            raise WeComCallRefused(40058)
        if one["msgtype"] == "link" and not (
            isinstance(link, dict) and link.get("title") and link.get("url")
        ):
            raise WeComCallRefused(40063)
    return text, attachments


def _cards(attachments: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Links as the page shows cards."""
    links = [one["link"] for one in attachments if one["msgtype"] == "link"]
    names = {"title": "title", "url": "url", "desc": "description", "picurl": "picurl"}
    return [{names[k]: str(v) for k, v in link.items() if k in names and v} for link in links]


def _task_of(call: Call) -> Task:
    msg_id = call.body.get("msgid")
    if not msg_id:
        raise WeComCallRefused(41046)
    task = call.world.corp.tasks.get(str(msg_id))
    if task is None:
        raise WeComCallRefused(41047)
    return task


def _instant(value: Any) -> datetime:
    try:
        return datetime.fromtimestamp(value, UTC)
    except (TypeError, OverflowError, OSError, ValueError):
        raise WeComCallRefused(40058) from None


def _page(
    call: Call, name: str, rows: Sequence[object], *, limit_max: int, limit: int
) -> Mapping[str, object]:
    """A limit above the greatest counts as the usual one (93338)."""
    asked, cursor = call.body.get("limit"), call.body.get("cursor") or "0"
    size = asked if isinstance(asked, int) and 1 <= asked <= limit_max else limit
    if not isinstance(cursor, str) or not cursor.isdecimal() or len(cursor) > len("1000000"):
        raise WeComCallRefused(50100)
    start = int(cursor)
    following = str(start + size) if start + size < len(rows) else ""
    return {**OK, "next_cursor": following, name: rows[start : start + size]}
