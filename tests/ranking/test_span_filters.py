"""Spans beside spans, and what was learned where: platform and audience, back to the evidence."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from app.flows.activities import confirm_attendance
from app.flows.meeting import merge, unmerge
from app.learning import activities
from app.ranking.spans import Span, span_before, span_last_year
from tests.factories.bank import pay
from tests.factories.content import make_lesson
from tests.factories.learning import complete_lesson
from tests.factories.people import NOW, make_person, make_town
from tests.ranking.test_spans import NOVEMBER, ask


async def test_platform_and_audience(session: AsyncSession) -> None:
    """Through reversals and reinstatements back to the lesson that was really studied."""
    town = await make_town(session)
    first, second = [await make_person(session, home=town.west) for _ in range(2)]
    lesson, at = await make_lesson(session, seconds=60), NOW
    for person in (first, second):
        _, at = await complete_lesson(session, person.id, lesson.id, now=at + timedelta(minutes=5))
    await pay(session, first, 100, now=NOW)  # Nothing that a lesson proves.

    async def wholes() -> list[int]:
        filters: tuple[dict[str, str], ...] = (
            {"platform": "微讲堂"},
            {"audience": "全体居民"},
            {"platform": "微讲堂", "audience": "学生"},
            {"platform": "志愿服务"},
            {},
        )
        return [(await ask(session, town.town, **one)).sums.whole for one in filters]

    assert await wholes() == [4, 4, 0, 0, 104]
    made = await merge(
        session, kept_id=first.id, merged_id=second.id, reason="同一人", ordered_by_id=None, now=at
    )
    assert await wholes() == [2, 2, 0, 0, 102], "the lesson counts once"
    await unmerge(session, merge_id=made.id, by_id=first.id, now=at)
    assert await wholes() == [4, 4, 0, 0, 104]


async def test_an_activity_has_a_platform_and_no_audience(session: AsyncSession) -> None:
    town = await make_town(session)
    tutor, guest = [await make_person(session, home=town.west) for _ in range(2)]
    activity = await activities.announce(
        session,
        title="院坝会",
        platform="志愿服务",
        org_id=town.west.id,
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=1),
        made_by_id=tutor.id,
    )
    await activities.sign_in(session, code=activity.code, person_id=guest.id, now=NOW)
    await confirm_attendance(
        session, activity_id=activity.id, person_ids=[guest.id], by_id=tutor.id, now=NOW
    )
    assert (await ask(session, town.town, platform="志愿服务")).sums.whole == 100
    assert (await ask(session, town.town, platform="微讲堂")).sums.whole == 0
    assert (await ask(session, town.town, platform="志愿服务", audience="学生")).sums.whole == 0


@pytest.mark.parametrize(
    ("span", "period", "before"),
    [
        (NOVEMBER, "month", Span(date(2026, 10, 1), date(2026, 11, 1))),
        (
            Span(date(2026, 11, 23), date(2026, 11, 24)),
            "day",
            Span(date(2026, 11, 22), date(2026, 11, 23)),
        ),
        (
            Span(date(2026, 1, 1), date(2027, 1, 1)),
            "year",
            Span(date(2025, 1, 1), date(2026, 1, 1)),
        ),
        (
            Span(date(2026, 11, 10), date(2026, 11, 15)),
            None,
            Span(date(2026, 11, 5), date(2026, 11, 10)),
        ),
    ],
)
def test_the_span_before(span: Span, period: Any, before: Span) -> None:
    assert span_before(span, period) == before


@given(st.dates(date(2001, 1, 1), date(2900, 1, 1)), st.integers(1, 800))
def test_the_same_days_a_year_earlier(since: date, days: int) -> None:
    span = Span(since, since + timedelta(days=days))
    earlier = span_last_year(span)
    assert earlier.since < earlier.until <= span.until
    assert abs((earlier.until - earlier.since).days - days) <= 1
    assert (span.since - earlier.since).days in {365, 366}
