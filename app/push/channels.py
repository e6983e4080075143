"""What each channel can carry, read from channels.toml; and what an address of it looks like."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from app.push.rules import Channel

CHANNEL_TITLES: dict[str, str] = {
    "relay": "人工转发",
    "wecom_robot": "企业微信群机器人",
    "wecom_customer_group": "企业微信客户群",
    "qq_bot": "QQ 群机器人",
    "console": "控制台",
}
ADDRESSES: dict[str, re.Pattern[str] | None] = {
    "relay": None,
    "console": None,
    # The `key` of the robot's webhook is a UUID (developer.work.weixin.qq.com 91770).
    "wecom_robot": re.compile(r"[0-9A-Za-z-]{16,64}"),
    # chat_id of a customer group: "wr…" (developer.work.weixin.qq.com 92120).
    "wecom_customer_group": re.compile(r"wr[0-9A-Za-z_-]{4,62}"),
    # group_openid: 32 hexadecimal digits (bot.q.qq.com/wiki, 唯一身份机制).
    "qq_bot": re.compile(r"[0-9A-Za-z_-]{16,64}"),
}
"""None: a channel that has no address."""
SHOWN = 4


@dataclass(frozen=True)
class Limits:
    per_minute: int
    text_bytes_max: int
    message: str


def _read() -> dict[str, Limits]:
    rows = tomllib.loads(Path(__file__).with_name("channels.toml").read_text("utf-8"))
    assert set(rows) == set(get_args(Channel)), rows.keys()
    return {name: Limits(**row) for name, row in rows.items()}


LIMITS = _read()


def says_a_picture(channel: str) -> bool:
    """Whether the poster itself is the message."""
    return channel == "wecom_robot" and LIMITS[channel].message == "image"


def is_address(channel: str, address: str | None) -> bool:
    """Whether this can be an address of the channel."""
    pattern = ADDRESSES[channel]
    if pattern is None or address is None:
        return pattern is None and address is None
    return pattern.fullmatch(address) is not None


def masked(address: str | None) -> str | None:
    """The last characters only: a robot's key is a secret, and whoever has it may speak."""
    return None if address is None else f"…{address[-SHOWN:]}"
