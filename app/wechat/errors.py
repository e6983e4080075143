"""errcode → a named error. What a code means, and whether to try again, stands here only.

Codes: developers.weixin.qq.com, 全局返回码 and the page of each call; wechatpy WeChatErrorCode,
WxJava WxMpErrorMsgEnum and WxMaErrorMsgEnum.

WeChatRefused         WeChat answered, with an errcode; each kind is also an Invalid, Conflict, …
WeChatUnavailable     WeChat did not answer, or with something that is no answer; its fact
                      maybe_done tells whether WeChat may have done it all the same
"""

import re
from collections.abc import Mapping
from typing import Any

from app.core.errors import Conflict, DomainError, Forbidden, Invalid, Unavailable
from app.core.exchange import PlatformUnavailable

RID = re.compile(r"rid: ?([0-9a-fA-F-]{8,64})")
ADDRESS = re.compile(r"invalid ip ([0-9a-fA-F.:]+)")
ARGUMENT = re.compile(r"data\.(\w+)\.value")


class WeChatUnavailable(PlatformUnavailable):
    title = "微信服务暂时连接不上，请稍后再试"


class WeChatRefused(DomainError):
    """`answer` is all that came with the code: 45065, for one, brings the first msg_id along."""

    title = "微信没有接受这次请求"

    def __init__(self, errcode: int, answer: Mapping[str, Any] | None = None) -> None:
        self.errcode = errcode
        self.answer = dict(answer or {})
        errmsg = str(self.answer.get("errmsg", ""))
        # Only what is known to name nobody is taken out of errmsg.
        found = {"rid": RID.search(errmsg), **self.clues(errmsg)}
        super().__init__("", errcode=errcode, **{k: m[1] for k, m in found.items() if m})

    @staticmethod
    def clues(_: str) -> dict[str, re.Match[str] | None]:
        return {}


class UnexpectedRefusal(WeChatRefused, Unavailable):
    """A code without a name here: a mistake of ours, or news of the platform."""


class WeChatBusy(WeChatRefused, Unavailable):
    """-1: the only code that is cured by waiting a second."""

    title = "微信系统繁忙，请稍后再试"


class TokenRefused(WeChatRefused, Unavailable):
    """The access token is not, or no longer, good: fetch it again, once."""

    title = "微信接口凭证已失效，请稍后再试"


class Misconfigured(WeChatRefused, Unavailable):
    title = "微信账号的 AppID 或密钥配置有误，请联系管理员"


class NotWhitelisted(WeChatRefused, Unavailable):
    """Official accounts only; never cured by a retry (JeffreySu/WeiXinMPSDK#2166)."""

    title = "服务器地址不在公众号的 IP 白名单中，请联系管理员"

    @staticmethod
    def clues(errmsg: str) -> dict[str, re.Match[str] | None]:
        return {"ip": ADDRESS.search(errmsg)}


class NotGranted(WeChatRefused, Conflict):
    title = "这个账号没有该接口的权限"


class Banned(WeChatRefused, Conflict):
    title = "该接口已被微信封禁，请联系管理员"


class QuotaExceeded(WeChatRefused, Unavailable):
    """45009: for today; 45011: for this minute."""

    title = "微信接口调用次数已用完，请稍后再试"


class CodeInvalid(WeChatRefused, Invalid):
    """Never issued, or older than its 5 minutes."""

    title = "登录凭证无效或已过期，请重新进入"


class CodeUsed(WeChatRefused, Conflict):
    """Missing from the documentation's table, but real (binarywang/WxJava#388)."""

    title = "登录凭证已经用过，请重新进入"


class LoginBlocked(WeChatRefused, Forbidden):
    """WeChat holds the user for a risk; it does not say why, and neither do we."""

    title = "暂时无法登录"


class OpenidInvalid(WeChatRefused, Invalid):
    title = "微信用户标识无效"


class NotFollowing(WeChatRefused, Conflict):
    title = "对方没有关注公众号"


class UserRefused(WeChatRefused, Conflict):
    title = "对方没有订阅这类通知"


class WindowClosed(WeChatRefused, Conflict):
    title = "对方超过 48 小时没有与公众号互动，不能发送消息"


class WindowFull(WeChatRefused, Conflict):
    title = "本次互动可以发送的消息条数已用完"


class MassQuotaUsed(WeChatRefused, Conflict):
    title = "群发次数已用完"


class AlreadySent(WeChatRefused, Conflict):
    """The same clientmsgid within a day: the first msg_id is in the answer, so it is a success."""

    title = "这条群发已经提交过"


class RepeatedTooSoon(WeChatRefused, Unavailable):
    """The same clientmsgid while the first is being looked at: wait a minute."""

    title = "同一条群发重复提交过快，请一分钟后再试"


class ClientMsgIdInvalid(WeChatRefused, Invalid):
    title = "群发编号超过 64 字节"


class TagInvalid(WeChatRefused, Invalid):
    title = "公众号里没有这个用户标签"


class ArticleInvalid(WeChatRefused, Invalid):
    title = "公众号里没有这篇已发表的文章"


class PublishRefused(WeChatRefused, Conflict):
    title = "草稿未通过发布检查，请到公众平台处理"


class MediaInvalid(WeChatRefused, Invalid):
    """Also a temporary media_id where a permanent one is asked for."""

    title = "素材无效"


class ImageRefused(WeChatRefused, Invalid):
    title = "图片的格式或大小不符合微信要求"


class PayloadMissing(WeChatRefused, Invalid):
    """A file, a body, or the articles did not arrive: a mistake of ours."""

    title = "发给微信的内容不完整"


class ContentTooLong(WeChatRefused, Invalid):
    title = "内容超过微信允许的长度"


class ContentRefused(WeChatRefused, Invalid):
    title = "内容含有微信不允许的文字、链接或标签"


class TemplateInvalid(WeChatRefused, Invalid):
    title = "消息模板无效"


class ArgumentInvalid(WeChatRefused, Invalid):
    title = "消息模板的参数不符合要求"

    @staticmethod
    def clues(errmsg: str) -> dict[str, re.Match[str] | None]:
        return {"argument": ARGUMENT.search(errmsg)}


class PageInvalid(WeChatRefused, Invalid):
    title = "小程序页面不存在或尚未发布"


class MenuRefused(WeChatRefused, Invalid):
    title = "自定义菜单不符合要求"


class NotRecentlyActive(WeChatRefused, Conflict):
    """Content can be checked only while its author used the mini-program within two hours."""

    title = "用户近期没有使用小程序，无法自动检查内容"


class AppidMismatch(WeChatRefused, Invalid):
    title = "用户标识不属于这个小程序"


_BY_CODE: dict[type[WeChatRefused], tuple[int, ...]] = {
    WeChatBusy: (-1,),
    TokenRefused: (40001, 40014, 42001),
    Misconfigured: (40013, 40125, 41002, 41004),
    NotWhitelisted: (40164,),
    NotGranted: (48001,),
    Banned: (48004, 50002),
    QuotaExceeded: (45009, 45011),
    CodeInvalid: (40029, 42003),
    CodeUsed: (40163,),
    LoginBlocked: (40226,),
    OpenidInvalid: (40003,),
    NotFollowing: (43004,),
    UserRefused: (43101,),
    WindowClosed: (45015,),
    WindowFull: (45047,),
    MassQuotaUsed: (45028,),
    AlreadySent: (45065,),
    RepeatedTooSoon: (45066,),
    ClientMsgIdInvalid: (45067,),
    TagInvalid: (45159,),
    ArticleInvalid: (53600,),  # from memory, not in wechat-platform.md
    PublishRefused: (53503, 53504, 53505),
    MediaInvalid: (40004, 40007),
    ImageRefused: (40005, 40009, 40113, 40137, 45001),
    PayloadMissing: (41005, 41006, 44001, 44002, 44003, 44004),
    # 45110, the author's length, is from memory.
    ContentTooLong: (40039, 45002, 45003, 45004, 45008, 45110),
    ContentRefused: (40033, 45166, 87014),
    TemplateInvalid: (40037,),
    ArgumentInvalid: (47003,),
    PageInvalid: (41030,),
    MenuRefused: (*range(40015, 40029), 40054, 40055, 40119, 40120, 45064, 65316),
    NotRecentlyActive: (61010,),
    AppidMismatch: (43104,),
}
BY_CODE = {code: kind for kind, codes in _BY_CODE.items() for code in codes}


def refusal(errcode: int, answer: Mapping[str, Any] | None = None) -> WeChatRefused:
    """The error that this errcode stands for."""
    return BY_CODE.get(errcode, UnexpectedRefusal)(errcode, answer)
