"""Customer-service messages: the account writes first, within what the follower's act allows.

WD:doc/subscription/guide/product/kf/intro.md: a message from the follower allows 5 messages in
48 h; following, a menu click or a scan 3 messages in one minute (wechat-platform.md §1.5).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from app.core import clock
from app.sandbox.calls import OK, Call
from app.sandbox.errors import CallRefused
from app.sandbox.world import User, Window

TEXT_BYTES_MAX = 2048
MESSAGE_WINDOW, MESSAGES_MAX = timedelta(hours=48), 5
EVENT_WINDOW, EVENT_MESSAGES_MAX = timedelta(minutes=1), 3
REQUIRED: Mapping[str, str] = {
    "text": "content",
    "image": "media_id",
    "voice": "media_id",
    "video": "media_id",
    "news": "articles",
    "mpnewsarticle": "article_id",
    "msgmenu": "list",
    "miniprogrampage": "pagepath",
}
"""The field no message of the type can do without. `mpnews` is no longer supported here."""


async def send_message(call: Call) -> Mapping[str, object]:
    body = call.body
    user = call.world.openids.get((call.caller.appid, str(body.get("touser", ""))))
    if user is None:
        raise CallRefused(40003)
    content = _check(body)
    _spend_window(user, call.caller.appid)
    call.world.say(user, "account", type=body["msgtype"], by="custom_service", **content)
    return OK


def open_window(user: User, appid: str, kind: Literal["message", "event"]) -> None:
    """The follower acted: the allowance of this kind starts anew.

    The 48 hours are the follower's, on the service's clock. The minute is a time-out between
    machines, so it runs on the machine's clock.
    """
    if kind == "message":
        window = Window(kind, clock.utcnow() + MESSAGE_WINDOW, MESSAGES_MAX)
    else:
        window = Window(kind, clock.real_now() + EVENT_WINDOW, EVENT_MESSAGES_MAX)
    user.windows[f"{appid} {kind}"] = window


def _spend_window(user: User, appid: str) -> None:
    """Use the short allowance before the long one."""
    mine = [user.windows.get(f"{appid} {kind}") for kind in ("event", "message")]
    open_now = [
        window
        for window in mine
        if window is not None
        and window.closes_at > (clock.utcnow() if window.kind == "message" else clock.real_now())
    ]
    if user.following is None or not open_now:
        raise CallRefused(45015)
    usable = next((window for window in open_now if window.left > 0), None)
    if usable is None:
        raise CallRefused(45047)
    usable.left -= 1


def _check(body: Mapping[str, Any]) -> dict[str, Any]:
    kind = body.get("msgtype")
    if not isinstance(kind, str) or kind not in REQUIRED:
        raise CallRefused(40008)
    content = body.get(kind)
    if not isinstance(content, dict) or not content.get(REQUIRED[kind]):
        raise CallRefused(44004)
    if kind == "text" and len(str(content["content"]).encode()) > TEXT_BYTES_MAX:
        raise CallRefused(45002)
    if kind == "news" and not (isinstance(content["articles"], list) and _is_one_card(content)):
        raise CallRefused(45008)
    return {"text": str(content["content"])} if kind == "text" else dict(content)


def _is_one_card(content: Mapping[str, Any]) -> bool:
    """One article a message since October 2018 (45008 otherwise)."""
    return len(content["articles"]) == 1 and isinstance(content["articles"][0], dict)
