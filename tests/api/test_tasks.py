"""What there is to do by hand, over HTTP: whose it is, and what closing it does."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.content.models import Lesson
from app.core import clock
from app.core.db import transaction
from app.editorial import desk
from app.editorial.models import Manuscript
from app.people.models import Person
from app.people.queries import org_by_code
from app.push import tasks
from app.push.models import Delivery, Publication
from tests.api.service import Resident, Service
from tests.factories import pushing


async def leave(
    service: Service,
    key: str,
    org_code: str,
    *,
    kind: str = "week_at_risk",
    person: Resident | None = None,
    role: str | None = None,
    **about: int,
) -> int:
    assert service
    now = clock.utcnow()
    async with transaction() as session:
        task = await tasks.open_task(
            session, key=key, kind=kind, org_id=(await org_by_code(session, org_code)).id,
            person_id=person.id if person else None, role=role, title=key, text="请转发以下内容",
            due_at=now + timedelta(hours=1), **about, now=now,
        )  # fmt: skip
        assert task is not None
        return task.id


async def titles(service: Service, who: Resident, query: str = "") -> list[str]:
    page = await service.ask("GET", f"/tasks{query}", who)
    return [item["title"] for item in page["items"]]


async def code_of(service: Service, path: str, who: Resident, body: Any) -> tuple[int, str]:
    answer = await service.call("POST", path, who, json=body)
    return answer.status_code, "" if answer.is_success else answer.json()["code"]


async def test_one_sees_ones_own_and_that_of_ones_offices(service: Service) -> None:
    tutor = await service.officer("tutor", "T-1")
    admin = await service.officer("admin", "T")
    resident = await service.villager("T-1")
    await leave(service, "小花的", "T-1", person=tutor)
    await leave(service, "村里的", "T-1", role="tutor")
    await leave(service, "邻村的", "T-2", role="tutor")
    await leave(service, "镇里的", "T", role="admin")
    assert await titles(service, tutor) == ["小花的", "村里的"]
    assert await titles(service, admin) == ["镇里的"]
    assert await titles(service, admin, "?scope=area") == ["小花的", "村里的", "邻村的", "镇里的"]
    assert await titles(service, resident) == []
    refused = await service.call("GET", "/tasks?scope=area", tutor)
    assert (refused.status_code, refused.json()["code"]) == (403, "NotYourTask")
    assert (await service.call("GET", "/tasks")).status_code == 401


async def test_it_is_done_once_by_whom_it_concerns(service: Service) -> None:
    tutor, other = await service.officer("tutor", "T-1"), await service.officer("tutor", "T-2")
    admin = await service.officer("admin", "T")
    task_id = await leave(service, "村里的", "T-1", role="tutor")
    path = f"/tasks/{task_id}"
    assert await code_of(service, f"{path}/done", other, {}) == (403, "NotYourTask")
    assert await code_of(service, f"{path}/drop", tutor, {"reason": "不用了"}) == (
        403,
        "NotYourTask",
    )
    key = {"Idempotency-Key": "tap-0001"}
    first = await service.call("POST", f"{path}/done", tutor, json={}, headers=key)
    again = await service.call("POST", f"{path}/done", tutor, json={}, headers=key)
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    done = first.json()
    assert (done["state"], done["closed_reason"]) == ("done", "已办理")
    assert await code_of(service, f"{path}/done", tutor, {"reason": "再点一次"}) == (200, "")
    assert await code_of(service, f"{path}/drop", admin, {"reason": "不用了"}) == (
        409,
        "TaskClosed",
    )
    assert await code_of(service, "/tasks/999999/done", tutor, {}) == (404, "TaskNotFound")
    assert await code_of(service, f"{path}/done", tutor, {"url": "javascript:x"}) == (
        422,
        "MalformedRequest",
    )


async def test_an_administrator_drops_what_nobody_need_do(service: Service) -> None:
    admin = await service.officer("admin", "T")
    task_id = await leave(service, "村里的", "T-1", role="tutor")
    for _ in range(2):
        said = await service.ask("POST", f"/tasks/{task_id}/drop", admin, json={"reason": "停办"})
        assert (said["state"], said["closed_reason"]) == ("dropped", "停办")
    assert await code_of(service, f"/tasks/{task_id}/done", admin, {}) == (409, "TaskClosed")


async def test_handing_a_push_on_is_booked_as_its_delivery(service: Service) -> None:
    tutor = await service.officer("tutor", "T-1")
    lesson_id = await service.lesson()
    async with transaction() as session:
        village = await org_by_code(session, "T-1")
        push = await pushing.make_push(
            session, village, await session.get_one(Lesson, lesson_id), state="publishing"
        )
        owner = await session.get_one(Person, tutor.id)
        group = await pushing.make_group(session, village, owner)
        delivery = await pushing.make_delivery(session, push, group, state="handed_over")
    task_id = await leave(
        service, "转发", "T-1", kind="relay", person=tutor,
        manuscript_id=push.id, delivery_id=delivery.id,
    )  # fmt: skip
    for _ in range(2):
        said = await service.ask("POST", f"/tasks/{task_id}/done", tutor, json={})
        assert (said["state"], said["closed_reason"]) == ("done", "已转发")
    async with transaction() as session:
        sent = await session.get_one(Delivery, delivery.id)
        assert (sent.state, sent.proof) == ("sent", "由人确认：已转发")


async def test_publishing_by_hand_is_booked_as_the_issues_end(service: Service) -> None:
    editor = await service.officer("editor", "T")
    async with transaction() as session:
        issue = await desk.write(
            session, kind="issue", key="issue:1", org_id=(await org_by_code(session, "T")).id,
            author_id=None, body={"articles": [{"title": "秋收"}]}, now=clock.utcnow(),
        )  # fmt: skip
        issue.state = "publishing"
        session.add(
            Publication(
                manuscript_id=issue.id, version=1, appid=service.settings.wechat.oa.appid,
                method="hand", state="by_hand", made_at=clock.utcnow(),
            )
        )  # fmt: skip
    task_id = await leave(
        service, "请发表", "T", kind="publish_by_hand", role="editor", manuscript_id=issue.id
    )
    url = "https://mp.weixin.qq.com/s/abc"
    for _ in range(2):
        said = await service.ask("POST", f"/tasks/{task_id}/done", editor, json={"url": url})
        assert said["state"] == "done"
    async with transaction() as session:
        assert (await session.get_one(Manuscript, issue.id)).state == "published"
        publication = (await session.scalars(select(Publication))).one()
        assert (publication.state, publication.urls) == ("published", [url])
