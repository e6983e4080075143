"""Which kind of account may call what; a call outside its profile is refused with 48001.

Sources: the classic permission table (developers.weixin.qq.com → 接口权限说明; wechat-platform.md
§5.4) and, for publishing since July 2025, WD:doc/subscription/guide/product/publish.md.
"""

from enum import StrEnum
from typing import Literal

from app.core.settings import OfficialAccount


class Power(StrEnum):
    BASIC = "basic"
    MENU = "menu"
    USER = "user"
    CUSTOM_SERVICE = "custom_service"
    MATERIAL = "material"
    MASS = "mass"
    MASS_BY_OPENID = "mass_by_openid"
    DRAFT = "draft"
    PUBLISH = "publish"
    TEMPLATE = "template"
    QRCODE = "qrcode"
    OAUTH = "oauth"
    MINI = "mini"


Profile = Literal[
    "personal", "subscription", "subscription_verified", "service", "service_verified", "mini"
]
"""`personal` is the personal account after July 2025: drafts, but no publishing by API."""

UNVERIFIED = frozenset({Power.BASIC})
VERIFIED = UNVERIFIED | {
    Power.MENU,
    Power.USER,
    Power.CUSTOM_SERVICE,
    Power.MATERIAL,
    Power.MASS,
    Power.DRAFT,
    Power.PUBLISH,
}
POWERS: dict[Profile, frozenset[Power]] = {
    # "Works for personal in 2026 reports" (GH:ai-trend-publish#69): a draft, then 48001 on submit.
    # A draft needs a permanent cover, so its upload must work as well [R].
    "personal": UNVERIFIED | {Power.DRAFT, Power.MATERIAL},
    "subscription": UNVERIFIED,
    "subscription_verified": VERIFIED,
    "service": UNVERIFIED | {Power.MENU},
    "service_verified": VERIFIED
    | {Power.MASS_BY_OPENID, Power.TEMPLATE, Power.QRCODE, Power.OAUTH},
    "mini": frozenset({Power.BASIC, Power.CUSTOM_SERVICE, Power.MINI}),
}

BY_PATH: tuple[tuple[str, Power], ...] = (
    ("/cgi-bin/menu/", Power.MENU),
    ("/cgi-bin/user/", Power.USER),
    ("/cgi-bin/tags/", Power.USER),
    ("/cgi-bin/message/custom/", Power.CUSTOM_SERVICE),
    ("/cgi-bin/material/", Power.MATERIAL),
    ("/cgi-bin/media/", Power.MATERIAL),
    ("/cgi-bin/message/mass/sendall", Power.MASS),
    ("/cgi-bin/message/mass/send", Power.MASS_BY_OPENID),
    ("/cgi-bin/message/mass/", Power.MASS),
    ("/cgi-bin/message/template/", Power.TEMPLATE),
    ("/cgi-bin/message/subscribe/bizsend", Power.TEMPLATE),
    ("/cgi-bin/message/subscribe/", Power.MINI),
    ("/cgi-bin/message/wxopen/", Power.MINI),
    ("/cgi-bin/draft/", Power.DRAFT),
    ("/cgi-bin/freepublish/", Power.PUBLISH),
    ("/cgi-bin/qrcode/", Power.QRCODE),
    ("/wxa/", Power.MINI),
)
"""The first prefix that matches decides; everything else is basic."""


def power_for(path: str) -> Power:
    return next((power for prefix, power in BY_PATH if path.startswith(prefix)), Power.BASIC)


def may(profile: Profile, power: Power) -> bool:
    return power in POWERS[profile]


def profile_of(account: OfficialAccount) -> Profile:
    """The profile of an account as the settings describe it."""
    match account.kind, account.verified:
        case "subscription", True:
            return "subscription_verified"
        case "subscription", False:
            return "subscription"
        case "service", True:
            return "service_verified"
        case _:
            return "service"
