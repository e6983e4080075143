"""What a tutor or an editor hears to 「待办」: her open tasks, and the next text to forward.

Asking opens the 48 hours in which the account may write to her, so that a tutor who asks every
morning hears of everything else by herself.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day, local_text
from app.people import offices
from app.people import queries as people
from app.people.models import Person
from app.push import tasks

SHOWN = 5
RELAY = "relay"
NONE_OPEN = "您现在没有待办。"


async def duties_text(session: AsyncSession, *, person: Person, now: datetime) -> str:
    """The most urgent tasks by title and deadline; the first that is to be forwarded in full."""
    actor = await offices.actor_of(session, person_id=person.id, day=local_day(now))
    page = await tasks.list_open(
        session,
        person_ids=await people.list_selves(session, person.id),
        org_roles={(one.role, one.org_id) for one in actor.offices},
        cursor=None,
        limit=SHOWN + 1,
    )
    waiting = [one for one in page.items if one.state == "open"]
    if not waiting:
        return NONE_OPEN
    lines = ["您的待办："]
    lines += [f"{one.title}（{local_text(one.due_at)} 前）" for one in waiting[:SHOWN]]
    if len(waiting) > SHOWN:
        lines.append("……还有更多，办完这些再看。")
    relayed = next((one for one in waiting if one.kind == RELAY), None)
    if relayed is not None:
        lines += ["————", relayed.text]
    return "\n".join(lines)
