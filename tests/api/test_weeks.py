"""The week's calendar, the plan, the closed days, and the decision about an issue, over HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.core import clock
from app.core.db import transaction
from app.core.settings import Settings, get_settings
from app.editorial.models import Manuscript
from app.flows import settling, weekly_issue
from app.push import plans, publications
from app.push.outcomes import meaning_of
from tests.api.conftest import UNLIMITED
from tests.api.service import MORNING, Resident, Service, running
from tests.factories.editorial import make_manuscript

FRIDAY = "2026-11-27"


@pytest.fixture
def settings(database_url_of_its_own: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SHOUSHAN_TOWN_CODE", "T")
    get_settings.cache_clear()
    return Settings(_env_file=None, database_url=database_url_of_its_own, rate=UNLIMITED)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with running(settings) as service:
        yield service


@pytest.fixture
async def editor(service: Service) -> Resident:
    return await service.officer("editor", "T")


async def make_issue(service: Service, who: Resident, state: str = "approved") -> int:
    async with transaction() as session:
        town = await plans.plan_of(session, outlet=weekly_issue.outlet())
        others = [await service.login() for _ in range(3)]
        made = await make_manuscript(
            session,
            state,
            org_id=town.org_id,
            author_id=who.id,
            reviewers=(others[0].id, others[1].id, others[2].id),
            now=clock.utcnow(),
        )
        return made.id


async def make_failed(service: Service, who: Resident) -> int:
    issue_id = await make_issue(service, who, "publishing")
    async with transaction() as session:
        manuscript = await session.get_one(Manuscript, issue_id)
        outlet = weekly_issue.outlet()
        publication = await publications.open_for(
            session, manuscript=manuscript, outlet=outlet, method="mass", now=clock.utcnow()
        )
        way = settling.Way(manuscript, publication, outlet)
        await settling.fail(session, way, meaning_of("mass", "err(40001)"), now=clock.utcnow())
    return issue_id


async def test_the_calendar_of_a_week(service: Service, editor: Resident) -> None:
    issue_id = await make_issue(service, editor)
    week = await service.ask("GET", "/weeks", editor)
    assert week["monday"] == "2026-11-23"
    assert [slot["at"] for slot in week["slots"]] == [
        "2026-11-24T10:00:00Z",
        "2026-11-27T10:00:00Z",
    ]
    assert [(one["id"], one["state"], one["at"]) for one in week["issues"]] == [
        (issue_id, "approved", None)
    ]
    assert not week["at_risk"]
    await service.ask("POST", f"/issues/{issue_id}/schedule", editor, json={})
    week = await service.ask("GET", "/weeks?date=2026-11-29", editor)
    assert week["issues"][0]["at"] == "2026-11-24T10:00:00Z"
    assert [slot["taken"] for slot in week["slots"]] == [True, False]
    assert (await service.ask("GET", "/weeks?date=2026-12-01", editor))["issues"] == []
    last = await service.ask("GET", "/weeks?date=2026-11-20", editor)
    assert last["at_risk"]
    assert last["reasons"]


async def test_closed_days(service: Service, editor: Resident) -> None:
    path, key = f"/closed-days/{FRIDAY}", {"Idempotency-Key": "close-friday"}
    for _ in range(2):
        closed = await service.ask("PUT", path, editor, json={"reason": "全县哀悼"}, headers=key)
        assert closed == {"day": FRIDAY, "reason": "全县哀悼"}
    assert (await service.call("PUT", path, editor, json={"reason": "考试"})).status_code == 409
    week = await service.ask("GET", "/weeks", editor)
    assert [slot["closed"] for slot in week["slots"]] == [None, "全县哀悼"]
    assert week["closed_days"] == {FRIDAY: "全县哀悼"}
    for _ in range(2):
        assert (await service.call("DELETE", path, editor)).status_code == 204
    assert (await service.ask("GET", "/weeks", editor))["closed_days"] == {}


async def test_the_plan(service: Service, editor: Resident) -> None:
    leader = await service.officer("admin", "T")
    plan = await service.ask("GET", "/publishing-plan", editor)
    assert plan == {
        "appid": service.settings.wechat.oa.appid,
        "org_code": "T",
        "weekdays": [2, 5],
        "at": "18:00:00",
        "week_min": 1,
        "week_max": 2,
    }
    changed = {"weekdays": [4, 1], "at": "19:30", "week_min": 1, "week_max": 3}
    refused = await service.call("PUT", "/publishing-plan", editor, json=changed)
    assert refused.status_code == 403
    assert (await service.ask("PUT", "/publishing-plan", leader, json=changed))["weekdays"] == [
        1,
        4,
    ]
    for wrong in ({"week_max": 1, "week_min": 2}, {"week_min": 3, "week_max": 3}):
        answer = await service.call("PUT", "/publishing-plan", leader, json={**changed, **wrong})
        assert answer.json()["code"] == "PlanUnsuitable"


async def test_residents_see_none_of_it(service: Service, resident: Resident) -> None:
    for method, path, body in (
        ("GET", "/weeks", None),
        ("GET", "/publishing-plan", None),
        ("PUT", f"/closed-days/{FRIDAY}", {"reason": "不想发"}),
        ("DELETE", f"/closed-days/{FRIDAY}", None),
    ):
        assert (await service.call(method, path, resident, json=body)).status_code == 403, path


@pytest.mark.parametrize(
    ("decision", "state", "step"),
    [("published", "published", "settle"), ("give_up", "withdrawn", "withdraw"),
     ("retry", "scheduled", "schedule")],
)  # fmt: skip
async def test_a_failed_issue_is_decided_by_a_person(
    service: Service, editor: Resident, decision: str, state: str, step: str
) -> None:
    issue_id = await make_failed(service, editor)
    [task] = (await service.ask("GET", "/tasks", editor))["items"]
    assert task["kind"] == "publish_failed"
    said = {"decision": decision, "reason": "与管理员商量过", "url": None}
    path = f"/issues/{issue_id}/outcome"
    issue = await service.ask("POST", path, editor, json=said)
    assert issue["state"] == state
    last = issue["steps"][-1]
    assert (last["step"], last["remarks"]) == (step, "与管理员商量过")
    assert last["person"]["id"] == editor.id
    tasks = (await service.ask("GET", "/tasks", editor))["items"]
    assert [one for one in tasks if one["state"] == "open"] == []


async def test_only_who_publishes_decides_and_only_about_what_is_over(
    service: Service, editor: Resident
) -> None:
    issue_id = await make_issue(service, editor)
    said = {"decision": "retry", "reason": "再试一次"}
    path = f"/issues/{issue_id}/outcome"
    assert (await service.call("POST", path, editor, json=said)).json()["code"] == "NotInThisState"
    tutor = await service.officer("tutor", "T")
    assert (await service.call("POST", path, tutor, json=said)).status_code == 403
    assert (
        await service.call("POST", path, editor, json={**said, "reason": ""})
    ).status_code == 422
    assert clock.utcnow() - MORNING < timedelta(hours=1)
