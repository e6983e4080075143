"""Which lesson a person reads: today's, and the version that their study is bound to."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.content.errors import LessonNotFound
from app.content.queries import LessonView
from app.core.clock import local_day
from app.learning import queries as learning
from app.learning.models import Study
from app.learning.studies import Course
from app.people import queries as people


@dataclass(frozen=True)
class OpenLesson:
    """A lesson as one person has it open; `study` is None before the first beat."""

    lesson: LessonView
    study: Study | None

    @property
    def course(self) -> Course:
        return Course(
            lesson_id=self.lesson.id,
            version_id=self.lesson.version_id,
            required_seconds=self.lesson.required_seconds,
            has_questions=bool(self.lesson.questions),
        )


async def open_lesson(session: AsyncSession, *, person_id: int, lesson_id: int) -> OpenLesson:
    """The lesson in the version the person's study began with, withdrawn since or not.

    Once completed, the newest version is shown. Raises LessonNotFound.
    """
    study = await learning.find_study(session, person_id=person_id, lesson_id=lesson_id)
    if study is None:
        return OpenLesson(await content.get_lesson(session, lesson_id=lesson_id), None)
    if study.completed_at is not None:
        try:
            return OpenLesson(await content.get_lesson(session, lesson_id=lesson_id), study)
        except LessonNotFound:
            pass  # Withdrawn since: what was learned can still be read again.
    lesson = await content.get_lesson(session, lesson_id=lesson_id, version_id=study.version_id)
    return OpenLesson(lesson, study)


async def todays_lesson(
    session: AsyncSession, *, person_id: int, now: datetime
) -> OpenLesson | None:
    """What is planned for the local day by the nearest organisation, else the newest not learned.

    None while nothing is published.
    """
    person = await people.get_person(session, person_id)
    lesson_id = await planned_for(session, org_ids=(person.org_id, person.unit_id), now=now)
    if lesson_id is None:
        learned = await learning.learned_lesson_ids(session, person_id=person_id)
        lesson_id = await content.newest_unlearned_id(session, learned=learned)
    if lesson_id is None:
        return None
    return await open_lesson(session, person_id=person_id, lesson_id=lesson_id)


async def planned_for(
    session: AsyncSession, *, org_ids: tuple[int | None, int | None], now: datetime
) -> int | None:
    """The lesson planned today for who lives and belongs there (home, unit), if any."""
    depths: dict[int, int] = {}
    for org_id in org_ids:
        if org_id is not None:
            depths |= {one: at for at, one in enumerate(await people.lineage_of(session, org_id))}
    # The school before the town it stands in; at one depth the home before the unit.
    nearest_first = sorted(depths, key=lambda one: -depths[one])
    return await content.planned_lesson_id(session, day=local_day(now), org_ids=nearest_first)
