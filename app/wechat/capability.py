"""What an account may do through the API, and what a person does instead.

The permission table: developers.weixin.qq.com, 接口权限说明 (wechat-platform.md §5.4); freepublish
for verified accounts only since July 2025 (…/doc/subscription/guide/product/publish.md). A call the
account lacks answers 48001, which others report as a bug; we do not make it.
"""

from dataclasses import dataclass
from typing import Literal

from app.core.errors import Conflict
from app.core.settings import OfficialAccount

Name = Literal[
    "menu",
    "customer_service",
    "user_info",
    "materials",
    "tags",
    "draft",
    "freepublish",
    "mass_send",
    "mass_by_openid",
    "template",
    "oauth",
    "qr_code",
    "js_share",
]


class NotOffered(Conflict):
    title = "这个公众号没有该接口的权限"


@dataclass(frozen=True)
class Capability:
    """Signed pushes, passive replies and the token every account has."""

    account: str
    menu: bool = False
    customer_service: bool = False
    user_info: bool = False
    materials: bool = False
    tags: bool = False
    draft: bool = False
    freepublish: bool = False
    mass_send: bool = False
    mass_by_openid: bool = False
    template: bool = False
    oauth: bool = False
    qr_code: bool = False
    js_share: bool = False


# Personal accounts still make drafts by API (ai-trend-publish#69).
UNVERIFIED_SUBSCRIPTION = Capability("未认证的公众号（订阅号）", draft=True)
VERIFIED_SUBSCRIPTION = Capability(
    "已认证的公众号（订阅号）",
    menu=True,
    customer_service=True,
    user_info=True,
    materials=True,
    tags=True,
    draft=True,
    freepublish=True,
    mass_send=True,
    js_share=True,
)
# Whether it may make drafts is not documented: by hand is the safe answer.
UNVERIFIED_SERVICE = Capability("未认证的服务号", menu=True)
VERIFIED_SERVICE = Capability(
    "已认证的服务号",
    menu=True,
    customer_service=True,
    user_info=True,
    materials=True,
    tags=True,
    draft=True,
    freepublish=True,
    mass_send=True,
    mass_by_openid=True,
    template=True,
    oauth=True,
    qr_code=True,
    js_share=True,
)
PROFILES = {
    ("subscription", False): UNVERIFIED_SUBSCRIPTION,
    ("subscription", True): VERIFIED_SUBSCRIPTION,
    ("service", False): UNVERIFIED_SERVICE,
    ("service", True): VERIFIED_SERVICE,
}

BY_HAND: dict[Name, tuple[str, str]] = {
    "menu": ("创建自定义菜单", "请管理员登录公众平台，在「自定义菜单」中按准备好的内容填写"),
    "customer_service": ("主动发送客服消息", "请管理员在公众平台的「私信」中手工回复"),
    "user_info": ("读取关注者信息", "请居民在小程序中登录，由小程序确认身份"),
    "materials": ("上传永久素材", "请管理员在公众平台的「素材库」中上传"),
    "tags": ("管理用户标签", "请管理员在公众平台的「用户管理」中设置"),
    "draft": ("新建草稿", "请管理员把准备好的图文复制到公众平台的「草稿箱」"),
    "freepublish": ("发布图文", "请管理员登录公众平台，在「草稿箱」中点击发表，再回来登记"),
    "mass_send": ("群发消息", "请管理员登录公众平台手工群发，再回来登记"),
    "mass_by_openid": ("按名单群发消息", "请改为按标签群发，或由网格员逐一转告"),
    "template": ("发送模板消息和服务通知", "请改用小程序订阅消息，或由网格员逐一转告"),
    "oauth": ("在网页中识别微信用户", "请居民从小程序进入"),
    "qr_code": ("生成带参数的二维码", "请改用小程序码，或使用公众号的固定二维码"),
    "js_share": ("自定义网页分享卡片", "请居民直接转发网页链接或海报"),
}
"""What the account may not do, and what a person does instead."""


def capability_of(account: OfficialAccount) -> Capability:
    return PROFILES[account.kind, account.verified]


def require(capability: Capability, name: Name) -> None:
    """Raises NotOffered, with the way a person takes instead."""
    if getattr(capability, name):
        return
    what, instead = BY_HAND[name]
    raise NotOffered(f"{capability.account}不能通过接口{what}。{instead}。", capability=name)
