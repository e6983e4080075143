"""What an operator reads of the week, and what a dashboard counts."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.cli.push import lines_of
from app.core.settings import Settings
from app.editorial import desk
from app.flows import push_status, watch
from app.people.models import Organisation
from app.push import tasks
from app.push.outlets import Outlet, outlet_of
from tests.factories.content import make_lesson
from tests.factories.people import NOW, make_org, make_person
from tests.factories.pushing import TODAY, TOMORROW, make_delivery, make_group, make_push

OLD = TODAY - timedelta(days=8)


def outlet() -> Outlet:
    return outlet_of(Settings(_env_file=None, town_code="town"))


async def status(session: AsyncSession) -> push_status.Status:
    return await push_status.look(session, outlet=outlet(), now=NOW)


async def make_week(session: AsyncSession) -> Organisation:
    """An issue, two days of pushes to three groups, and something for somebody to do."""
    town = await make_org(session, "town", "town")
    lesson, tutor = await make_lesson(session), await make_person(session)
    issue = await desk.write(
        session, kind="issue", key="issue:1", org_id=town.id, author_id=None,
        body={"articles": [{"title": "秋收"}]}, now=NOW,
    )  # fmt: skip
    issue.state, issue.scheduled_at = "scheduled", NOW + timedelta(hours=8)
    await make_push(session, town, lesson, day=TOMORROW, state="approved")
    today = await make_push(session, town, lesson, state="publishing")
    for state in ("sent", "sent", "unknown", "failed"):
        group = await make_group(session, town, tutor, name=f"{state}群{tutor.id}")
        tutor = await make_person(session)
        await make_delivery(session, today, group, state=state, detail="群已解散")
        await make_delivery(session, today, group, state="unknown", local_day=OLD)
    await tasks.open_task(
        session, key="k", kind="delivery_doubt", org_id=town.id, person_id=None, role="admin",
        title="", text="", due_at=NOW - timedelta(hours=1), now=NOW,
    )  # fmt: skip
    await session.flush()
    return town


async def test_the_status_of_a_week(session: AsyncSession) -> None:
    await make_week(session)
    found = await status(session)
    assert [(one.state, one.title) for one in found.issues] == [
        ("scheduled", "首善双槐一期《秋收》")
    ]
    assert [(one.day, one.state) for one in found.pushes] == [
        (TODAY, "publishing"),
        (TOMORROW, "approved"),
    ]
    assert found.tasks == {"delivery_doubt": 1}
    assert sorted(one.state for one in found.troubled) == ["failed", "unknown"]
    assert "逾期待办 1 项" in found.risks
    text = "\n".join(lines_of(found))
    for part in (
        "首善双槐一期《秋收》",
        "11月23日 18:00",
        "unknown",
        "群已解散",
        "delivery_doubt  1",
    ):
        assert part in text, part
    assert not any(line != line.rstrip() for line in text.splitlines())


async def test_an_empty_town_has_a_status_too(session: AsyncSession) -> None:
    found = await status(session)
    assert found.risks == ("还没有导入本镇的机构",)
    assert "\n  -" in "\n".join(lines_of(found))


async def test_a_dashboard_counts_what_waits_for_people(session: AsyncSession) -> None:
    await make_week(session)
    seen = await watch.look(session, now=NOW)
    assert seen.tasks == {"delivery_doubt": 1}
    assert seen.deliveries == {"handed_over": 0, "unknown": 1, "failed": 1}
    assert seen.weeks_at_risk == 0
