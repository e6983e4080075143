"""What may have gone out between the backup and the loss is never sent by itself again."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.flows.restoring import Doubts, doubt_what_was_due
from app.push import letters
from app.push.models import Delivery
from tests.factories.content import make_lesson
from tests.factories.editorial import make_manuscript
from tests.factories.people import NOW, make_person, make_town
from tests.factories.pushing import TOMORROW, at, make_delivery, make_group, make_push


async def test_what_was_due_is_in_doubt_and_what_is_not_yet_due_goes_on(
    session: AsyncSession,
) -> None:
    town = await make_town(session)
    owner = await make_person(session)
    lesson = await make_lesson(session)
    morning, evening, later = [
        await make_group(session, town.west, owner, send_at=at(hour).time(), deadline=at(20).time())
        for hour in (9, 18, 9)
    ]
    today = await make_push(session, town.town, lesson)
    tomorrow = await make_push(session, town.town, lesson, day=TOMORROW)
    planned = [
        await make_delivery(session, today, morning),
        await make_delivery(session, today, evening, due_at=at(18)),
        await make_delivery(
            session, tomorrow, later, local_day=TOMORROW, due_at=at(9, day=TOMORROW)
        ),
    ]
    letter = await letters.write(
        session, key="honour:1", person_id=owner.id, kind="honour", text="恭喜", now=NOW
    )
    assert letter is not None
    # Not planned yet in the backup: on the lost machine it was, and had gone out by now.
    unplanned = await make_group(session, town.west, owner, deadline=at(20).time())
    doubts = await doubt_what_was_due(session, now=at(14))
    assert doubts == Doubts(deliveries=3, letters=1, issues=0), "this morning's three groups"
    for row in (*planned, letter):
        await session.refresh(row)
    assert [row.state for row in planned] == ["unknown", "planned", "planned"]
    assert letter.state == "unknown"
    its = (Delivery.group_id == unplanned.id, Delivery.manuscript_id == today.id)
    late = await session.scalar(select(Delivery).where(*its))
    assert late is not None
    assert late.state == "unknown"
    again = await doubt_what_was_due(session, now=at(14))
    assert again.deliveries == 0


async def test_an_issue_whose_hour_came_is_named(session: AsyncSession) -> None:
    town = await make_town(session)
    author, *reviewers = [(await make_person(session)).id for _ in range(4)]
    first, second, third = reviewers
    issue = await make_manuscript(
        session,
        "approved",
        org_id=town.town.id,
        author_id=author,
        reviewers=(first, second, third),
        now=NOW,
    )
    issue.state, issue.scheduled_at = "scheduled", at(18)
    await session.flush()
    assert (await doubt_what_was_due(session, now=at(17))).issues == 0
    assert (await doubt_what_was_due(session, now=at(18))).issues == 1
