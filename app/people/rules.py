"""Names, ages and the vocabulary of organisations and roles: pure functions and data."""

import re
import unicodedata
from datetime import date
from typing import Literal

from app.people.errors import NameUnsuitable, ReasonNotFit

Role = Literal["admin", "tutor", "volunteer", "lecturer", "editor", "chief_editor"]
ROLES: dict[Role, str] = {
    "admin": "管理员",
    "tutor": "辅导员",
    "volunteer": "志愿者",
    "lecturer": "讲师",
    "editor": "编辑",
    "chief_editor": "主编",
}

KINDS = {
    "province": "省（直辖市）",
    "city": "市",
    "district": "区",
    "county": "县",
    "town": "镇（乡、街道）",
    "community": "社区",
    "village": "村",
    "group": "村（居）民小组",
    "school": "学校",
    "department": "部门",
    "unit": "单位",
    "family": "家庭",
}
ROOT_KINDS = ("province", "city", "district", "county", "town")
"""These may stand without a parent: a town's file is loaded before its county's, or alone."""
VILLAGE_KINDS = ("village", "community")
UNIT_KINDS = ("school", "department", "unit", "family")
"""Where a person works, learns or belongs to; every other kind is where a person lives."""

NAME_LENGTH_MAX = 20
REASON_MIN, REASON_MAX = 2, 200
ADULT_ENOUGH = 14
"""Below this age the guardian consents (PIPL, Articles 28 and 31)."""
BIRTH_YEAR_MIN = 1900
NUMBER = re.compile(r"\d{7}")


def is_plain(text: str) -> bool:
    """One line of visible text: no control, invisible, unassigned or line-breaking characters."""
    return not any(
        unicodedata.category(char)[0] == "C" or unicodedata.category(char) in {"Zl", "Zp"}
        for char in text
    )


def holds_number(text: str) -> bool:
    """Seven digits in a row: a telephone or identity number, which we do not keep."""
    return NUMBER.search(text) is not None


def clean_reason(raw: str) -> str:
    """Why, as it stays on record for ever: without numbers. Raises ReasonNotFit."""
    reason = " ".join(raw.split())
    if not REASON_MIN <= len(reason) <= REASON_MAX or not is_plain(reason) or holds_number(reason):
        raise ReasonNotFit
    return reason


def clean_name(raw: str) -> str:
    """The name as it is stored. Raises NameUnsuitable."""
    name = unicodedata.normalize("NFC", raw).strip()
    if not 1 <= len(name) <= NAME_LENGTH_MAX or not is_plain(name) or holds_number(name):
        raise NameUnsuitable
    return name


def mask_name(name: str | None) -> str:
    """A name as others see it: 张*丰, 欧**文, 张*; who gave no name is 居民."""
    if name is None or not name.strip():
        return "居民"
    name = name.strip()
    match len(name):
        case 1:
            return "*"
        case 2:
            return name[0] + "*"
        case length:
            return name[0] + "*" * (length - 2) + name[-1]


def needs_guardian(birth_year: int | None, day: date) -> bool:
    """Whether this person may be under 14 on `day`.

    In the year of the fourteenth birthday the year alone does not tell, so the answer is yes.
    Who gave no birth year counts as grown up: residents are not asked for it, pupils are enrolled
    with it.
    """
    return birth_year is not None and day.year - birth_year <= ADULT_ENOUGH
