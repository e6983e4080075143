"""A complaint on its way: to the administrators of one's town, and their answer back."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Unavailable
from app.flows import notices
from app.people import queries as people
from app.push import complaints
from app.push.models import Task


class NobodyAnswers(Unavailable):
    title = "这里还没有开通投诉和建议，请找本村（社区）的辅导员"


async def complain(
    session: AsyncSession, *, person_id: int, about: str, text: str, key: str, now: datetime
) -> None:
    """Raises ComplaintUnsuitable, TooManyComplaints, NobodyAnswers."""
    selves = await people.list_selves(session, person_id)
    opened = await complaints.complain(
        session,
        # The account that is used now asks; what its merged ones asked counts, too.
        person_ids=[person_id, *(one for one in selves if one != person_id)],
        org_id=await _town_of(session, person_id),
        about=about,
        text=text,
        key=key,
        now=now,
    )
    if opened is not None:
        await notices.tell_role(
            session,
            key=f"complaint:{opened.id}",
            role="admin",
            org_id=opened.org_id,
            text=f"{opened.title}。请到管理台的“待办”里答复。",
            now=now,
        )


async def answer(session: AsyncSession, task: Task, *, words: str, now: datetime) -> None:
    """Tell who asked; the same words stand beside the question, too."""
    assert task.asked_by_id is not None, task.id
    await notices.tell(
        session,
        key=f"complaint-answer:{task.id}",
        person_id=task.asked_by_id,
        kind="answer",
        text=f"您提的投诉建议有了答复：{words}",
        now=now,
    )


async def _town_of(session: AsyncSession, person_id: int) -> int:
    """The person's own, or the first there is: who declared no village is heard all the same."""
    found = await people.find_town(session, await people.get_person(session, person_id))
    if found is not None:
        return found
    towns = await people.list_organisations(session, kind="town")
    if not towns:
        raise NobodyAnswers
    return towns[0].id
