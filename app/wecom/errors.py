"""errcode → a named error. What a code of WeCom means stands here only.

Codes: developer.work.weixin.qq.com, 全局错误码 (90313) and the page of each call; the sentences
come from SDKs' tables of it. The same number may mean something else at WeChat: 40001 is a wrong
secret here.

WeComRefused          WeCom answered, with an errcode: nothing was done
WeComUnavailable      no answer; its fact maybe_done tells whether it may have been done
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from app.core.errors import Conflict, Invalid, Unavailable
from app.core.exchange import PlatformRefused, PlatformUnavailable


class WeComUnavailable(PlatformUnavailable):
    title = "企业微信暂时连接不上，请稍后再试"


class WeComNotConfigured(Conflict):
    title = "还没有配置企业微信的企业 ID、应用密钥或应用 ID"


class WeComRefused(PlatformRefused):
    """The hint, in "…, hint: [1653710655173452988930371], from ip: …", is what 查询错误码 wants."""

    title = "企业微信没有接受这次请求"
    CLUES: ClassVar[Mapping[str, re.Pattern[str]]] = {"hint": re.compile(r"hint: ?\[(\d{10,40})\]")}


class WeComUnexpected(WeComRefused, Unavailable):
    """A code without a name here: a mistake of ours, or news of the platform."""


class WeComBusy(WeComRefused, Unavailable):
    """-1, a failure of the system: the only code that is to be tried again (90313)."""

    title = "企业微信系统繁忙，请稍后再试"


class RobotGone(WeComRefused, Conflict):
    """The key is wrong, or the robot was removed from its group or switched off."""

    title = "群机器人不存在或已被移出群"


class WeComRateLimited(WeComRefused, Unavailable):
    """A robot: 20 messages a minute (91770); the block ends by itself after about a minute."""

    title = "企业微信接口调用太频繁，请稍后再试"


class WeComTooLong(WeComRefused, Invalid):
    title = "内容超过企业微信允许的长度"


class WeComMessageInvalid(WeComRefused, Invalid):
    title = "消息不符合企业微信的要求"


class AddressNotTrusted(WeComRefused, Unavailable):
    """Never cured by a retry: the address must be entered in the console."""

    title = "服务器地址不在企业微信应用的可信 IP 中，请联系管理员"
    CLUES: ClassVar[Mapping[str, re.Pattern[str]]] = {
        **WeComRefused.CLUES,
        "ip": re.compile(r"from ip: ?([0-9a-fA-F.:]+)"),
    }


class WeComNotGranted(WeComRefused, Conflict):
    """Since 1 December 2023 the app must be among「客户联系-可调用接口的应用」(96355)."""

    title = "企业微信应用没有该接口的权限"


class RecipientInvalid(WeComRefused, Invalid):
    title = "接收人或群不存在，或不在应用的可见范围内"


class WeComTokenRefused(WeComRefused, Unavailable):
    """The access token is no longer good; where no token was sent, the secret is wrong."""

    title = "企业微信接口凭证已失效，请稍后再试"


class WeComMisconfigured(WeComRefused, Unavailable):
    title = "企业微信的企业 ID 或应用 ID 配置有误，请联系管理员"


class NobodyToSend(WeComRefused, Conflict):
    """Every group of the task is somebody else's, is dissolved, or had its messages this month."""

    title = "没有可以发送的客户群"


class GroupTaskGone(WeComRefused, Conflict):
    title = "群发任务不存在或已停止"


_BY_CODE: dict[type[WeComRefused], tuple[int, ...]] = {
    WeComBusy: (-1,),
    RobotGone: (93000, 93004, 93008),
    WeComRateLimited: (45009, 45011, 45033),
    # 40058 is also "invalid parameter"; a robot says it of a text that is too long.
    WeComTooLong: (40058, 45001, 45002, 45003, 45004, 45005),
    WeComMessageInvalid: (
        *(40004, 40006, 40007, 40008, 40009, 40033, 40035, 40063, 41006),
        *(44001, 44004, 45008, 45034, 47001, 301019),
    ),
    AddressNotTrusted: (60020,),
    WeComNotGranted: (48001, 48002, 48004, 48006, 50003, 60011),
    RecipientInvalid: (40003, 40050, 46004, 50002, 60111, 81013, 82001, 86001, 86003, 90501),
    WeComTokenRefused: (40001, 40014, 41001, 42001),
    WeComMisconfigured: (40013, 40056, 41002, 41004, 42009, 301002),
    NobodyToSend: (41048,),
    GroupTaskGone: (41046, 41047),
}
BY_CODE = {code: kind for kind, codes in _BY_CODE.items() for code in codes}


def refusal(errcode: int, answer: Mapping[str, Any] | None = None) -> WeComRefused:
    """The error that this errcode stands for."""
    return BY_CODE.get(errcode, WeComUnexpected)(errcode, answer)
