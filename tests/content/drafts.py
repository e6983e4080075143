"""Lessons for the tests of content: as a draft, as a file's text, and as a published row."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import service
from app.content.lesson_draft import LessonDraft
from app.content.lesson_file import LessonFileError, parse_lesson
from app.content.models import Lesson
from app.content.platforms import load_platforms

NOW = datetime(2026, 11, 23, 0, 5, tzinfo=UTC)

HEAD = """\
key: anti-fraud-01
title: 接到“公检法”电话怎么办
kind: article
platform: 微讲堂
audience: [全体居民]
source: 双槐镇综治办
questions:
  - kind: single
    text: 对方要求转账到“安全账户”时应当
    options: [立即转账, 挂断并拨打 96110]
    answer: [1]
    why: 公检法机关没有“安全账户”。
  - kind: multiple
    text: 哪些要保密
    options: [密码, 验证码, 天气]
    answer: [1, 0]
  - kind: judge
    text: 96110 是反诈专线
    answer: [0]
"""
BODY = "## 先挂断\n\n公检法机关**没有“安全账户”**。\n"


def lesson_text(head: str = HEAD, body: str = BODY) -> str:
    return f"---\n{head}---\n{body}"


def make_draft(**facts: Any) -> LessonDraft:
    draft = parse_lesson(lesson_text().encode(), file="anti-fraud-01.md")
    return replace(draft, **facts)


def write_lesson(directory: Path, key: str, *, body: str = BODY, name: str | None = None) -> Path:
    path = directory / f"{name or key}.md"
    path.write_text(lesson_text(HEAD.replace("anti-fraud-01", key), body), "utf-8")
    return path


async def make_lesson(
    session: AsyncSession, key: str, *, now: datetime = NOW, publish: bool = True, **facts: Any
) -> Lesson:
    await load_platforms(session)
    lesson, _ = await service.store(session, draft=make_draft(key=key, **facts), now=now)
    if publish:
        await service.publish(session, lesson_id=lesson.id, now=now)
    return lesson


async def make_org(session: AsyncSession, code: str) -> int:
    """An organisation, in SQL: content knows no people."""
    found: int = await session.scalar(
        text(
            "INSERT INTO organisation (code, name, kind, lineage)"
            " VALUES (:code, :code, 'village', '{}') RETURNING id"
        ),
        {"code": code},
    )
    return found


def problems_of(raw: str | bytes) -> list[tuple[int, str]]:
    """Line and sentence of each fault of a file that has some."""
    with pytest.raises(LessonFileError) as raised:
        parse_lesson(raw.encode() if isinstance(raw, str) else raw, file="x.md")
    return [(problem.line, problem.sentence) for problem in raised.value.problems]


def with_line(key: str, line: str) -> str:
    """The sample with the top-level line of `key` replaced ("" removes it)."""
    lines = [line if old.startswith(f"{key}:") else old for old in HEAD.splitlines()]
    return lesson_text("".join(f"{each}\n" for each in lines if each))


def with_questions(questions: str) -> str:
    """The sample with other questions; the line after `questions:` is line 9 of the file."""
    return lesson_text(HEAD[: HEAD.index("questions:")] + questions)
