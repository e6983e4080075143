"""Every page and form of the desk by address: another village's, nobody's, a stranger's form; and
what people typed stands on all of them as text only.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import text

from app.api.routers import ROUTERS
from app.core import clock
from app.core.db import transaction
from app.core.settings import Settings
from app.flows.meeting import merge
from app.wechat.models import Inbound
from tests.api.browser import Browser, form_of
from tests.api.office import NASTY, Desk, is_safe, open_desk
from tests.api.service import running
from tests.api.test_office_forms import RULE, delivery_in
from tests.api.test_office_pages import settings as own_settings
from tests.api.test_office_people import APPLICATION

settings = own_settings
NOWHERE = {"code": "nowhere", "day": "2026-13-01"}
EVERYBODYS = {
    "/desk/rules/{code}",  # to read: they hold for all
    "/desk/honours/{code}",  # of the own village, whatever the honour
    "/desk/honours/{code}/reasons",
}
ANY_FORM = {
    **RULE,
    "based_on": "1",
    "valid_from": "2027-01-01",
    "reason": "看看别村的",
    "remarks": "不行",
    "decision": "approve",
    "digest": "0" * 64,
    "comment": "好",
    "act": "sent",
    "kind": "csv",
    "person": "1",
    "role": "tutor",
    "org_code": "T-1",
    "kept": "1",
    "merged": "2",
    "name": "群",
    "channel": "relay",
    "owner_id": "1",
    "content": "",
    "day": "2026-12-24",
    "send_at": "08:00",
    "deadline": "12:00",
    "open_from": "07:00",
    "open_until": "21:00",
    "weekdays": "1",
    "at": "18:00",
    "week_min": "1",
    "week_max": "2",
    "note": "看看",
}


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    async with running(settings) as service, open_desk(service) as desk:
        yield desk


def routes() -> Iterator[tuple[str, str]]:
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            part = route.endpoint.__module__.rpartition(".")[2]
            if part.startswith(("desk_", "office_")):
                for method in route.methods or ():
                    yield method, route.path


async def things_of(desk: Desk) -> dict[str, Any]:
    """One of everything in T or T-1, with a name that would like to be markup."""
    service = desk.service
    await service.ask("PATCH", "/me", desk.resident, json={"rank_visible": True})
    await service.study(desk.resident, await service.lesson())
    issue = await desk.submitted(title="冬天用电")
    made = await service.call("POST", "/prior-learning", desk.resident, json=APPLICATION)
    delivery = await delivery_in(desk, "unknown", detail=NASTY)
    twin = await service.villager("T-1")
    async with transaction() as session:
        await merge(
            session,
            kept_id=desk.resident.id,
            merged_id=twin.id,
            reason=NASTY,
            ordered_by_id=desk.admin.id,
            now=clock.utcnow(),
        )
        message = Inbound(
            appid="wx0", key="k", openid="o", kind="Unreadable", fields={}, state="failed",
            error=NASTY, received_at=clock.utcnow(), settled_at=clock.utcnow(),
        )  # fmt: skip
        session.add(message)
        await session.flush()
        for said in (
            "UPDATE person SET name = left(:nasty, 20)",
            "UPDATE organisation SET name = left(:nasty, 40) || code",
            "UPDATE task SET title = :nasty, text = :nasty",
            "UPDATE office SET title = left(:nasty, 20) WHERE role <> 'admin'",
        ):
            await session.execute(text(said), {"nasty": NASTY})
        numbers = {
            name: await session.scalar(text(f"SELECT min(id) FROM {table}"))  # noqa: S608
            for name, table in (
                ("merge_id", "merge"),
                ("group_id", "learning_group"),
                ("task_id", "task"),
            )
        }
        for name, query, value in (
            ("transfer_id", "SELECT min(id) FROM transfer WHERE key LIKE :it", desk.resident.id),
            ("office_id", "SELECT id FROM office WHERE person_id = :it", desk.tutor.id),
        ):
            it = f"%:person:{value}:%" if "LIKE" in query else value
            numbers[name] = await session.scalar(text(query), {"it": it})
        numbers["message_id"] = message.id
    return {
        **numbers,
        "person_id": desk.resident.id,
        "manuscript_id": issue["id"],
        "delivery_id": delivery,
        "application_id": made.json()["id"],
        "code": "T-1",
        "day": "2026-12-24",
    }


async def send(browser: Browser, method: str, path: str, fields: dict[str, str]) -> Any:
    return await (browser.get(path) if method == "GET" else browser.post(path, fields))


async def test_by_address_nobody_gets_at_anothers(desk: Desk) -> None:
    things = await things_of(desk)
    other, admin = await desk.window(desk.other), await desk.window(desk.admin)
    resident = await desk.window(desk.resident)
    tokens = {}
    for one in (other, admin):
        _, fields = form_of(await one.get("/desk/audit"), "/logout")
        tokens[one] = {**ANY_FORM, "csrf": fields["csrf"]}
    _, fields = form_of(await resident.get("/me"), "/logout")
    tokens[resident] = {**ANY_FORM, "csrf": fields["csrf"]}
    before = await booked(desk)
    found = sorted(set(routes()))
    assert len(found) > 60
    for method, path in found:
        theirs = path.format(**things)
        if "{" in path and not (method == "GET" and path in EVERYBODYS):
            code = "title.2" if path in EVERYBODYS else None
            theirs = path.format(code=code) + "?org=T-1" if code else theirs
            if path.startswith("/desk/rules"):
                theirs = path.format(code="lesson.credit")
            answer = await send(other, method, theirs, tokens[other])
            assert answer.status_code == 403, (method, theirs, answer.status_code)
            assert "冬天用电" not in answer.text
            nowhere = path.format(**dict.fromkeys(things, 2**62) | NOWHERE)
            answer = await send(admin, method, nowhere, tokens[admin])
            assert answer.status_code in {400, 404, 422}, (method, nowhere, answer.status_code)
        answer = await send(resident, method, theirs, tokens[resident])
        assert answer.status_code == 403, (method, theirs, answer.status_code)
        if method == "POST":
            forged = await admin.post(theirs, ANY_FORM)
            assert forged.status_code == 403, theirs
            stranger = await admin.post(
                theirs, tokens[admin], origin="https://evil.example", sec_fetch_site="cross-site"
            )
            assert stranger.status_code == 403, theirs
    for path in (
        "/desk", "/desk/print", "/desk/rankings", "/desk/rankings/print",
        "/desk/honours", "/desk/honours/title.2", "/desk/honours/certificates",
    ):  # fmt: skip
        assert (await other.get(f"{path}?org=T-1")).status_code == 403, path
        assert (await other.get(f"{path}?org=nowhere")).status_code == 404, path
    for path in ("/desk/rankings/export", "/desk/honours/certificates/export"):
        answer = await other.post(f"{path}?org=T-1", tokens[other])
        assert answer.status_code == 403, path
    for path in ("/desk/roster/grant", "/desk/roster/residents/village", "/desk/calendar/plan"):
        answer = await other.post(path, tokens[other] | {"person": str(desk.resident.id)})
        assert answer.status_code == 403, path
    assert await booked(desk) == before, "nothing was done by any of this"


async def booked(desk: Desk) -> list[int]:
    """How many rows there are of all that a form of the desk can make or change."""
    ended = "until_on IS NOT NULL OR ended_reason IS NOT NULL"
    return [
        await desk.service.count("transfer"),
        await desk.service.count("staff_act", "act <> 'sign_in'"),
        await desk.service.count("office"),
        await desk.service.count("office", ended),
        await desk.service.count("credit_rule"),
        await desk.service.count("merge", "undone_at IS NULL"),
        await desk.service.count("learning_group", "ended_at IS NULL"),
    ]


async def test_what_anybody_typed_is_text_on_every_page(desk: Desk) -> None:
    things = await things_of(desk)
    admin = await desk.window(desk.admin)
    gate = await admin.get(f"/desk/rankings/residents/{desk.resident.id}")
    answer = await admin.press(gate, "/reasons", reason=f"核对{NASTY}"[:200])
    seen = answer.headers["location"].rpartition("=")[2]
    pages = [path.format(**things) for method, path in routes() if method == "GET"]
    pages = [one.replace("/desk/rules/T-1", "/desk/rules/lesson.credit") for one in pages]
    pages = [one.replace("/desk/honours/T-1", "/desk/honours/badge.first_lesson") for one in pages]
    pages += [
        "/desk/rankings?of=people",
        "/desk/rankings/print?of=people",
        "/desk/tasks?scope=area",
    ]
    pages += [f"/desk/rankings/transfers/{things['transfer_id']}?seen={seen}"]
    pages += [f"/desk/rankings/transfers/{things['transfer_id']}/reversal?seen={seen}"]
    pages += [f"/desk/rankings/residents/{desk.resident.id}?seen={seen}", "/desk/groups?ended=true"]
    pages += ["/desk/deliveries?dead=1", f"/desk/roster/grant?person={desk.tutor.id}"]
    shown = 0
    for path in pages:
        page = await admin.get(path)
        assert page.status_code == 200, (path, page.status_code)
        assert is_safe(page.text), path
        shown += "&lt;script&gt;alert" in page.text
    assert shown > 25
