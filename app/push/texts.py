"""What a day's push says on each channel, within the channel's bytes. Pure."""

import base64
import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import date
from itertools import takewhile
from typing import Any

from app.push.channels import LIMITS
from app.push.links import LOOK

PUSH_TEXT_MAX = 300
"""Characters of a push's own text: what a phone shows without scrolling, in large type."""
TITLE_BYTES_MAX, DESCRIPTION_BYTES_MAX = 128, 512
"""Of an article of a robot, and of a link to a customer group (developer.work.weixin.qq.com 91770,
92135): longer ones are cut by the platform, and not always between two characters."""
MARKDOWN_BYTES_MAX = 4096
"""developer.work.weixin.qq.com 91770."""
ELLIPSIS = "……"
ZERO_WIDTH_JOINER = "\u200d"
HEADING = "【每日一学】"
SERVICE = "首善学堂"


@dataclass(frozen=True)
class Notice:
    """What one group is told: the lesson, the push's own words, the group's own link."""

    day: date
    title: str
    summary: str
    text: str
    link: str

    @property
    def heading(self) -> str:
        return f"{HEADING}{self.day.month}月{self.day.day}日"


def relay_text(notice: Notice) -> str:
    """What a tutor forwards by hand."""
    return _plain(notice, bytes_max=LIMITS["relay"].text_bytes_max)


def qq_text(notice: Notice) -> str:
    """Plain text: the address on a line of its own, or what follows would be taken for a part.

    The address's host must be among the bot's 消息 URL 配置 (QQ answers 304003 otherwise).
    """
    return _plain(notice, bytes_max=LIMITS["qq_bot"].text_bytes_max)


def console_text(notice: Notice) -> str:
    return _plain(notice, bytes_max=LIMITS["console"].text_bytes_max)


def robot_message(notice: Notice, kind: str | None = None) -> dict[str, Any]:
    """The JSON a WeCom robot takes: `news` unless channels.toml says text or markdown.

    With `image` it says the poster instead (`robot_picture`).
    """
    match kind or LIMITS["wecom_robot"].message:
        case "news":
            article = {
                "title": cut(notice.title, TITLE_BYTES_MAX),
                "description": cut(f"{notice.heading}\n{notice.text}", DESCRIPTION_BYTES_MAX),
                "url": notice.link,
            }
            return {"msgtype": "news", "news": {"articles": [article]}}
        case "markdown":
            head = f"**{notice.heading}**\n### {_marked(notice.title)}\n"
            tail = f"\n[点这里学习]({notice.link})"
            content = _between(head, _marked(notice.text), tail, MARKDOWN_BYTES_MAX)
            return {"msgtype": "markdown", "markdown": {"content": content}}
        case other:
            assert other == "text", other
            limit = LIMITS["wecom_robot"].text_bytes_max
            return {"msgtype": "text", "text": {"content": _plain(notice, bytes_max=limit)}}


def robot_picture(picture: bytes) -> dict[str, Any]:
    """The poster alone, a PNG of 2 MB at most; the link is in its code (91770)."""
    # MD5 is what the platform asks for, as a check sum only.
    md5 = hashlib.md5(picture, usedforsecurity=False).hexdigest()
    content = {"base64": base64.b64encode(picture).decode(), "md5": md5}
    return {"msgtype": "image", "image": content}


def customer_group_text(notice: Notice) -> str:
    """Its link makes it unlike every other task's, so that a lost task is found by its text."""
    return _plain(notice, bytes_max=LIMITS["wecom_customer_group"].text_bytes_max)


def customer_group_link(notice: Notice) -> dict[str, str]:
    return {
        "title": cut(notice.title, TITLE_BYTES_MAX),
        "desc": cut(notice.summary, DESCRIPTION_BYTES_MAX),
        "url": notice.link,
    }


def task_text(notice: Notice, *, group: str, poster: str) -> str:
    """What the tutor is asked to do; the words to forward stand between two lines."""
    return (
        f"请把下面这段话转发到“{group}”，转发后回来点“已转发”：\n"
        f"————\n{relay_text(notice)}\n————\n"
        f"自己先看一眼（不算群里点开）：{notice.link}?{LOOK}=1\n"
        f"海报（长按保存，可一起转发；上面是课程名、这段话和二维码）：{poster}"
    )


def cut(text: str, bytes_max: int) -> str:
    """As much of it as fits into so many bytes, ending with …… where something is missing.

    Never inside a character, nor inside one that people see as one: an emoji of several parts, a
    letter with its accent, a flag.
    """
    if len(text.encode()) <= bytes_max:
        return text
    room = bytes_max - len(ELLIPSIS.encode())
    if room < 0:
        return ""
    end = len(text.encode()[:room].decode("utf-8", "ignore"))
    while end > 0 and _joined(text, end):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def _joined(text: str, at: int) -> bool:
    """Whether the code points on both sides of `at` are shown as one character."""
    before, after = text[at - 1], text[at]
    if ZERO_WIDTH_JOINER in {before, after}:
        return True
    if unicodedata.category(after).startswith("M") or "\U0001f3fb" <= after <= "\U0001f3ff":
        return True
    # A flag is two regional indicators: an odd number before means that this one is half.
    halves = sum(1 for _ in takewhile(_is_half_a_flag, reversed(text[:at])))
    return halves % 2 == 1 and _is_half_a_flag(after)


def _is_half_a_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _plain(notice: Notice, *, bytes_max: int) -> str:
    head = f"{notice.heading}\n{cut(notice.title, TITLE_BYTES_MAX)}\n"
    return _between(head, notice.text, f"\n点开学习（{SERVICE}）：\n{notice.link}", bytes_max)


def _between(head: str, text: str, tail: str, bytes_max: int) -> str:
    """The text gives way; the link never does."""
    return head + cut(text, bytes_max - len((head + tail).encode())) + tail


def _marked(text: str) -> str:
    """Its words only: what would be markup in WeCom's markdown is shown full-width."""
    return text.translate(str.maketrans("[]()<>*_`#", "［］（）＜＞＊＿｀＃"))
