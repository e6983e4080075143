"""Grading one attempt at a lesson's questions. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.content import rules
from app.content.rules import AnswerKey
from app.core.errors import Invalid


class NoQuestions(Invalid):
    title = "这一课没有题目，学够时间就完成"


class UnknownQuestion(Invalid):
    title = "这道题不属于这一课"


@dataclass(frozen=True)
class Graded:
    """One question's result; the right answer and why only where it was given."""

    question_id: int
    right: bool
    answer: tuple[int, ...] | None
    why: str | None


def grade(answers: Mapping[int, Sequence[int]], keys: Sequence[AnswerKey]) -> dict[int, bool]:
    """By question whether it was answered right; those left out are wrong.

    Raises NoQuestions, UnknownQuestion, BadAnswer.
    """
    if not keys:
        raise NoQuestions
    unknown = set(answers) - {key.question_id for key in keys}
    if unknown:
        raise UnknownQuestion(question_ids=sorted(unknown))
    return {
        key.question_id: key.question_id in answers and rules.grade(key, answers[key.question_id])
        for key in keys
    }


def told(keys: Sequence[AnswerKey], right: Mapping[int, bool]) -> list[Graded]:
    """What may be told of an attempt: nothing of a question that was answered wrong."""
    return [
        Graded(key.question_id, right=True, answer=key.answer, why=key.why)
        if right[key.question_id]
        else Graded(key.question_id, right=False, answer=None, why=None)
        for key in keys
    ]
