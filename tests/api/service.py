"""The service over HTTP beside the stand-in, both in this process, and a clock to move."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
import procrastinate
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from sqlalchemy import text
from wechatpy.crypto import WeChatCrypto

from app.core import clock, db
from app.core.db import transaction
from app.core.jobs import queue
from app.core.settings import Settings
from app.flows.meeting import meet
from app.main import assemble, furnish
from app.people import offices, tokens
from app.people.organisations import import_organisations
from app.people.rules import Role
from app.qq.client import QQClient
from app.sandbox import server as stand_in
from app.sandbox.schemas import user_out
from app.sandbox.world import World, make_user, make_world
from app.wechat.client import WeChatClient
from app.wecom.client import WeComClient
from app.worker import run
from app.worker.resources import Resources
from tests.content.drafts import make_lesson

MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""A Monday, ten in the morning in town."""
TOWN = """\
code,name,kind,parent_code
T,双槐镇,town,C
T-1,文坪村,village,T
T-2,双新社区,community,T
T-S,渭溪中学,school,T
"""
OUTSIDE = ("/api/", "/healthz", "/readyz", "/metrics", "/wechat/", "/openapi.json", "/docs")
"""Every other path is one of the JSON API."""
RIGHT: tuple[list[int], ...] = ([1], [0, 1], [0])
"""The right answers of `tests.content.drafts`' lesson, question by question."""


def set_clock(instant: datetime) -> None:
    """Let the service's clock read this now; it runs on at the usual pace."""
    origin = clock.Origin(first_start=clock.real_now(), start=instant, rate=1)
    clock.settle(origin)


@dataclass(frozen=True)
class Resident:
    """A signed-in person: the simulated phone's user, the token, the number."""

    user: Mapping[str, Any]
    token: str
    id: int


@dataclass(frozen=True)
class Service:
    """`client` asks the service, `phone` the stand-in."""

    app: FastAPI
    settings: Settings
    client: httpx.AsyncClient
    phone: httpx.AsyncClient
    sandbox: FastAPI

    @property
    def world(self) -> World:
        world: World = self.sandbox.state.world
        return world

    def forward(self, **by: float) -> None:
        """Move the clock on, e.g. `forward(seconds=15)`."""
        set_clock(clock.utcnow() + timedelta(**by))

    async def call(
        self, method: str, path: str, who: Resident | None = None, **parts: Any
    ) -> httpx.Response:
        headers = dict(parts.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {who.token}"
        if not path.startswith(OUTSIDE):
            path = f"/api/v1{path}"
        return await self.client.request(method, path, headers=headers, **parts)

    async def ask(self, method: str, path: str, who: Resident | None = None, **parts: Any) -> Any:
        """The answer's JSON; the call must succeed."""
        answer = await self.call(method, path, who, **parts)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def user(self, name: str = "槐小花", **facts: Any) -> dict[str, Any]:
        answer = await self.phone.post("/_sandbox/users", json={"name": name, **facts})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def act(self, user: Mapping[str, Any], act: str, **body: Any) -> Any:
        answer = await self.phone.post(f"/_sandbox/users/{user['id']}/{act}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def say(self, user: Mapping[str, Any], text: str) -> str:
        """What the account answers to a message."""
        outcome = await self.act(user, "text", text=text)
        assert outcome["delivered"], outcome
        return str(outcome["reply"]["text"]) if outcome["reply"] else ""

    async def login(self, user: Mapping[str, Any] | None = None) -> Resident:
        """Sign in from the mini-program; a new resident, if none is given, by the short way.

        The long way is five requests, and what it does is tested in tests/api/test_login.py.
        """
        if user is None:
            return await self._newcomer()
        code = (await self.act(user, "mini-code"))["code"]
        said = await self.ask("POST", "/login/mini", json={"code": code})
        return Resident(user=user, token=said["token"], id=said["person"]["id"])

    async def _newcomer(self) -> Resident:
        known = make_user(self.world, name="槐小花", base=None, phone=None)
        now, appid = clock.utcnow(), self.settings.wechat.mini.appid
        known.mini_active_at = now
        async with transaction() as session:
            met = await meet(
                session, appid=appid, openid=known.openid(appid), unionid=known.unionid, now=now
            )
            token, _ = await tokens.issue(session, person_id=met.person.id, now=now)
        user = user_out(self.world, known).model_dump(mode="json")
        return Resident(user=user, token=token, id=met.person.id)

    async def officer(self, role: Role, org_code: str) -> Resident:
        """A new person who holds this office."""
        one = await self.login()
        now = clock.utcnow()
        async with transaction() as session:
            await offices.grant(
                session,
                person_id=one.id,
                role=role,
                org_code=org_code,
                granted_by_id=None,
                since_on=clock.local_day(now),
                now=now,
            )
        return one

    async def villager(self, org_code: str) -> Resident:
        """A new person who declared to live there."""
        one = await self.login()
        await self.ask("PATCH", "/me", one, json={"org_code": org_code})
        return one

    async def lesson(self, key: str = "anti-fraud-01", **facts: Any) -> int:
        """A published lesson's id; 60 seconds and three questions unless told otherwise."""
        facts = {"required_seconds": 60, **facts}
        async with transaction() as session:
            return (await make_lesson(session, key, now=clock.utcnow(), **facts)).id

    async def read(self, who: Resident, lesson_id: int, seconds: int) -> Any:
        """Beats every 15 seconds until so much time is verified; the last beat's answer."""
        said = await self.ask("POST", f"/lessons/{lesson_id}/beats", who)
        for _ in range(-(-seconds // 15)):
            self.forward(seconds=15)
            said = await self.ask("POST", f"/lessons/{lesson_id}/beats", who)
        return said

    async def reply(self, who: Resident, lesson_id: int, *chosen: list[int]) -> Any:
        """Answer the questions in their order."""
        lesson = await self.ask("GET", f"/lessons/{lesson_id}", who)
        answers = {
            str(question["id"]): options
            for question, options in zip(lesson["questions"], chosen, strict=True)
        }
        return await self.ask(
            "POST", f"/lessons/{lesson_id}/answers", who, json={"answers": answers}
        )

    async def study(self, who: Resident, lesson_id: int, seconds: int = 60) -> Any:
        """Read and answer all of it: the lesson is completed."""
        await self.read(who, lesson_id, seconds)
        done = await self.reply(who, lesson_id, *RIGHT)
        assert done["completed"], done
        return done

    def open_platforms(self) -> None:
        """The worker's ways out lead to the stand-in."""
        assert run.REGISTERED, "or the queue would not know the jobs"
        Resources.wechat = self.app.state.wechat
        Resources.wecom = WeComClient(self.settings.wecom, http=self.phone)
        Resources.qq = QQClient(self.settings.qq, http=self.phone)

    async def run_jobs(self) -> None:
        """Let the queue's own worker do all that is due."""
        assert self.settings.database_url is not None
        self.open_platforms()
        connector = procrastinate.PsycopgConnector(conninfo=self.settings.database_url)
        with queue.replace_connector(connector):
            async with queue.open_async():
                await queue.run_worker_async(
                    wait=False, listen_notify=False, install_signal_handlers=False
                )

    async def count(self, table: str, where: str = "true", **values: Any) -> int:
        """Rows of a table, as a connection of its own sees them."""
        async with transaction() as session:
            statement = text(f"SELECT count(*) FROM {table} WHERE {where}")  # noqa: S608
            return int(await session.scalar(statement, values) or 0)

    def crypto(self, account: str = "oa") -> WeChatCrypto:
        found = getattr(self.settings.wechat, account)
        return WeChatCrypto(found.token, found.aes_key, found.appid)


@cache
def assembled() -> tuple[FastAPI, FastAPI]:
    """One service and one stand-in for all tests of this process, furnished anew by each."""
    return assemble(), stand_in.assemble()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    """The service on its database, and a stand-in that each reaches the other in."""
    app, sandbox = assembled()
    furnish(app, settings)
    transport = httpx.ASGITransport(app)
    async with (
        LifespanManager(app),
        httpx.AsyncClient(transport=transport, base_url=settings.base_url) as client,
    ):
        set_clock(MORNING)
        sandbox.state.world = make_world(settings, client)
        to_sandbox = httpx.ASGITransport(sandbox)
        async with (
            httpx.AsyncClient(transport=to_sandbox, base_url="http://sandbox") as phone,
        ):
            app.state.wechat = WeChatClient(settings.wechat, http=phone)
            async with transaction() as session:
                await import_organisations(session, content=TOWN.encode())
            yield Service(app, settings, client, phone, sandbox)


async def fresh_count(url: str, table: str) -> int:
    """What somebody else sees, on a connection that did not exist before."""
    engine = db.make_engine(url, pool_size=1)
    async with engine.connect() as connection:
        found = await connection.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608
    await engine.dispose()
    return int(found or 0)
