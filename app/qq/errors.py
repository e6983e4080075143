"""code → a named error. What a code of the QQ bot's API means stands here only.

Codes: bot.q.qq.com/wiki (错误码, 获取访问凭证), and for those it does not list the issues named.

QQRefused             QQ answered, with a code: nothing was done
QQUnavailable         no answer; its fact maybe_done tells whether it may have been done
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from app.core.errors import Conflict, Invalid, Unavailable
from app.core.exchange import PlatformRefused, PlatformUnavailable


class QQUnavailable(PlatformUnavailable):
    title = "QQ 机器人暂时连接不上，请稍后再试"


class QQAudited(QQUnavailable):
    """The message waits for QQ's audit, with an audit_id: it may still appear, or never.

    Status 202 and 304023 or 304024 (bot.q.qq.com/wiki 错误码; MESSAGE_AUDIT_PASS tells it later).
    """

    title = "QQ 正在审核这条消息"


class QQNotConfigured(Conflict):
    title = "还没有配置 QQ 机器人的 AppID 或密钥"


class QQRefused(PlatformRefused):
    title = "QQ 没有接受这次请求"
    CLUES: ClassVar[Mapping[str, re.Pattern[str]]] = {
        "trace_id": re.compile(r"'trace_id': '([0-9a-zA-Z_-]{1,64})'")
    }


class QQUnexpected(QQRefused, Unavailable):
    """A code without a name here: a mistake of ours, or news of the platform."""


class ProactiveRefused(QQRefused, Conflict):
    """The bot may not speak first in this group (tencent-connect/openclaw-qqbot#43)."""

    title = "QQ 机器人没有在该群主动发言的权限"


class ReplyWindowClosed(QQRefused, Conflict):
    """A group message may be answered 5 times within 5 minutes (tencent-connect/bot-docs#216)."""

    title = "已过了可以回复该消息的时间或次数"


class QQDuplicate(QQRefused, Conflict):
    """This msg_seq was used for this msg_id before: it was said already (HKUDS/nanobot#1499)."""

    title = "这条消息已经发送过"


class QQGroupClosed(QQRefused, Conflict):
    """The bot was removed from the group, or may not speak in it."""

    title = "QQ 机器人不在该群中，或已被禁言"


class QQContentRefused(QQRefused, Invalid):
    """Also for an address that is not among the bot's 消息 URL 配置."""

    title = "内容含有 QQ 不允许的文字或链接"


class QQRateLimited(QQRefused, Unavailable):
    title = "QQ 机器人发送太频繁，请稍后再试"


class QQTokenRefused(QQRefused, Unavailable):
    """The access token is no longer good (Kloping/qqpd-bot-java#39)."""

    title = "QQ 机器人接口凭证已失效，请稍后再试"


class QQMisconfigured(QQRefused, Unavailable):
    title = "QQ 机器人的 AppID 或密钥有误，请联系管理员"


_BY_CODE: dict[type[QQRefused], tuple[int, ...]] = {
    ProactiveRefused: (40034102, 40034105),
    # 40034024: msg_id unknown or another group's (AstrBotDevs/AstrBot#6931).
    ReplyWindowClosed: (304103, 40034005, 40034024, 40034128),
    QQDuplicate: (40054005,),
    QQGroupClosed: (40054002, 40054003),
    QQContentRefused: (304003, 40054010),
    QQRateLimited: (22009, 100001, 40034100),
    QQTokenRefused: (11241, 11242, 11243, 11244),
    # 11245: the old fixed token (satorijs/satori#381); the others come with the token's fetch.
    QQMisconfigured: (10004, 11245, 100007, 100016),
}
AUDITED = frozenset({304023, 304024})
BY_CODE = {code: kind for kind, codes in _BY_CODE.items() for code in codes}


def refusal(code: int, answer: Mapping[str, Any] | None = None) -> QQRefused:
    """The error that this code stands for."""
    return BY_CODE.get(code, QQUnexpected)(code, answer)
