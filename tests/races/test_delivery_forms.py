"""What a worker says where: the poster as a robot's picture, and a laptop's console."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.core.logging import redact
from app.core.settings import Settings
from app.push.channels import LIMITS
from app.worker import deliveries as worker
from tests.races.delivery_town import Town, open_town
from tests.sandbox.companies import BOT, WECOM


@pytest.fixture
async def town(
    database_url_of_its_own: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Town]:
    async with open_town(database_url_of_its_own, monkeypatch) as town:
        yield town


async def test_a_robot_may_say_the_poster(
    town: Town, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    story = await town.group("wecom_robot")
    settings = Settings(_env_file=None, wecom=WECOM, qq=BOT, data_dir=tmp_path)
    monkeypatch.setattr(worker, "get_settings", lambda: settings)
    monkeypatch.setitem(LIMITS, "wecom_robot", replace(LIMITS["wecom_robot"], message="image"))
    await story.send()
    assert await story.state() == "sent"
    (said,) = town.service.world.groups[str(story.sandbox_id)].chat
    assert said.type == "image"


async def test_the_console_shows_what_was_said(town: Town) -> None:
    story = await town.group("console")
    with capture_logs() as logs:
        await story.send()
    (said,) = (one for one in logs if one["event"] == "delivery.console")
    assert "/g/" in f"{redact(None, '', said)}"


async def test_a_platform_that_is_busy_goes_to_the_end_of_the_line_with_its_reason(
    town: Town,
) -> None:
    story = await town.group("wecom_robot")
    await town.fault("wecom_robot", "errcode", errcode=45009)
    await story.send()
    delivery = await story.delivery()
    assert (delivery.state, "WeComRateLimited" in str(delivery.detail)) == ("planned", True)
    assert delivery.next_try_at > delivery.due_at


async def test_a_message_under_audit_is_in_doubt(town: Town) -> None:
    story = await town.group("qq_bot")
    await town.fault("qq_bot", "errcode", errcode=304023)
    await story.send()
    delivery = await story.delivery()
    assert (delivery.state, delivery.detail) == ("unknown", worker.AUDITED)
