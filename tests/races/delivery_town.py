"""A town with one push of today, and groups that live in the stand-in for Tencent.

The worker's own code speaks to it over its clients.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.core.clock import utcnow
from app.core.db import transaction
from app.core.settings import Settings
from app.editorial.models import Manuscript
from app.people.models import Organisation, Person
from app.push.models import Delivery
from app.qq.client import QQClient
from app.wecom.client import WeComClient
from app.worker import deliveries as worker
from app.worker.resources import Resources
from tests.api.service import Service, running, set_clock
from tests.factories.content import make_lesson
from tests.factories.people import make_identity, make_office, make_person
from tests.factories.pushing import at, make_delivery, make_group, make_push
from tests.sandbox.companies import BOT, WECOM, add_fault, no_sleep
from tests.sandbox.companies import make_group as make_chat

OWNER = "tutor-7"
PATHS = {
    "wecom_robot": "/cgi-bin/webhook/send",
    "wecom_customer_group": "/cgi-bin/externalcontact/add_msg_template",
    "qq_bot": "/v2/groups/*",
}


class Wire(httpx.ASGITransport):
    """The stand-in behind a wire: a cut connection is an error of httpx, as over a real one."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except AssertionError:
            raise httpx.RemoteProtocolError("peer closed connection") from None


@dataclass
class Town:
    """One push of today, and groups of one channel, each with its delivery due."""

    service: Service
    org: Organisation
    owner: Person
    manuscript_id: int
    lesson_id: int

    async def group(self, channel: str, **facts: Any) -> "Story":
        address = name = None
        if channel in PATHS:
            facts = {"owner": OWNER, "allow_proactive": True, **facts}
            chat = await make_chat(self.service.phone, channel, **facts)
            address, name = chat["address"], chat["id"]
        async with transaction() as session:
            manuscript = await session.get_one(Manuscript, self.manuscript_id)
            group = await make_group(session, self.org, self.owner, channel, address)
            delivery = await make_delivery(session, manuscript, group)
        return Story(self.service, name, delivery.id, group.id)

    async def fault(self, channel: str, kind: str, **facts: Any) -> None:
        await add_fault(self.service.phone, PATHS[channel], kind, count=1, **facts)


@dataclass
class Story:
    """One group's delivery."""

    service: Service
    sandbox_id: str | None
    delivery_id: int
    group_id: int

    async def delivery(self) -> Delivery:
        async with transaction() as session:
            return await session.get_one(Delivery, self.delivery_id)

    async def state(self) -> str:
        return (await self.delivery()).state

    def seen(self) -> int:
        """Messages in the group; for a customer group also the tasks that wait for its owner."""
        world = self.service.world
        group = world.groups[str(self.sandbox_id)]
        tasks = [one for one in world.corp.tasks.values() if group.address in one.results]
        return len(tasks) or len(group.chat)

    async def send(self) -> None:
        await worker.send_delivery(delivery_id=self.delivery_id)

    async def tend(self) -> None:
        await worker.tend_pushes(due_at=utcnow().isoformat())


@asynccontextmanager
async def open_town(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    """At half past nine, when every group's push is due since nine."""
    settings = Settings(_env_file=None, database_url=url, wecom=WECOM, qq=BOT)
    monkeypatch.setattr(worker, "get_settings", lambda: settings)
    async with (
        running(settings) as service,
        httpx.AsyncClient(transport=Wire(service.sandbox), base_url="http://t") as wire,
    ):
        service.open_platforms()
        Resources.wecom = WeComClient(settings.wecom, http=wire, sleep=no_sleep)
        Resources.qq = QQClient(settings.qq, http=wire)
        set_clock(at(9, 30))
        async with transaction() as session:
            org = await session.scalar(select(Organisation).where(Organisation.code == "T"))
            assert org is not None
            owner = await make_person(session, "槐小花")
            await make_office(session, owner, "tutor", org)
            await make_identity(session, owner, OWNER, appid=str(WECOM.corp_id))
            lesson = await make_lesson(session)
            manuscript = await make_push(session, org, lesson)
        service.world.corp.add_member(OWNER)
        yield Town(service, org, owner, manuscript.id, lesson.id)
    for name in ("wechat", "wecom", "qq"):
        delattr(Resources, name)
