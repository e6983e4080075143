"""WeCom's refusals: errcode, its sentence, and where to look it up.

Form and sentences as callers quote them: "invalid webhook url, hint: [1653710655173452988930371],
from ip: …, more info at https://open.work.weixin.qq.com/devtool/query?e=93000"; a `# [R]` marks a
sentence written from memory.
"""

import secrets

from app.core import clock
from app.sandbox.errors import CallRefused

SENTENCES: dict[int, str] = {
    40001: "invalid credential",
    40003: "invalid userid",  # [R]
    40007: "invalid media_id",
    40008: "invalid message type",
    40009: "invalid image size",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40035: "invalid parameter",  # [R]
    40056: "invalid agentid",  # [R]
    40058: "invalid Request Parameter",
    40063: "some parameters are empty",
    41001: "access_token missing",
    41002: "corpid missing",
    41004: "corpsecret missing",
    41005: "media data missing",  # [R]
    41046: "missing msgid",  # [R]
    41047: "invalid msgid",  # [R]
    41048: "no customer to send",
    42001: "access_token expired",
    44001: "empty media data",
    44004: "empty content",
    45001: "media size out of limit",  # [R]
    45002: "content size out of limit",
    45008: "article size out of limit",
    45009: "api freq out of limit",
    45034: "url must have http:// or https://",  # [R]
    50100: "invalid cursor",  # [R]
    60020: "not allow to access from your ip",
    81013: "user & party & tag all invalid",
    93000: "invalid webhook url",
    301002: "not allow operate another agent with this accesstoken",
    301019: "file md5 not match",  # [R]
}


class WeComCallRefused(CallRefused):
    def body(self) -> dict[str, object]:
        sentence = SENTENCES.get(self.errcode, "unknown error")
        stamp = int(clock.real_now().timestamp())
        hint = f"{stamp}{secrets.randbelow(10**15):015d}"
        more = f"https://open.work.weixin.qq.com/devtool/query?e={self.errcode}"
        said = (
            f"{sentence}, hint: [{hint}], from ip: {self.hint or '127.0.0.1'}, more info at {more}"
        )
        return {"errcode": self.errcode, "errmsg": said}
