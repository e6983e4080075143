"""Which titles and badges there are, and what earns them. Pure.

Honours go by threshold, never by place (the law as settings, decision 0009), and nothing is taken
away again: an honour says what somebody once did.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Honourable:
    """Something that can be granted. `threshold` is in hundredths of 学分, days, or times."""

    code: str
    kind: Literal["title", "badge"]
    name: str
    threshold: int
    meaning: str


# Eight steps in the words of the town's 善书 tradition: from hearing of the good to leading in it.
TITLES = (
    Honourable("title.1", "title", "闻善", 0, "初来听讲，听闻善言"),
    Honourable("title.2", "title", "识善", 10, "识得道理，分得清是非"),
    Honourable("title.3", "title", "习善", 50, "时时温习，日日有所得"),
    Honourable("title.4", "title", "明善", 150, "明白事理，心中有数"),
    Honourable("title.5", "title", "行善", 400, "学了就做，做在平常"),
    Honourable("title.6", "title", "乐善", 1000, "以学为乐，以善为乐"),
    Honourable("title.7", "title", "传善", 2500, "学而能讲，传与乡邻"),
    Honourable("title.8", "title", "首善", 6000, "学在人前，善为人先"),
)

BADGES = (
    Honourable("badge.first_lesson", "badge", "开卷有益", 1, "学完第一课"),
    Honourable("badge.first_full_marks", "badge", "首次满分", 1, "第一次作答就全部答对"),
    Honourable("badge.streak_7", "badge", "连续学习 7 天", 7, "连续 7 天，天天有所学"),
    Honourable("badge.streak_30", "badge", "连续学习 30 天", 30, "连续 30 天，天天有所学"),
    Honourable("badge.streak_100", "badge", "连续学习 100 天", 100, "连续 100 天，天天有所学"),
)
STREAK_MAX = 100
"""Longer streaks earn no further badge, so nobody needs to count beyond."""


@dataclass(frozen=True)
class Record:
    """What a person has to show: `earned` in hundredths of 学分, `streak` in days."""

    earned: int
    completed: int
    full_marks: bool
    streak: int


def deserved(record: Record) -> list[Honourable]:
    """Everything the record deserves, lowest first; granting skips what is there already."""
    titles = [title for title in TITLES[1:] if record.earned >= title.threshold]
    badges = [
        badge
        for badge in BADGES
        if (badge.code == "badge.first_lesson" and record.completed >= 1)
        or (badge.code == "badge.first_full_marks" and record.full_marks)
        or (badge.code.startswith("badge.streak_") and record.streak >= badge.threshold)
    ]
    return [*titles, *badges]


def title_of(earned: int) -> tuple[Honourable, Honourable | None]:
    """The title that this much credit carries, and the next one (None at the top)."""
    level = max(
        (index for index, title in enumerate(TITLES) if earned >= title.threshold), default=0
    )
    return TITLES[level], TITLES[level + 1] if level + 1 < len(TITLES) else None


BY_CODE = {honour.code: honour for honour in (*TITLES, *BADGES)}


def congratulation(codes: list[str]) -> str:
    """One short message for everything that was granted at once."""
    lines = []
    for honour in (BY_CODE[code] for code in codes):
        word = "称号" if honour.kind == "title" else "徽章"
        lines.append(f"🎉 恭喜您获得{word}「{honour.name}」：{honour.meaning}。")
    return "\n".join([*lines, "学一点，善一点。回复「学分」可看您的学分。"])
