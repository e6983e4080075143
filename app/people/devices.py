"""What a browser is called, so that its owner recognises it: a rule of thumb, not evidence.

WeChat's browser says MicroMessenger, and miniProgram in a mini-program's web view since 7.0.0
(developers.weixin.qq.com/miniprogram/dev/component/web-view.html).
"""

USER_AGENT_LENGTH_MAX = 300

# The first that occurs decides: Edge and the phone makers' browsers call themselves Chrome, too.
BROWSERS = (
    ("miniprogram", "微信小程序里的网页"),
    ("wxwork", "企业微信"),
    ("micromessenger", "微信"),
    ("mqqbrowser", "QQ 浏览器"),
    ("huaweibrowser", "华为浏览器"),
    ("miuibrowser", "小米浏览器"),
    ("vivobrowser", "vivo 浏览器"),
    ("heytapbrowser", "OPPO 浏览器"),
    ("360se", "360 浏览器"),
    ("edg", "Edge 浏览器"),
    ("firefox", "火狐浏览器"),
    ("chrome", "Chrome 浏览器"),
    ("safari", "Safari 浏览器"),
)
MACHINES = (
    ("iphone", "苹果手机"),
    ("ipad", "苹果平板"),
    ("openharmony", "鸿蒙手机"),
    ("harmonyos", "鸿蒙手机"),
    ("android", "安卓手机"),
    ("windows", "Windows 电脑"),
    ("mac os", "苹果电脑"),
    ("linux", "Linux 电脑"),
)
UNKNOWN = "浏览器"


def device_label(user_agent: str | None) -> str:
    """E.g. 安卓手机上的微信, Windows 电脑上的 Edge 浏览器."""
    said = (user_agent or "").lower()
    browser = next((name for mark, name in BROWSERS if mark in said), UNKNOWN)
    machine = next((name for mark, name in MACHINES if mark in said), None)
    if machine is None:
        return browser
    return f"{machine}上的{' ' if browser[0].isascii() else ''}{browser}"


def is_wechat(user_agent: str | None) -> bool:
    return "micromessenger" in (user_agent or "").lower()


def is_mini_program(user_agent: str | None) -> bool:
    """Whether this is a mini-program's web view, which opens no link of a stranger."""
    said = (user_agent or "").lower()
    return "micromessenger" in said and "miniprogram" in said


def is_phone(user_agent: str | None) -> bool:
    """Whether it cannot well scan its own screen. Every phone's browser says Mobile."""
    return "mobile" in (user_agent or "").lower()


def kept_user_agent(raw: str | None) -> str | None:
    """As it is stored: printable, and not endless."""
    shown = "".join(char for char in raw or "" if char.isprintable())[:USER_AGENT_LENGTH_MAX]
    return shown or None
