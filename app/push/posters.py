"""The poster of a day's push: data in, PNG out. What it looks like is poster.typ."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from app.core.typesetting import printed_code, typeset
from app.push.texts import SERVICE, Notice

TEMPLATE = Path(__file__).with_name("poster.typ")
WIDTH, HEIGHT = 1080, 1620
PIXELS_PER_INCH = 72
"""One pixel a point, and the page is as many points."""
WEEKDAYS = ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日")


@dataclass(frozen=True)
class Poster:
    """What stands on it; `link` is in the QR code."""

    day: date
    place: str
    platform: str
    title: str
    text: str
    link: str


def poster_of(notice: Notice, *, place: str, platform: str) -> Poster:
    return Poster(
        day=notice.day,
        place=place,
        platform=platform,
        title=notice.title,
        text=notice.text,
        link=notice.link,
    )


def draw(poster: Poster) -> bytes:
    """A PNG of WIDTH × HEIGHT. Takes a tenth of a second of a core: not on the loop."""
    facts = {
        "service": SERVICE,
        "place": poster.place,
        "platform": poster.platform,
        "day": f"{poster.day.month}月{poster.day.day}日",
        "weekday": WEEKDAYS[poster.day.weekday()],
        "title": poster.title,
        "text": poster.text,
        "code": printed_code(poster.link),
    }
    return typeset(TEMPLATE, facts, kind="png", ppi=PIXELS_PER_INCH)


def drawn(poster: Poster, *, directory: Path) -> bytes:
    """The PNG, drawn once for its content and kept under `directory`."""
    facts = json.dumps(asdict(poster), default=str, ensure_ascii=False, sort_keys=True)
    content = hashlib.sha256(facts.encode() + TEMPLATE.read_bytes()).hexdigest()
    path = directory / f"{content}.png"
    if path.exists():
        return path.read_bytes()
    picture = draw(poster)
    directory.mkdir(parents=True, exist_ok=True)
    # Renamed whole, so that nobody reads half of it; two at once write the same.
    fresh = path.with_suffix(f".{id(picture):x}.part")
    fresh.write_bytes(picture)
    fresh.replace(path)
    return picture
