"""Who opens a page in WeChat's browser: web authorisation of a verified service account (§3).

developers.weixin.qq.com/doc/service/api/webdev/access/api_snsaccesstoken; parameter order and the
fragment matter (WxJava WxMpApiUrl, wechatpy oauth).
"""

import re
from dataclasses import dataclass
from urllib.parse import quote

from app.core.settings import WeChat
from app.wechat.answers import text_in
from app.wechat.capability import capability_of, require
from app.wechat.client import WeChatClient
from app.wechat.errors import CodeInvalid, WeChatUnavailable

CODE = re.compile(r"[\x21-\x7e]{1,256}")
BAD_CODE = 40029


@dataclass(frozen=True)
class PageVisitor:
    """`is_virtual`: a page opened as a snapshot shows somebody who does not exist; keep nothing."""

    openid: str
    unionid: str | None
    is_virtual: bool


def authorize_url(settings: WeChat, *, redirect_url: str, state: str) -> str:
    """Where WeChat asks, silently (snsapi_base), who this is, and comes back with a code.

    `state` is at most 128 letters and digits. Raises NotOffered.
    """
    require(capability_of(settings.oa), "oauth")
    base = str(settings.open_url).rstrip("/")
    return (
        f"{base}/connect/oauth2/authorize?appid={settings.oa.appid}"
        f"&redirect_uri={quote(redirect_url, safe='')}&response_type=code"
        f"&scope=snsapi_base&state={quote(state, safe='')}#wechat_redirect"
    )


async def page_visitor(client: WeChatClient, *, code: str) -> PageVisitor:
    """Who came back with this code, good once and for 5 minutes (GET /sns/oauth2/access_token).

    Raises CodeUsed (40163) and CodeInvalid (40029, 42003): WeChat's browser asks twice, and people
    press Back (binarywang/WxJava#388).
    """
    oa = client.settings.oa
    require(capability_of(oa), "oauth")
    if CODE.fullmatch(code) is None:
        raise CodeInvalid(BAD_CODE)
    answer = await client.call(
        oa,
        "GET",
        "/sns/oauth2/access_token",
        params={
            "appid": oa.appid,
            "secret": oa.secret,
            "code": code,
            "grant_type": "authorization_code",
        },
        token=False,
    )
    openid = answer.get("openid")
    if not isinstance(openid, str) or not openid:
        raise WeChatUnavailable(reason="no openid")
    return PageVisitor(
        openid=openid,
        unionid=text_in(answer, "unionid") if answer.get("unionid") else None,
        is_virtual=str(answer.get("is_snapshotuser", 0)) == "1",
    )
