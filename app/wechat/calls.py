"""The calls this service makes, one function each, with typed answers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from app.core.errors import Invalid
from app.wechat.answers import text_in
from app.wechat.capability import capability_of, require
from app.wechat.client import WeChatClient
from app.wechat.errors import CodeInvalid, WeChatUnavailable
from app.wechat.menu import Button, menu_json
from app.wechat.replies import cut

CODE = re.compile(r"[\x21-\x7e]{1,256}")
BAD_CODE = 40029
QR_SCENE_LENGTH_MAX = 64
QR_SECONDS_MIN, QR_SECONDS_MAX = 60, 2_592_000
CODE_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
CHECK_LENGTH_MAX = 2500
CODE_WIDTH = 430


class SceneInvalid(Invalid):
    title = "二维码的场景值不符合要求"


class PageInvalidHere(Invalid):
    title = "小程序页面路径不符合要求"


class TooLongToCheck(Invalid):
    title = "内容超过 2500 字，请分段检查"


@dataclass(frozen=True)
class MiniSession:
    """`session_key` never leaves the server (…/api_code2session)."""

    openid: str
    unionid: str | None
    session_key: str = field(repr=False)


@dataclass(frozen=True)
class PhoneNumber:
    country_code: str
    number: str


@dataclass(frozen=True)
class Follower:
    openid: str
    subscribed: bool
    unionid: str | None


@dataclass(frozen=True)
class QrCode:
    """`url` is what the code says, `show_url` a picture of it; `seconds` None means for ever."""

    ticket: str
    url: str
    show_url: str
    seconds: int | None


@dataclass(frozen=True)
class TextCheck:
    suggest: Literal["pass", "review", "risky"]
    label: int | None
    trace_id: str


async def code_to_session(client: WeChatClient, *, code: str) -> MiniSession:
    """Who signs in to the mini-program; the code is good once, for 5 minutes.

    GET /sns/jscode2session takes the secret and no access token (developers.weixin.qq.com
    …/user-login/api_code2session). wechatpy 1.8.18 fetches one and sends it along, so there a
    broken token breaks the login. On success errcode is absent.
    """
    if CODE.fullmatch(code) is None:
        raise CodeInvalid(BAD_CODE)
    mini = client.settings.mini
    answer = await client.call(
        mini,
        "GET",
        "/sns/jscode2session",
        params={
            "appid": mini.appid,
            "secret": mini.secret,
            "js_code": code,
            "grant_type": "authorization_code",
        },
        token=False,
    )
    return MiniSession(
        openid=text_in(answer, "openid"),
        unionid=text_in(answer, "unionid") if answer.get("unionid") else None,
        session_key=text_in(answer, "session_key"),
    )


async def get_phone_number(client: WeChatClient, *, code: str) -> PhoneNumber:
    """The number behind a tap on getPhoneNumber (POST /wxa/business/getuserphonenumber).

    Its code is good once, for 5 minutes, and is not that of wx.login.
    """
    if CODE.fullmatch(code) is None:
        raise CodeInvalid(BAD_CODE)
    answer = await client.call(
        client.settings.mini, "POST", "/wxa/business/getuserphonenumber", json={"code": code}
    )
    info = answer.get("phone_info")
    if not isinstance(info, dict):
        raise WeChatUnavailable(reason="no phone_info")
    return PhoneNumber(
        country_code=str(info.get("countryCode") or "86"), number=text_in(info, "purePhoneNumber")
    )


async def get_user_info(client: WeChatClient, *, openid: str) -> Follower:
    """A follower's unionid (GET /cgi-bin/user/info; verified accounts only).

    Somebody who left has `subscribe` 0 and nothing else.
    """
    oa = client.settings.oa
    require(capability_of(oa), "user_info")
    answer = await client.call(
        oa, "GET", "/cgi-bin/user/info", params={"openid": openid, "lang": "zh_CN"}
    )
    return Follower(
        openid=text_in(answer, "openid"),
        subscribed=str(answer.get("subscribe")) == "1",
        unionid=text_in(answer, "unionid") if answer.get("unionid") else None,
    )


async def send_custom_text(client: WeChatClient, *, openid: str, text: str) -> None:
    """A message outside a reply, cut to what one holds (POST /cgi-bin/message/custom/send).

    Within 48 h of the person's last one, and not many: WindowClosed, WindowFull otherwise
    (developers.weixin.qq.com/doc/subscription/guide/product/kf/intro.md).
    """
    oa = client.settings.oa
    require(capability_of(oa), "customer_service")
    message = {"touser": openid, "msgtype": "text", "text": {"content": cut(text)}}
    await client.call(oa, "POST", "/cgi-bin/message/custom/send", json=message)


async def create_menu(client: WeChatClient, buttons: Sequence[Button]) -> None:
    """Replace the menu (POST /cgi-bin/menu/create); phones see it within a day."""
    oa = client.settings.oa
    require(capability_of(oa), "menu")
    await client.call(oa, "POST", "/cgi-bin/menu/create", json=menu_json(buttons))


async def create_qr_code(client: WeChatClient, *, scene: str, seconds: int | None) -> QrCode:
    """A parametric code (POST /cgi-bin/qrcode/create; WxJava WxMpQrcodeService).

    Good for `seconds` (60 s to 30 days), or, with None, for ever: the account has 100,000 of those.
    """
    oa = client.settings.oa
    require(capability_of(oa), "qr_code")
    if not 1 <= len(scene) <= QR_SCENE_LENGTH_MAX:
        raise SceneInvalid(length_max=QR_SCENE_LENGTH_MAX)
    if seconds is not None and not QR_SECONDS_MIN <= seconds <= QR_SECONDS_MAX:
        raise SceneInvalid(f"二维码有效期应为 {QR_SECONDS_MIN} 至 {QR_SECONDS_MAX} 秒")
    asked: dict[str, Any] = {"action_info": {"scene": {"scene_str": scene}}}
    if seconds is None:
        asked["action_name"] = "QR_LIMIT_STR_SCENE"
    else:
        asked |= {"action_name": "QR_STR_SCENE", "expire_seconds": seconds}
    answer = await client.call(oa, "POST", "/cgi-bin/qrcode/create", json=asked)
    ticket = text_in(answer, "ticket")
    shown = f"{str(client.settings.mp_url).rstrip('/')}/cgi-bin/showqrcode"
    return QrCode(
        ticket=ticket,
        url=text_in(answer, "url"),
        show_url=f"{shown}?ticket={quote(ticket, safe='')}",
        seconds=seconds,
    )


async def get_unlimited_code(
    client: WeChatClient,
    *,
    scene: str,
    page: str,
    env_version: Literal["release", "trial", "develop"] = "release",
    check_path: bool = True,
) -> bytes:
    """A mini-program code's picture (POST /wxa/getwxacodeunlimit; WxJava WxMaQrcodeService).

    Any number of them, each with up to 32 characters of a small set; `page` has no query.
    """
    if CODE_SCENE.fullmatch(scene) is None:
        raise SceneInvalid
    if not page or page.startswith("/") or "?" in page:
        raise PageInvalidHere
    asked = {
        "scene": scene,
        "page": page,
        "check_path": check_path,
        "env_version": env_version,
        "width": CODE_WIDTH,
    }
    return await client.download(client.settings.mini, "/wxa/getwxacodeunlimit", json=asked)


async def check_text(
    client: WeChatClient, *, openid: str, scene: Literal[1, 2, 3, 4], content: str
) -> TextCheck:
    """What WeChat thinks of a person's words; scene 1 profile, 2 comment, 3 forum, 4 journal.

    POST /wxa/msg_sec_check, version 2 (…/security.msgSecCheck.html): the author must have used the
    mini-program within 2 h (61010 otherwise, NotRecentlyActive).
    """
    if len(content) > CHECK_LENGTH_MAX:
        raise TooLongToCheck(length_max=CHECK_LENGTH_MAX)
    asked = {"version": 2, "openid": openid, "scene": scene, "content": content}
    answer = await client.call(client.settings.mini, "POST", "/wxa/msg_sec_check", json=asked)
    result = answer.get("result")
    found = result if isinstance(result, dict) else {}
    suggest: Literal["pass", "review", "risky"] = "review"  # What is not understood, a person sees.
    match found.get("suggest"):
        case "pass" | "risky" as said:
            suggest = said
    label = found.get("label")
    return TextCheck(
        suggest=suggest,
        label=label if isinstance(label, int) else None,
        trace_id=str(answer.get("trace_id", "")),
    )
