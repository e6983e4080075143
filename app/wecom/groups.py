"""Messages to customer groups (客户群): a task that the group's owner confirms in the app.

Nothing here sends. add_msg_template (developer.work.weixin.qq.com 92135) tells the owner, who taps
「发送」; get_groupmsg_* (93338) tells what became of it. A group takes as many messages a month as
the month has days.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.wecom.client import WeComClient
from app.wecom.errors import WeComUnavailable

ROOM = "/cgi-bin/externalcontact"
PAGES_MAX = 20
RESULTS_A_PAGE, TASKS_A_PAGE, MEMBERS_A_PAGE = 1000, 100, 1000
BY_THE_COMPANY = 0
"""filter_type of get_groupmsg_list_v2: tasks of the company (by API), not of its members."""


@dataclass(frozen=True)
class GroupTask:
    """`failed`: the chats that will not get it, as not the sender's."""

    msg_id: str
    failed: tuple[str, ...]


@dataclass(frozen=True)
class GroupResult:
    """`status`: 0 not sent yet, 1 sent, 2 not the sender's any more, 3 has had its messages."""

    chat_id: str
    status: int
    sent_at: datetime | None


async def add_group_task(
    client: WeComClient,
    *,
    sender: str,
    chat_ids: Sequence[str],
    text: str,
    link: Mapping[str, str] | None,
) -> GroupTask:
    """Ask `sender`, who owns the chats, to send this. `text` ≤ 4000 bytes.

    `link`: title, url, and if wanted desc and picurl. Where the answer is lost (maybe_done), look
    with `find_group_task` before asking again: the owner would see two tasks.
    """
    task: dict[str, Any] = {
        "chat_type": "group",
        "sender": sender,
        "chat_id_list": list(chat_ids),
        "text": {"content": text},
    }
    if link is not None:
        task["attachments"] = [{"msgtype": "link", "link": dict(link)}]
    answer = await client.call(f"{ROOM}/add_msg_template", json=task)
    failed = answer.get("fail_list") or []
    return GroupTask(
        msg_id=_text(answer, "msgid"), failed=tuple(one for one in failed if isinstance(one, str))
    )


async def get_group_results(client: WeComClient, *, msg_id: str, userid: str) -> list[GroupResult]:
    """What became of the task in each chat of this sender (get_groupmsg_send_result)."""
    asked = {"msgid": msg_id, "userid": userid, "limit": RESULTS_A_PAGE}
    return [
        GroupResult(
            chat_id=_text(row, "chat_id"),
            status=_number(row.get("status")),
            sent_at=_instant(row.get("send_time")),
        )
        async for row in _rows(client, "get_groupmsg_send_result", "send_list", asked)
    ]


async def remind_group_task(client: WeComClient, *, msg_id: str) -> None:
    """Knock again at the owner's door: 3 times in 24 h at most (97610)."""
    await client.call(f"{ROOM}/remind_groupmsg_send", json={"msgid": msg_id})


async def cancel_group_task(client: WeComClient, *, msg_id: str) -> None:
    """Its owner cannot send it any more; what was sent stays sent (97611). Safe to repeat."""
    await client.call(f"{ROOM}/cancel_groupmsg_send", json={"msgid": msg_id})


async def find_group_task(
    client: WeComClient, *, sender: str, text: str, since: datetime, until: datetime
) -> str | None:
    """The msgid of a task of ours with exactly this text, made in a span of ≤ 1 month.

    A task made by API has no `creator` in get_groupmsg_list_v2, so the sender is looked for among
    the task's members (get_groupmsg_task).
    """
    asked = {
        "chat_type": "group",
        "start_time": int(since.timestamp()),
        # Whole seconds: a task of this very second counts.
        "end_time": int(until.timestamp()) + 1,
        "filter_type": BY_THE_COMPANY,
        "limit": TASKS_A_PAGE,
    }
    async for row in _rows(client, "get_groupmsg_list_v2", "group_msg_list", asked):
        said = row.get("text")
        if not isinstance(said, dict) or said.get("content") != text:
            continue
        msg_id = _text(row, "msgid")
        if await _is_member(client, msg_id=msg_id, userid=sender):
            return msg_id
    return None


async def _is_member(client: WeComClient, *, msg_id: str, userid: str) -> bool:
    asked = {"msgid": msg_id, "limit": MEMBERS_A_PAGE}
    rows = _rows(client, "get_groupmsg_task", "task_list", asked)
    return userid in [row.get("userid") async for row in rows]


async def _rows(
    client: WeComClient, name: str, field: str, asked: Mapping[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    """The rows of all pages. `next_cursor` is empty on the last one."""
    cursor = ""
    for _ in range(PAGES_MAX):
        answer = await client.call(f"{ROOM}/{name}", json={**asked, "cursor": cursor})
        rows = answer.get(field) or []
        if not isinstance(rows, list):
            raise WeComUnavailable(reason=f"no {field}")
        for row in rows:
            if isinstance(row, dict):
                yield row
        cursor = str(answer.get("next_cursor") or "")
        if not cursor:
            return


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise WeComUnavailable(reason=f"no {name}")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise WeComUnavailable(reason="no status")
    return value


def _instant(value: object) -> datetime | None:
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int) and value > 0 else None
