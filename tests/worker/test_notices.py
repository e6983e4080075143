"""The evening's reminders and the platform's look at words, against the stand-in for Tencent."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from app.core import clock
from app.core.db import transaction
from app.core.settings import Push, Settings
from app.editorial import desk
from app.editorial.models import Manuscript
from app.flows import word_check
from app.people.queries import org_by_code
from app.worker import notices
from app.worker.resources import Resources
from tests.api.service import Resident, Service, running

LESSON = "T-lesson"


@pytest.fixture
def settings(database_url_of_its_own: str) -> Settings:
    return Settings(
        _env_file=None,
        database_url=database_url_of_its_own,
        push=Push(notice_templates={"lesson": LESSON, "honour": "T-honour"}),
    )


@pytest.fixture
async def service(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    monkeypatch.setattr(notices, "get_settings", lambda: settings)
    async with running(settings) as service:
        yield service


@pytest.fixture(autouse=True)
def _no_resources_left() -> Iterator[None]:
    yield
    for name in ("wechat", "wecom", "qq"):
        if hasattr(Resources, name):
            delattr(Resources, name)


async def notices_of(service: Service, user: Any) -> list[dict[str, Any]]:
    chat = (await service.phone.get(f"/_sandbox/users/{user['id']}/chat")).json()
    return [bubble["content"] for bubble in chat if bubble["type"] == "notice"]


async def test_who_allowed_it_is_reminded_of_todays_lesson(service: Service) -> None:
    await service.lesson(title="接到陌生电话怎么办")
    asked, learned, silent = [await service.login() for _ in range(3)]
    for one in (asked, learned):
        await service.act(one.user, "subscribe", choices={LESSON: True})
    await service.study(learned, await service.lesson())
    for due_at in ("2026-11-22T11:00:00+00:00", *["2026-11-23T11:00:00+00:00"] * 2):
        await notices.remind_learners(due_at=due_at)
        await service.run_jobs()
    found = [await notices_of(service, one.user) for one in (asked, learned, silent)]
    assert [len(one) for one in found] == [1, 0, 0]
    assert found[0][0]["template_id"] == LESSON
    assert (await service.ask("GET", "/me/notices", asked))["items"] == [
        {"kind": "honour", "template_id": "T-honour", "left": 0},
        {"kind": "lesson", "template_id": LESSON, "left": 0},
    ]


async def test_an_honour_is_told_where_it_was_asked_for(service: Service) -> None:
    one = await service.login()
    await service.act(one.user, "subscribe", choices={"T-honour": True})
    await service.study(one, await service.lesson())
    await service.run_jobs()
    (told,) = await notices_of(service, one.user)
    assert told["template_id"] == "T-honour"


async def write(author: Resident, text: str) -> int:
    async with transaction() as session:
        manuscript = await desk.write(
            session, kind="push", key="push:1", org_id=(await org_by_code(session, "T")).id,
            author_id=author.id, body={"date": "2026-11-24", "text": text},
            now=clock.utcnow(),
        )  # fmt: skip
        return manuscript.id


async def flags(manuscript_id: int) -> list[tuple[str, str]]:
    async with transaction() as session:
        manuscript = await session.get_one(Manuscript, manuscript_id)
        return [(flag["where"], flag["why"]) for flag in manuscript.flags]


@pytest.mark.parametrize(
    ("text", "hours", "found"),
    [
        ("今晚七点学习", 0, []),
        ("刷单返利不可信", 0, [("text", "微信内容安全：疑似违规（欺诈）")]),
        ("祖传秘方", 0, [("text", "微信内容安全：建议人工复核（其他）")]),
        ("刷单返利不可信", 3, [("", word_check.NOT_ACTIVE)]),
    ],
)
async def test_the_platform_is_asked_about_the_words(
    service: Service, text: str, hours: int, found: list[tuple[str, str]]
) -> None:
    service.open_platforms()
    author = await service.login()
    manuscript_id = await write(author, text)
    service.forward(hours=hours)
    for _ in range(2):
        await notices.check_words(manuscript_id=manuscript_id, version=1)
        assert await flags(manuscript_id) == found
    await notices.check_words(manuscript_id=manuscript_id, version=2)
    assert await flags(manuscript_id) == found


async def test_what_cannot_be_checked_says_so(service: Service) -> None:
    service.open_platforms()
    author = await service.login()
    manuscript_id = await write(author, "你好")
    fault = {"path": "/wxa/msg_sec_check", "kind": "errcode", "errcode": 48001}
    await service.phone.post("/_sandbox/faults", json=fault)
    await notices.check_words(manuscript_id=manuscript_id, version=1)
    ((where, why),) = await flags(manuscript_id)
    assert (where, why[:7]) == ("", "无法自动检查：")
