"""To be forgotten, and to see everything held: the rights of the person, over all packages."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core import once
from app.core.logging import get_logger
from app.credit_bank import prior_learning
from app.credit_bank import queries as bank
from app.credit_bank.statements import explain
from app.learning import activities
from app.learning import queries as learning
from app.people import erasure
from app.people import queries as people
from app.push import complaints, letters, permits, tasks
from app.recognition import service as recognition
from app.wechat import inbox

log = get_logger()
STATEMENT_PAGE = 100


async def erase(session: AsyncSession, *, person_id: int, now: datetime) -> None:
    """Forget a person: identities, name, village, tokens, messages. The books keep the bare id."""
    # Locked first: a merge that hurries ahead makes somebody else of them.
    persons = await erasure.lock_selves(session, person_id)
    selves = [one.id for one in persons]
    (person_id,) = [one.id for one in persons if one.merged_into_id is None]
    for identity in await people.list_identities(session, person_id):
        await inbox.forget(session, appid=identity.appid, openid=identity.openid)
    await letters.forget(session, person_id=person_id)
    await permits.forget(session, person_id=person_id)
    await tasks.drop_tasks_of(session, person_ids=selves, reason=erasure.ENDED_BY_ERASURE, now=now)
    await complaints.forget(session, person_ids=selves, now=now)
    await activities.forget(session, person_ids=selves)
    await once.forget_person(session, person_ids=selves)
    await prior_learning.forget(session, person_ids=selves)
    await erasure.erase(session, person_id=person_id, now=now)
    log.info("person.erased", person_id=person_id)


async def export(session: AsyncSession, *, person_id: int) -> dict[str, Any]:
    """Everything held about a person, merged accounts included, as JSON-able data."""
    selves = await people.list_selves(session, person_id)
    identities = await people.list_identities(session, person_id)
    honours = await recognition.list_honours(session, person_id=person_id)
    return {
        "people": await erasure.export(session, person_id=person_id),
        "learning": await learning.export(session, person_ids=selves),
        "statement": [line for one in selves for line in await _statement(session, one)],
        "prior_learning": await prior_learning.export(session, person_ids=selves),
        "honours": [
            {"name": honour.name, "kind": honour.kind, "granted_on": honour.granted_on.isoformat()}
            for honour in honours
        ],
        "letters": await letters.export(session, person_id=person_id),
        "permits": await permits.export(session, person_id=person_id),
        "tasks": await tasks.export(session, person_ids=selves),
        "complaints": await complaints.export(session, person_ids=selves),
        "messages": await inbox.export(
            session, identities=[(identity.appid, identity.openid) for identity in identities]
        ),
    }


async def _statement(session: AsyncSession, person_id: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await bank.list_lines(
            session, person_id=person_id, unit=None, cursor=cursor, limit=STATEMENT_PAGE
        )
        lines += [
            {
                "at": line.transfer.made_at.isoformat(),
                "unit": line.unit.code,
                "amount": line.amount,
                "balance_after": line.balance_after,
                "text": explain(line),
            }
            for line in page.items
        ]
        if page.next is None:
            return lines
        cursor = page.next
