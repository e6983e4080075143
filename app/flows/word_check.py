"""What WeChat's own check (msg_sec_check) says of a manuscript: flags for people, nothing blocks.

The check takes the author's openid of the mini-program, used within two hours (61010 otherwise:
wechat-platform.md §7), so most of what is written on web pages cannot be checked, and says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.editorial import queries as editorial
from app.editorial import steps
from app.people import queries as people

PIECE = 2500
"""Characters of one call."""
TEXTS = ("title", "author", "digest", "markdown", "text")
NOT_ACTIVE = "无法自动检查：作者近两小时未使用小程序"
NO_IDENTITY = "无法自动检查：作者没有登录过小程序"
LABELS = {
    10001: "广告",
    20001: "时政",
    20002: "色情",
    20003: "辱骂",
    20006: "违法犯罪",
    20008: "欺诈",
    20012: "低俗",
    20013: "版权",
}
"""Most from memory [R] (wechat-platform.md §7)."""

Flag = dict[str, str]


@dataclass(frozen=True)
class Reading:
    """What is to be asked: `pieces` as (where, text); without an openid only `why` is told."""

    openid: str | None
    pieces: Sequence[tuple[str, str]]


async def claim(
    session: AsyncSession, *, manuscript_id: int, version: int, appid: str
) -> Reading | None:
    """The texts of this version; None if it is no longer the current one or nobody's writing."""
    manuscript = await editorial.get(session, manuscript_id)
    if manuscript.version != version or manuscript.author_id is None:
        return None
    body = await editorial.body_of(session, manuscript_id=manuscript_id, version=version)
    author_id = await people.resolve_alias(session, manuscript.author_id)
    mine = await people.list_identities(session, author_id)
    openid = next((one.openid for one in mine if one.appid == appid), None)
    return Reading(openid, list(pieces_of(body)))


async def record(
    session: AsyncSession, *, manuscript_id: int, version: int, flags: Sequence[Flag]
) -> None:
    """Add what was found, each flag once, unless the text has been changed since."""
    manuscript = await steps.lock(session, manuscript_id=manuscript_id)
    if manuscript.version != version:
        return
    known = [(flag.get("where"), flag.get("why")) for flag in manuscript.flags]
    fresh = [flag for flag in flags if (flag["where"], flag["why"]) not in known]
    if fresh:
        manuscript.flags = [*manuscript.flags, *fresh]
        await session.flush()


def pieces_of(body: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, str]]:
    """Every text a reader will see, with its place, in pieces that one call holds."""
    for name, value in body.items():
        place = f"{where}{name}"
        if isinstance(value, list):
            for index, part in enumerate(value):
                yield from pieces_of(part, f"{place}.{index}.")
        elif name in TEXTS and isinstance(value, str) and value.strip():
            for begin in range(0, len(value), PIECE):
                yield place, value[begin : begin + PIECE]


def flag_of(where: str, *, suggest: str, label: int | None) -> Flag | None:
    """None: the platform finds nothing in it."""
    if suggest == "pass":
        return None
    said = "疑似违规" if suggest == "risky" else "建议人工复核"
    about = LABELS.get(label or 0, "其他")
    return {"where": where, "word": about, "why": f"微信内容安全：{said}（{about}）"}


def unchecked(why: str) -> Flag:
    return {"where": "", "word": "", "why": why}
