"""Daily closes (日结): each day's seal in its chain, and the audit of the books on request."""

from fastapi import Request, Response

from app.api.bank import NotYourBranch
from app.api.deps import Cursor, Now, SessionDep
from app.api.pages.doors import AdminActor
from app.api.pages.frame import long_day
from app.api.pages.office_view import go_on, names, query, show
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.credit_bank.closing import list_closes
from app.credit_bank.queries import list_units
from app.credit_bank.rules import amount_text
from app.flows import auditing
from app.people import policy
from app.people import queries as people

router = page_router("/desk/closes")
SHOWN = 31


@router.get("")
async def show_closes(
    request: Request, actor: AdminActor, session: SessionDep, cursor: Cursor = None
) -> Response:
    """The books are the installation's: every administrator sees their seals, no person's rows."""
    page = await list_closes(session, cursor=cursor, limit=SHOWN)
    units = await list_units(session)
    last = await auditing.last_audit(session)
    said = await names(session, [last.person_id] if last else [])
    rows = [
        {
            "day": long_day(one.local_day),
            "transfers": one.transfers,
            "totals": "；".join(
                amount_text(one.totals[unit.code]["owners"], decimals=unit.decimals, name=unit.name)
                for unit in units
                if unit.code in one.totals
            ),
            "digest": one.digest,
            "previous": one.previous_digest,
            "closed_at": one.closed_at,
        }
        for one in page.items
    ]
    return show(
        request,
        "closes.html",
        rows=rows,
        last=last,
        last_by=said[last.person_id] if last else "",
        may_audit=policy.can_set_rules(actor, await people.root_ids(session)),
        next_page=query("/desk/closes", cursor=page.next) if page.next else None,
        first_page="/desk/closes" if cursor else None,
    )


@router.post("/audit")
@once
async def run_audit(request: Request, actor: AdminActor, session: SessionDep, now: Now) -> Response:
    """Small books at once, large ones by a worker."""
    if not policy.can_set_rules(actor, await people.root_ids(session)):
        raise NotYourBranch
    done = await auditing.order(session, by_id=actor.person_id, now=now)
    return go_on(request, "/desk/closes", "audited" if done else "audit-ordered")
