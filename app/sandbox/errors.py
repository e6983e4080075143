"""The platform's refusals: errcode, its official English sentence, and a request id.

Sentences: https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html and the
return-code table of the official-account wiki; a `# [R]` marks one written from memory.
"""

import secrets
from collections import defaultdict

from app.core import clock

SENTENCES: dict[int, str] = {
    -1: "system error",
    40001: (
        "invalid credential, access_token is invalid or not latest, could get access_token by "
        "getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r"
    ),  # as quoted in GH:silenceper/wechat#791
    40002: "invalid grant_type",
    40003: "invalid openid",
    40004: "invalid media type",
    40007: "invalid media_id",
    40008: "invalid message type",
    40009: "invalid image size",
    40013: "invalid appid",
    40014: "invalid access_token",
    40015: "invalid menu type",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40019: "invalid button key size",
    40020: "invalid button url size",
    40022: "invalid sub-menu level",  # [R]
    40023: "invalid sub button size",
    40024: "invalid sub button type",
    40025: "invalid sub button name size",
    40026: "invalid sub button key size",
    40027: "invalid sub button url size",
    40029: "invalid code",
    40033: "invalid charset. please check your request, if include \\uxxxx will create fail!",
    40037: "invalid template_id",
    40039: "invalid url size",
    40053: "invalid action info",
    40054: "invalid sub button url domain",
    40055: "invalid button url domain",
    40059: "invalid appmsg id",  # [R]
    40060: "invalid article idx",  # [R]
    40066: "invalid url",
    40097: "invalid args",
    40113: "unsupported file type",
    40119: "invalid use button type",
    40120: "invalid use sub button type",
    40125: "invalid appsecret",
    40129: "invalid scene",  # [R]
    40137: "invalid image format",
    40163: "code been used",
    40164: "invalid ip {ip} ipv6 ::ffff:{ip}, not in whitelist",  # GH:WxJava#3199
    40165: "invalid weapp pagepath",
    40169: "invalid length for scene, or the data is not json string",
    40212: "invalid query",
    40226: "code blocked",  # [R]
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41005: "media data missing",
    41008: "missing code",
    41009: "missing openid",
    41030: "invalid page",
    42001: "access_token expired",
    42003: "code expired",
    43001: "require GET method",
    43002: "require POST method",
    43101: "user refuse to accept the msg",
    43104: "appid not match openid",  # [R]
    44001: "empty media data",
    44002: "empty post data",
    44003: "empty news data",
    44004: "empty content",
    45001: "media size out of limit",
    45002: "content size out of limit",
    45003: "title size out of limit",
    45004: "description size out of limit",
    45008: "article size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45028: "has no masssend quota",
    45047: "out of response count limit",
    45064: "no permission to use weapp in menu",
    45065: "clientmsgid exist",
    45066: "same clientmsgid retry too fast",
    45067: "clientmsgid size out of limit",
    45110: "author size out of limit",  # [R]
    45159: "invalid tag id",
    46003: "menu no exist",
    47001: "data format error",
    47003: "argument invalid! data.{key}.value {why}",  # [R] on the reason
    48001: "api unauthorized",
    53503: "draft did not pass the check before publishing",  # [R]
    53504: "this draft must be published on the website",  # [R]
    53505: "save this draft by hand before publishing it",  # [R]
    53600: "invalid article id",  # [R]
    61010: "code is expired",
    76021: "cgi_path not found",  # [R]
    85400: "reach max long time quota limit",
    85401: "invalid expire_time",  # [R]
    85402: "invalid env_version",  # [R]
    87009: "invalid signature",
}


def make_rid() -> str:
    """`6656c1a0-1b2c3d4e-5f607182`: the instant and two random words, in hex [R on the parts]."""
    instant = int(clock.real_now().timestamp())
    return f"{instant:08x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"


class CallRefused(Exception):
    """The platform answers with an errcode instead of doing what was asked."""

    def __init__(self, errcode: int, hint: str = "", **facts: str) -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.hint = hint
        self.facts = facts

    def body(self) -> dict[str, object]:
        """The JSON of the refusal; `hint` names the culprit, as the platform sometimes does."""
        # An injected refusal brings no facts.
        facts = defaultdict(lambda: "?", self.facts)
        sentence = SENTENCES.get(self.errcode, "unknown error").format_map(facts)
        hint = f", {self.hint}" if self.hint else ""
        return {"errcode": self.errcode, "errmsg": f"{sentence}{hint} rid: {make_rid()}"}
