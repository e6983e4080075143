"""How long a text takes, whether an answer is right, what makes two versions the same. Pure."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from app.core.errors import Invalid

Kind = Literal["article", "video", "audio"]
QuestionKind = Literal["single", "multiple", "judge"]
KINDS = ("article", "video", "audio")
QUESTION_KINDS = ("single", "multiple", "judge")
RECORDINGS = ("video", "audio")
JUDGE_OPTIONS = ("对", "错")

READ_A_MINUTE = 160
"""Chinese characters an older resident reads in a minute.

Students read 259.5 ± 38.2 ("Visual requirement for Chinese reading with normal vision"); readers
over 60 need 5,047 ms for a sentence that takes the young 3,158 ms (Wang et al. 2018,
doi 10.1093/geronb/gbw036): 259.5 x 3158 / 5047 = 162.
"""
SPOKEN_A_MINUTE = 240
"""Characters a speaker says in a minute: beside a recording the text is taken for its words, and a
recording runs at its own pace. Its true length belongs into the file as required_seconds."""
SECONDS_MIN, SECONDS_MAX = 30, 600

# A Chinese character is one unit of reading; so is a Latin word or a number.
UNIT = re.compile(
    r"[㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff]|[^\W_㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff]+"
)

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters no text of ours holds. PostgreSQL cannot store NUL and halves of surrogate pairs."""

WORDS_MAX, QUERY_LENGTH_MAX = 5, 64


class BadAnswer(Invalid):
    title = "答案的格式不对，请重新选择"


@dataclass(frozen=True)
class AnswerKey:
    """What grading a question needs; never leaves the service before the person has answered."""

    question_id: int
    kind: QuestionKind
    options: tuple[str, ...]
    answer: tuple[int, ...]
    why: str


def reading_seconds(plain: str, kind: Kind) -> int:
    """The seconds a text asks for when its author names none."""
    pace = SPOKEN_A_MINUTE if kind in RECORDINGS else READ_A_MINUTE
    units = sum(1 for _ in UNIT.finditer(plain))
    return min(max(math.ceil(units * 60 / pace), SECONDS_MIN), SECONDS_MAX)


def grade(key: AnswerKey, chosen: object) -> bool:
    """Whether exactly the right options were chosen; how often or in what order is no matter.

    Raises BadAnswer on what no honest form can send: no list, no whole numbers, no such option.
    """
    if not isinstance(chosen, list | tuple | set | frozenset):
        raise BadAnswer("答案应为选项序号的列表", question_id=key.question_id)
    for index in chosen:
        # A bool is an int to Python, and True would pass for option 1.
        if type(index) is not int or not 0 <= index < len(key.options):
            raise BadAnswer("没有这个选项", question_id=key.question_id)
    return set(chosen) == set(key.answer)


def digest(content: Mapping[str, object]) -> str:
    """SHA-256 of the content as canonical JSON: the same content, the same 64 hex digits."""
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def search_words(q: str) -> tuple[str, ...]:
    """The words of a search: at most 5, of the first 64 characters."""
    return tuple(CONTROL.sub(" ", q)[:QUERY_LENGTH_MAX].split()[:WORDS_MAX])


def like_pattern(word: str) -> str:
    r"""An ILIKE pattern that finds the word itself anywhere, with `\` as the escape character."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", word) + "%"
