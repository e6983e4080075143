"""An issue in a person's hands does not hang for ever: whoever goes, somebody has it."""

from datetime import datetime, timedelta

from app.core import clock
from app.core.clock import local_day
from app.core.db import transaction
from app.flows import week_watch, weekly_issue
from app.push import plans
from app.push.planner import monday_of
from tests.publishing.conftest import Opens

HOUR = timedelta(hours=1)


async def risks_of(at: datetime) -> tuple[str, ...]:
    async with transaction() as session:
        outlet = weekly_issue.outlet()
        plan = await plans.plan_of(session, outlet=outlet)
        week = await week_watch.report(
            session, outlet=outlet, plan=plan, monday=monday_of(local_day(at)), now=clock.utcnow()
        )
    return week.risks


async def test_whoever_goes_an_issue_in_hand_is_somebodys(open_newsroom: Opens) -> None:
    async with open_newsroom(verified=False) as newsroom:
        service = newsroom.service
        admin = await service.officer("admin", "T")
        begun = newsroom.next_week()
        issue_id = await newsroom.write()
        await newsroom.drive(issue_id)
        [task] = await newsroom.tasks(issue_id)
        assert task.person_id == newsroom.editor.id
        # Nobody closes it without saying what became of the issue.
        said = await service.call("POST", f"/tasks/{task.id}/drop", admin, json={"reason": "算了"})
        assert (said.status_code, said.json()["code"]) == (409, "DecideFirst")
        assert await risks_of(begun) == ()
        service.forward(hours=2, seconds=1)
        assert await risks_of(begun) == ("有一期等人手工发表，已经逾期",)
        # The editor is erased: the administrators have it.
        assert (await service.call("DELETE", "/me", newsroom.editor)).is_success
        [task] = await newsroom.tasks(issue_id)
        assert (task.person_id, task.role) == (None, "admin")
        decision = {"decision": "give_up", "reason": "不发了"}
        told = await service.ask("POST", f"/issues/{issue_id}/outcome", admin, json=decision)
        assert told["state"] == "withdrawn"
        assert await newsroom.tasks(issue_id) == []


async def test_a_doubt_is_not_tapped_away(open_newsroom: Opens) -> None:
    async with open_newsroom(publish_by="freepublish") as newsroom:
        newsroom.next_week()
        newsroom.press.knobs.next_publish_status = 4
        issue_id = await newsroom.write()
        await newsroom.finish(issue_id)
        [task] = await newsroom.tasks(issue_id)
        path = f"/tasks/{task.id}/done"
        said = await newsroom.service.call("POST", path, newsroom.editor, json={})
        assert said.json()["code"] == "DecideFirst"
        assert len(await newsroom.tasks(issue_id)) == 1
