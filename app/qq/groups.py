"""Messages into a QQ group (POST /v2/groups/{group_openid}/messages: botpy api.py).

A bot answers a member's message; it speaks first only where the group's owner has allowed it.
"""

from typing import Any
from urllib.parse import quote

from app.qq.client import QQClient
from app.qq.errors import QQUnavailable

TEMPLATE = "/v2/groups/{group_openid}/messages"
TEXT = 0


async def send_group_text(
    client: QQClient, *, group_openid: str, text: str, msg_id: str | None, msg_seq: int
) -> str:
    """The id of the message said: an answer to `msg_id`, or with None the bot's own word.

    The same msg_id with the same msg_seq is QQDuplicate, so an answer may be repeated safely; a
    bot's own word may not.
    """
    message: dict[str, Any] = {"msg_type": TEXT, "content": text}
    if msg_id is not None:
        message |= {"msg_id": msg_id, "msg_seq": msg_seq}
    path = f"/v2/groups/{quote(group_openid, safe='')}/messages"
    answer = await client.call(path, template=TEMPLATE, json=message)
    said = answer.get("id")
    if not isinstance(said, str) or not said:
        raise QQUnavailable(reason="no id")
    return said
