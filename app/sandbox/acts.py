"""What a resident does with the phone: follow, write, tap the menu, scan, and leave."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.core import clock
from app.core.errors import Conflict, Invalid, NotFound
from app.sandbox.accounts import Account, Push, QrCode
from app.sandbox.callbacks import Outcome, deliver
from app.sandbox.custom_service import open_window
from app.sandbox.permissions import Power
from app.sandbox.qrcodes import SCENE_TEXT_MAX, find_qrcode, make_qrcode
from app.sandbox.world import Following, User, World


class NotFollowing(Conflict):
    title = "这位居民还没有关注公众号"


class AlreadyFollowing(Conflict):
    title = "这位居民已经关注了公众号"


async def follow(world: World, user: User, *, scene: str | None = None) -> Outcome:
    """By a search, or by a code on a wall: then the event carries `qrscene_…` and the ticket."""
    if user.following is not None:
        raise AlreadyFollowing
    code = None if scene is None else _code_of(world.oa, scene)
    user.following = Following(clock.utcnow(), code.scene if code else None)
    world.say(user, "system", type="note", text="你已关注公众号")
    open_window(user, world.oa.appid, "event")
    facts = {"EventKey": ""}
    if code is not None:
        facts = {"EventKey": f"qrscene_{code.scene}", "Ticket": code.ticket}
    return await deliver(world, event(world.oa, user, "subscribe", **facts))


async def unfollow(world: World, user: User) -> Outcome:
    """The windows close at once: whoever left cannot be written to."""
    _check_follows(user)
    user.following = None
    user.windows.clear()
    world.say(user, "system", type="note", text="你已取消关注")
    return await deliver(world, event(world.oa, user, "unsubscribe", EventKey=""))


async def write(world: World, user: User, kind: str, **fields: Any) -> Outcome:
    """A message of any type; `fields` are those of its XML."""
    _check_follows(user)
    return await deliver(world, _write(world, user, kind, **fields))


async def tap(world: World, user: User, button: Mapping[str, Any]) -> Outcome:
    """A leaf of the menu. CLICK opens the window for customer service, the others do not."""
    _check_follows(user)
    return await deliver(world, _tap(world, user, button))


async def scan(world: World, user: User, sought: str) -> Outcome:
    """A parametric code: who does not follow yet follows now."""
    if user.following is None:
        return await follow(world, user, scene=sought)
    return await deliver(world, _scan(world, user, sought))


async def revoke(world: World, user: User, *, info: str) -> Outcome:
    """The resident withdraws consent in WeChat: the mini-program must erase what it holds."""
    mini = world.mini
    openid = user.openid(mini.appid)
    facts = {"OpenID": openid, "AppID": mini.appid, "RevokeInfo": info}
    return await deliver(world, event(mini, user, "user_authorization_revoke", **facts))


def make_act(world: World, user: User, act: Mapping[str, str]) -> Push:
    """A push for a burst: {"type": "text", "text"} | {"type": "menu", "key"} | {"type": "scan"}."""
    _check_follows(user)
    match act:
        case {"type": "text", "text": str(text)}:
            return _write(world, user, "text", Content=text)
        case {"type": "menu", "key": str(key)}:
            return _tap(world, user, {"type": "click", "key": key})
        case {"type": "scan", "scene": str(scene)}:
            return _scan(world, user, scene)
    raise Invalid("burst 里的动作须是 text、menu 或 scan", act=dict(act))


def at_the_same_second(pushes: list[Push]) -> list[Push]:
    created = int(clock.utcnow().timestamp())
    return [replace(push, fields={**push.fields, "CreateTime": created}) for push in pushes]


def find_button(account: Account, path: list[int]) -> Mapping[str, Any]:
    """The leaf at [column] or [column, row] of the menu."""
    buttons: list[Any] = account.menu["button"] if account.menu else []
    button: Mapping[str, Any] = {}
    for index in path:
        if not 0 <= index < len(buttons):
            raise NotFound("菜单里没有这一项")
        button = buttons[index]
        buttons = button.get("sub_button", [])
    if not button or buttons:
        raise NotFound("菜单里没有这一项")
    return button


def event(account: Account, user: User, name: str, **facts: Any) -> Push:
    return Push(account.appid, user.id, {**_head(account, user, "event"), "Event": name, **facts})


def _write(world: World, user: User, kind: str, **fields: Any) -> Push:
    oa = world.oa
    shown = fields["Content"] if kind == "text" else f"［{kind}］"
    world.say(user, "user", type=kind, text=shown)
    open_window(user, oa.appid, "message")
    msg_id = {"MsgId": next(world.msg_ids)}
    return Push(oa.appid, user.id, {**_head(oa, user, kind), **fields, **msg_id})


def _tap(world: World, user: User, button: Mapping[str, Any]) -> Push:
    menu_id = {"MenuId": secrets.randbelow(9 * 10**8) + 10**8}
    match button["type"]:
        case "click":
            open_window(user, world.oa.appid, "event")
            return event(world.oa, user, "CLICK", EventKey=button["key"])
        case "view":
            return event(world.oa, user, "VIEW", EventKey=button["url"], **menu_id)
        case "miniprogram":
            path = button["pagepath"]
            return event(world.oa, user, "view_miniprogram", EventKey=path, **menu_id)
    raise Invalid("模拟手机还不会点这种菜单", type=button["type"])


def _scan(world: World, user: User, sought: str) -> Push:
    code = _code_of(world.oa, sought)
    open_window(user, world.oa.appid, "event")
    facts = {"EventKey": code.scene, "Ticket": code.ticket}
    return event(world.oa, user, "SCAN", **facts)


def _head(account: Account, user: User, kind: str) -> dict[str, Any]:
    return {
        "ToUserName": account.original_id,
        "FromUserName": user.openid(account.appid),
        "CreateTime": int(clock.utcnow().timestamp()),
        "MsgType": kind,
    }


def _code_of(account: Account, sought: str) -> QrCode:
    """A code the service made; else one is made, as if it had been printed long ago."""
    if not account.has(Power.QRCODE):
        raise Conflict("这个账号没有带参数二维码的权限（仅认证服务号有）")
    code = find_qrcode(account, sought)
    if code is None and len(sought) > SCENE_TEXT_MAX:
        raise NotFound("没有这张二维码，或者它已经过期")
    return code or make_qrcode(account, sought, seconds=None)


def _check_follows(user: User) -> None:
    if user.following is None:
        raise NotFollowing
