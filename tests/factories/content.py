"""Published lessons, their questions answered by option 1."""

from datetime import datetime
from itertools import count

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import service
from app.content.lesson_draft import LessonDraft, QuestionDraft
from app.content.models import Lesson
from tests.factories.people import NOW

NUMBERS = count(1)


async def make_lesson(
    session: AsyncSession,
    key: str | None = None,
    *,
    title: str = "防诈骗",
    seconds: int = 60,
    questions: int = 2,
    now: datetime = NOW,
) -> Lesson:
    """A lesson on show; under a known `key` with other content its next version."""
    draft = LessonDraft(
        key=key or f"lesson-{next(NUMBERS)}",
        title=title,
        kind="article",
        platform="微讲堂",
        audience=("全体居民",),
        summary="不轻信，不转账。",
        source="综治办",
        html="<p>先挂断。</p>",
        plain="先挂断。",
        media_url=None,
        required_seconds=seconds,
        questions=tuple(
            QuestionDraft("single", f"第 {number} 题", ("甲", "乙"), (1,), "因为乙对。")
            for number in range(1, questions + 1)
        ),
        file="lesson.md",
        key_line=1,
    )
    lesson, _ = await service.store(session, draft=draft, now=now)
    return await service.publish(session, lesson_id=lesson.id, now=now)
