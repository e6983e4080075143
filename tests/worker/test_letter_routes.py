"""Routes open or closed × the platform's answer × a crash → what the person saw: ≤ 1 message.

The person has a phone in the stand-in for Tencent, and is a member of the company there.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.core import clock
from app.core.db import transaction
from app.core.errors import Unavailable
from app.core.settings import Push, Settings, WeCom
from app.flows.notices import tell
from app.people.models import Identity
from app.push import letters
from app.push.models import Letter, Permit
from app.worker import notices
from app.worker.resources import Resources
from tests.api.service import Service, running

TEMPLATE, CORP = "T-duty", "ww-town"
CUSTOM, NOTICE, APP = (
    "/cgi-bin/message/custom/send",
    "/cgi-bin/message/subscribe/send",
    ("/cgi-bin/message/send"),
)


WAYS = (("cnw", "custom"), ("nw", "notice"), ("w", "wecom_app"))
"""What is open, and the way that is taken then."""


class Killed(BaseException):
    """kill -9, as far as Python can imitate it."""


@pytest.fixture
def settings(database_url_of_its_own: str) -> Settings:
    return Settings(
        _env_file=None,
        database_url=database_url_of_its_own,
        push=Push(notice_templates={"duty": TEMPLATE}),
        wecom=WeCom(corp_id=CORP, secret="town-secret", agent_id=1000002),
    )


@pytest.fixture
async def service(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    monkeypatch.setattr(notices, "get_settings", lambda: settings)
    async with running(settings) as service:
        service.open_platforms()
        yield service


@pytest.fixture(autouse=True)
def _no_resources_left() -> Iterator[None]:
    yield
    for name in ("wechat", "wecom", "qq"):
        if hasattr(Resources, name):
            delattr(Resources, name)


@dataclass
class Story:
    """One letter to one person."""

    service: Service
    user: dict[str, Any]
    person_id: int
    letter_id: int

    async def seen(self) -> list[str]:
        """What arrived, by its way."""
        bubbles = (await self.service.phone.get(f"/_sandbox/users/{self.user['id']}/chat")).json()
        ways = [
            "notice" if bubble["type"] == "notice" else "custom"
            for bubble in bubbles
            if bubble["sender"] == "account"
            and bubble["content"].get("by")
            and bubble["content"]["by"] != "reply"
        ]
        members = (await self.service.phone.get("/_sandbox/wecom/members")).json()
        mine = [one["messages"] for one in members if one["userid"] == self.user["id"]]
        return ways + ["wecom_app" for messages in mine for _ in messages]

    async def letter(self) -> Letter:
        async with transaction() as session:
            return await session.get_one(Letter, self.letter_id)

    async def permits(self) -> str:
        """`unused`, `used` or `withdrawn`: the one permit of the story, or none."""
        async with transaction() as session:
            mine = select(Permit).join(Identity).where(Identity.person_id == self.person_id)
            permit = await session.scalar(mine)
        if permit is None:
            return "none"
        if permit.withdrawn_at:
            return "withdrawn"
        return "used" if permit.used_at else "unused"

    async def fault(self, path: str, kind: str, errcode: int = -1) -> None:
        body = {"path": path, "kind": kind, "errcode": errcode}
        assert (await self.service.phone.post("/_sandbox/faults", json=body)).status_code == 200

    async def deliver(self) -> None:
        await notices.deliver_letter(letter_id=self.letter_id)


async def begin(service: Service, routes: str) -> Story:
    """A letter to somebody who can be reached by these routes (c, n, w)."""
    who = await service.login()
    user = dict(who.user)
    if "c" in routes:
        await service.act(user, "follow")
        await service.say(user, "你好")
        await (
            service.run_jobs()
        )  # The unionid joins the follower with the user of the mini-program.
    if "n" in routes:
        outcome = await service.act(user, "subscribe", choices={TEMPLATE: True})
        assert outcome["delivered"], outcome
    async with transaction() as session:
        if "w" in routes:
            member = Identity(
                person_id=who.id,
                appid=CORP,
                openid=user["id"],
                created_at=clock.utcnow(),
            )
            session.add(member)
            await service.phone.post("/_sandbox/wecom/members", json={"userid": user["id"]})
        letter = await tell(
            session,
            key=f"relay:{who.id}",
            person_id=who.id,
            kind="duty",
            text="请把今天的学习内容转发到文坪村学习群",
            now=clock.utcnow(),
        )
        assert letter is not None
    return Story(service, user, who.id, letter.id)


@dataclass(frozen=True)
class Case:
    """`routes` that are open, what the platform does, and what comes of it."""

    routes: str
    fault: tuple[str, str, int] | None
    seen: str | None
    state: str
    detail: str = ""
    permit: str = "none"


NOBODY = "客服消息：48 小时窗口未开；订阅消息：没有可用的授权；企业微信：没有企业微信身份"
CASES = (
    Case("cnw", None, "custom", "sent", permit="unused"),
    Case("nw", None, "notice", "sent", permit="used"),
    Case("w", None, "wecom_app", "sent"),
    Case("", None, None, "skipped", NOBODY),
    # Refused: nothing arrived, and the next route is tried.
    Case("cnw", (CUSTOM, "errcode", 45015), "notice", "sent", "客服消息：WindowClosed", "used"),
    Case("cw", (CUSTOM, "errcode", 45047), "wecom_app", "sent", "客服消息：WindowFull"),
    Case("c", (CUSTOM, "errcode", 45047), None, "refused", "WindowFull"),
    Case("nw", (NOTICE, "errcode", 43101), "wecom_app", "sent", "UserRefused", "withdrawn"),
    Case("nw", (NOTICE, "errcode", 40037), "wecom_app", "sent", "TemplateInvalid", "unused"),
    Case("w", (APP, "errcode", 81013), None, "refused", "企业微信：RecipientInvalid"),
    # Done, and the answer lost: in doubt, and nothing else is tried.
    Case("cnw", (CUSTOM, "html502", 0), "custom", "unknown", "是否送达未知", "unused"),
    Case("nw", (NOTICE, "truncated", 0), "notice", "unknown", "是否送达未知", "used"),
    Case("w", (APP, "truncated", 0), "wecom_app", "unknown", "是否送达未知"),
)


async def test_at_most_one_message_whatever_the_platform_says(service: Service) -> None:
    found = []
    for case in CASES:
        story = await begin(service, case.routes)
        if case.fault is not None:
            await story.fault(*case.fault)
        for _ in range(2):  # every job may run twice unharmed
            await story.deliver()
        letter, seen = await story.letter(), await story.seen()
        assert len(seen) <= 1, case
        assert case.detail in (letter.detail or ""), case
        way = seen[0] if seen else None
        found.append(replace(case, seen=way, state=letter.state, permit=await story.permits()))
    assert found == list(CASES)


@pytest.mark.parametrize("killed_at", ["before the call", "after the call"])
async def test_a_process_killed_between_claim_and_record_leaves_a_doubt(
    service: Service, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    async def die(*_: object, **__: object) -> None:
        raise Killed

    owner, name = (notices, "_call") if killed_at == "before the call" else (letters, "record")
    for routes, way in WAYS:
        story = await begin(service, routes)
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, die)
            with pytest.raises(Killed):
                await story.deliver()
        await story.deliver()  # The stalled job runs again while the claim is fresh.
        assert (await story.letter()).state == "claimed"
        service.forward(minutes=6)
        async with transaction() as session:
            assert await letters.settle_lost_claims(session, now=clock.utcnow()) == 1
        await story.deliver()
        assert (await story.letter()).state == "unknown"
        assert await story.seen() == ([] if killed_at == "before the call" else [way])


async def test_what_was_certainly_not_sent_is_sent_later_by_the_same_way(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_route(*_: object, **__: object) -> None:
        raise httpx.ConnectError("no route")

    for routes, way in WAYS:
        story = await begin(service, routes)
        with monkeypatch.context() as patched:
            patched.setattr(service.phone, "send", no_route)
            with pytest.raises(Unavailable):
                await story.deliver()
        letter = await story.letter()
        assert (letter.state, letter.route) == ("waiting", None)
        assert await story.permits() == ("unused" if "n" in routes else "none")
        await story.deliver()
        assert (await story.letter()).state == "sent"
        assert await story.seen() == [way]


async def test_one_permit_is_one_message_whoever_is_quicker(service: Service) -> None:
    story = await begin(service, "n")
    first = await story.letter()
    async with transaction() as session:
        second = await tell(
            session, key="relay:2", person_id=first.person_id, kind="duty", text="又一件事",
            now=clock.utcnow(),
        )  # fmt: skip
        assert second is not None
    await story.deliver()
    await notices.deliver_letter(letter_id=second.id)
    assert await story.seen() == ["notice"]
    async with transaction() as session:
        assert (await session.get_one(Letter, second.id)).state == "skipped"
    # Another accept is another message (in the same second it would be the same event).
    service.forward(seconds=1)
    await service.act(story.user, "subscribe", choices={TEMPLATE: True})
    async with transaction() as session:
        third = await tell(
            session, key="relay:3", person_id=first.person_id, kind="duty", text="第三件事",
            now=clock.utcnow(),
        )  # fmt: skip
        assert third is not None
    await notices.deliver_letter(letter_id=third.id)
    assert await story.seen() == ["notice", "notice"]


async def test_refusing_in_the_settings_takes_every_permit_back(service: Service) -> None:
    story = await begin(service, "n")
    service.forward(seconds=1)
    await service.act(story.user, "subscribe-change", template_id=TEMPLATE, accept=False)
    await story.deliver()
    assert await story.seen() == []
    assert (await story.letter()).state == "skipped"
    assert await story.permits() == "withdrawn"


async def test_a_stranger_who_refuses_leaves_no_trace(service: Service) -> None:
    user = await service.user()
    await service.act(user, "subscribe-change", template_id=TEMPLATE, accept=False)
    await service.act(user, "subscribe", choices={TEMPLATE: False})
    assert await service.count("identity") == 0
    assert await service.count("permit") == 0


async def test_a_lost_claim_is_lost_by_the_machines_clock(service: Service) -> None:
    """On a fast clock five of the town's minutes are over before a call is."""
    story = await begin(service, "c")
    origin = clock.Origin(first_start=clock.real_now(), start=clock.utcnow(), rate=3600)
    clock.settle(origin)
    async with transaction() as session:
        claimed = await session.get_one(Letter, story.letter_id)
        claimed.state, claimed.route, claimed.claimed_at = "claimed", "custom", origin.start
    async with transaction() as session:
        for hours, lost in ((299, 0), (301, 1)):
            later = origin.start + timedelta(hours=hours)
            assert await letters.settle_lost_claims(session, now=later) == lost
