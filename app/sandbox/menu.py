"""The custom menu: WD:doc/subscription/api/custommenu/api_createcustommenu (§8).

Sizes are bytes: names 16 (60 below a parent), keys 128, addresses 1024.
"""

import re
from collections.abc import Mapping
from typing import Any

from app.sandbox.calls import OK, Call
from app.sandbox.errors import CallRefused

BUTTONS_MAX, SUB_BUTTONS_MAX = 3, 5
NAME_BYTES_MAX, SUB_NAME_BYTES_MAX = 16, 60
KEY_BYTES_MAX, URL_BYTES_MAX = 128, 1024
WITH_KEY = (
    "click", "scancode_push", "scancode_waitmsg",
    "pic_sysphoto", "pic_photo_or_album", "pic_weixin", "location_select",
)  # fmt: skip
WITH_URL = ("view", "miniprogram")
WITH_MEDIA = ("media_id", "view_limited", "article_id", "article_view_limited")


async def create_menu(call: Call) -> Mapping[str, object]:
    # Escaped Chinese makes ugly titles or is refused; refusing shows it at once (§9.4).
    if b"\\u" in call.raw:
        raise CallRefused(40033)
    linked = call.world.mini.appid
    buttons = call.body.get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= BUTTONS_MAX:
        raise CallRefused(40016)
    call.caller.menu = {"button": [_top_button(button, linked) for button in buttons]}
    return OK


async def get_menu(call: Call) -> Mapping[str, object]:
    if call.caller.menu is None:
        raise CallRefused(46003)
    return {"menu": call.caller.menu}


async def delete_menu(call: Call) -> Mapping[str, object]:
    call.caller.menu = None
    return OK


def _top_button(button: Any, linked: str) -> dict[str, Any]:
    if not isinstance(button, dict):
        raise CallRefused(40017)
    _check_size(button.get("name"), NAME_BYTES_MAX, 40018)
    children = button.get("sub_button") or []
    if not children:
        return _leaf(button, linked, sub=False) | {"sub_button": []}
    if not isinstance(children, list) or len(children) > SUB_BUTTONS_MAX:
        raise CallRefused(40023)
    below = []
    for child in children:
        if not isinstance(child, dict):
            raise CallRefused(40024)
        if child.get("sub_button"):
            raise CallRefused(40022)
        _check_size(child.get("name"), SUB_NAME_BYTES_MAX, 40025)
        below.append(_leaf(child, linked, sub=True) | {"sub_button": []})
    return {"name": button["name"], "sub_button": below}


def _leaf(button: Mapping[str, Any], linked: str, *, sub: bool) -> dict[str, Any]:
    kind = button.get("type")
    if kind in WITH_KEY:
        _check_size(button.get("key"), KEY_BYTES_MAX, 40026 if sub else 40019)
        kept = ["type", "name", "key"]
    elif kind in WITH_URL:
        _check_size(button.get("url"), URL_BYTES_MAX, 40027 if sub else 40020)
        if not re.match(r"https?://[^/]", button["url"]):
            raise CallRefused(40054 if sub else 40055)
        if kind == "miniprogram" and button.get("appid") != linked:
            raise CallRefused(45064)
        if kind == "miniprogram" and not button.get("pagepath"):
            raise CallRefused(40165)
        kept = ["type", "name", "url", "appid", "pagepath"]
    elif kind in WITH_MEDIA:
        kept = ["type", "name", "media_id", "article_id"]
    elif kind is None:
        raise CallRefused(40024 if sub else 40017)
    else:
        raise CallRefused(40120 if sub else 40119)
    return {name: button[name] for name in kept if name in button}


def _check_size(value: Any, limit: int, errcode: int) -> None:
    if not isinstance(value, str) or not 1 <= len(value.encode()) <= limit:
        raise CallRefused(errcode)
