"""A day's push over HTTP: groups, three reviews, deliveries, and what the administrator sees."""

from dataclasses import dataclass
from typing import Any

import pytest

from app.core import clock
from app.core.settings import Settings
from app.worker import deliveries as worker
from tests.api.service import Resident, Service

TOMORROW = "2026-11-24"
KEY = "693a91f6-7aaa-4bc4-97a0-0ec2sifa5aaa"


@dataclass
class Room:
    service: Service
    tutor: Resident
    editor: Resident
    chief: Resident
    admin: Resident
    writer: Resident

    async def group(self, **facts: Any) -> Any:
        body = {
            "name": "文坪村学习群",
            "org_code": "T-1",
            "channel": "relay",
            "owner_id": self.tutor.id,
            "send_at": "07:40",
            "deadline": "12:00",
            **facts,
        }
        return await self.service.ask("POST", "/groups", self.tutor, json=body)

    async def push(self, **facts: Any) -> Any:
        body = {
            "date": TOMORROW,
            "org_code": "T",
            "lesson_id": await self.service.lesson(),
            "text": "先挂断，再拨 96110。",
            **facts,
        }
        return await self.service.ask("POST", "/pushes", self.writer, json=body)

    async def approve(self, push: Any) -> Any:
        path = f"/pushes/{push['id']}"
        push = await self.service.ask("POST", f"{path}/submit", self.writer)
        for who in (self.editor, self.chief, self.admin):
            body = {"decision": "approve", "digest": push["digest"]}
            push = await self.service.ask("POST", f"{path}/reviews", who, json=body)
        return push

    async def tend(self) -> None:
        await worker.tend_pushes(due_at=clock.utcnow().isoformat())
        await self.service.run_jobs()


@pytest.fixture
async def room(service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(worker, "get_settings", lambda: settings)
    service.open_platforms()
    return Room(
        service=service,
        tutor=await service.officer("tutor", "T-1"),
        editor=await service.officer("editor", "T"),
        chief=await service.officer("chief_editor", "T"),
        admin=await service.officer("admin", "T"),
        writer=await service.officer("lecturer", "T"),
    )


async def refused(room: Room, method: str, path: str, who: Resident, **parts: Any) -> str:
    answer = await room.service.call(method, path, who, **parts)
    assert not answer.is_success, answer.text
    return str(answer.json()["code"])


async def test_a_day_from_the_first_draft_to_the_last_group(room: Room) -> None:
    service = room.service
    relay = await room.group()
    console = await room.group(name="值班群", channel="console", org_code="T-1", send_at="08:00")
    push = await room.approve(await room.push())
    assert (push["state"], [one["step"] for one in push["reviews"]]) == (
        "approved",
        ["first_review", "second_review", "final_review"],
    )
    await room.tend()
    shown = await service.ask("GET", f"/pushes/{push['id']}", room.tutor)
    assert shown["state"] == "scheduled"
    assert {one["group_id"]: one["state"] for one in shown["deliveries"]} == {
        relay["id"]: "planned",
        console["id"]: "planned",
    }
    service.forward(hours=22, minutes=5)  # Five past eight.
    await room.tend()
    shown = await service.ask("GET", f"/pushes/{push['id']}", room.admin)
    states = {one["group"]: (one["state"], one["proof"]) for one in shown["deliveries"]}
    assert states == {"文坪村学习群": ("handed_over", None), "值班群": ("sent", "已写入日志")}
    delivery = next(one for one in shown["deliveries"] if one["state"] == "handed_over")

    (task,) = [
        one
        for one in (await service.ask("GET", "/tasks", room.tutor))["items"]
        if one["kind"] == "relay"
    ]
    assert "/g/" in task["text"]
    sent = f"/deliveries/{delivery['id']}/sent"
    why = {"reason": "已转发"}
    assert await refused(room, "POST", sent, room.writer, json=why) == "NotYourBranch"
    done = await service.ask("POST", sent, room.tutor, json=why)
    assert (done["state"], done["proof"]) == ("sent", "由人确认：已转发")
    listed = await service.ask("GET", "/pushes?state=published", room.editor)
    assert [one["outcome"] for one in listed["items"]] == [{"sent": 2}]
    reach = await service.ask("GET", f"/reach?org=T&from={TOMORROW}&to={TOMORROW}", room.admin)
    assert [(one["name"], one["delivered"]) for one in reach["villages"]] == [("文坪村", 2)]
    assert [one["planned"] for one in reach["groups"]] == [1, 1]


async def test_closing_the_task_says_that_it_was_forwarded(room: Room) -> None:
    await room.group()
    push = await room.approve(await room.push())
    room.service.forward(hours=22)
    await room.tend()
    tasks = await room.service.ask("GET", "/tasks", room.tutor)
    task = next(one for one in tasks["items"] if one["kind"] == "relay")
    await room.service.ask("POST", f"/tasks/{task['id']}/done", room.tutor, json={})
    shown = await room.service.ask("GET", f"/pushes/{push['id']}", room.tutor)
    assert [one["state"] for one in shown["deliveries"]] == ["sent"]


async def test_an_address_goes_in_and_never_comes_out(room: Room) -> None:
    group = await room.group(channel="wecom_robot", address=KEY)
    path = f"/groups/{group['id']}"
    body = {"send_at": "08:00"}
    answers = [
        group,
        await room.service.ask("PATCH", path, room.tutor, json=body),
        await room.service.ask("GET", "/groups", room.admin),
        await room.service.ask("DELETE", path, room.admin, json={"reason": "群已解散"}),
        await room.service.ask("GET", "/groups?ended=true", room.admin),
    ]
    assert KEY not in f"{answers}"
    assert group["address_end"] == "…5aaa"
    assert answers[1]["send_at"] == "08:00"
    assert (await room.service.ask("GET", "/groups", room.admin))["items"] == []
    assert await refused(room, "PATCH", path, room.tutor, json=body) == "GroupAlreadyEnded"


async def test_who_may_do_what(room: Room) -> None:
    service = room.service
    group, push = await room.group(), await room.push()
    resident, neighbour = await service.login(), await service.officer("tutor", "T-2")
    body = {"name": "群", "org_code": "T-1", "channel": "relay", "owner_id": room.tutor.id,
            "send_at": "08:00", "deadline": "09:00"}  # fmt: skip
    for who in (resident, neighbour, room.writer):
        assert await refused(room, "POST", "/groups", who, json=body) == "NotYourBranch"
        code = await refused(room, "PATCH", f"/groups/{group['id']}", who, json={"name": "x"})
        assert code == "NotYourBranch"
    push_body = {"date": TOMORROW, "org_code": "T", "lesson_id": 1, "text": "学"}
    for who in (resident, neighbour):
        assert await refused(room, "POST", "/pushes", who, json=push_body) == "NotYourBranch"
        assert await refused(room, "GET", f"/pushes/{push['id']}", who) == "NotYourBranch"
        assert await refused(room, "GET", "/reach?org=T", who) == "NotYourBranch"
        mine = await service.ask("GET", "/deliveries", who)
        assert mine["items"] == []
    assert await refused(room, "GET", "/deliveries?state=lost", room.admin) == "NoSuchState"


async def test_dead_letters_are_tried_again_or_given_up_with_a_reason(room: Room) -> None:
    service = room.service
    await room.group(channel="qq_bot", address="Q" * 32)  # No bot is configured: it fails.
    await room.approve(await room.push())
    service.forward(hours=22)
    await room.tend()
    (dead,) = (await service.ask("GET", f"/deliveries?date={TOMORROW}", room.admin))["items"]
    assert (dead["state"], "QQNotConfigured" in dead["detail"]) == ("failed", True)
    path = f"/deliveries/{dead['id']}"
    why = {"reason": "再试一次"}
    assert await refused(room, "POST", f"{path}/retry", room.tutor, json=why) == "NotYourBranch"
    key = {"Idempotency-Key": "click-0001"}
    for _ in range(2):
        again = await service.ask("POST", f"{path}/retry", room.admin, json=why, headers=key)
        assert again["state"] == "planned"
    await service.run_jobs()
    why = {"reason": "明天再说"}
    given_up = await service.ask("POST", f"{path}/give-up", room.editor, json=why)
    assert (given_up["state"], given_up["detail"]) == ("failed", "已放弃：明天再说")
    assert await service.count("delivery_act") == 2


async def test_a_change_voids_the_reviews_and_the_plan_waits(room: Room) -> None:
    await room.group()
    push = await room.approve(await room.push())
    await room.tend()
    body = {"lesson_id": push["lesson_id"], "text": "换一句话", "digest": push["digest"]}
    changed = await room.service.ask("PUT", f"/pushes/{push['id']}", room.writer, json=body)
    assert (changed["state"], changed["version"]) == ("draft", 2)
    room.service.forward(hours=22)
    await room.tend()
    shown = await room.service.ask("GET", f"/pushes/{push['id']}", room.tutor)
    assert [one["state"] for one in shown["deliveries"]] == ["planned"]
    withdrawn = await room.service.ask(
        "POST", f"/pushes/{push['id']}/withdraw", room.editor, json={"reason": "今天不推"}
    )
    assert [one["state"] for one in withdrawn["deliveries"]] == ["skipped"]


async def test_an_hour_is_the_towns_and_names_no_zone(room: Room) -> None:
    group = await room.group()
    body = {"send_at": "07:40Z"}
    path = f"/groups/{group['id']}"
    assert await refused(room, "PATCH", path, room.tutor, json=body) == "MalformedRequest"


async def test_a_push_withdrawn_before_its_day_is_written_anew(room: Room) -> None:
    await room.group()
    push = await room.approve(await room.push())
    await room.tend()
    path = f"/pushes/{push['id']}"
    await room.service.ask("POST", f"{path}/withdraw", room.editor, json={"reason": "换一课"})
    body = {"lesson_id": push["lesson_id"], "text": "换了一课", "digest": push["digest"]}
    changed = await room.service.ask("PUT", path, room.writer, json=body)
    await room.approve(changed)
    room.service.forward(hours=22)
    await room.tend()
    shown = await room.service.ask("GET", path, room.tutor)
    assert [one["state"] for one in shown["deliveries"]] == ["handed_over"]
