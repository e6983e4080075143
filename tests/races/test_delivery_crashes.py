"""Channel × where it breaks → what the group saw (never two messages), and what is on record."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import utcnow
from app.core.exchange import PlatformUnavailable
from app.flows import sending
from app.push import tasks
from app.worker import deliveries as worker
from tests.factories.pushing import at
from tests.races.delivery_town import PATHS, Story, Town, open_town

CALLED = tuple(PATHS)
FAULTS = ("reset", "html502", "truncated")
"""The call is carried out, and its answer is lost on the way."""
BOUNDARIES = ("before the call", "after the call", "before the record", "inside the record")


class Killed(BaseException):
    """kill -9, as far as Python can imitate it."""


@pytest.fixture
async def town(
    database_url_of_its_own: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Town]:
    async with open_town(database_url_of_its_own, monkeypatch) as town:
        yield town


async def killed_at(story: Story, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """The worker dies at this boundary between two of its steps."""

    async def die(*_: Any, **__: Any) -> Any:
        raise Killed

    carry, finish = worker._carry, sending.finish

    async def carry_and_die(errand: sending.Errand) -> Any:
        await carry(errand)
        raise Killed

    async def finish_and_die(*parts: Any, **facts: Any) -> Any:
        await finish(*parts, **facts)
        raise Killed

    with monkeypatch.context() as patch:
        match where:
            case "before the call":
                patch.setattr(worker, "_carry", die)
            case "after the call":
                patch.setattr(worker, "_carry", carry_and_die)
            case "before the record":
                patch.setattr(sending, "finish", die)
            case "inside the record":
                patch.setattr(sending, "finish", finish_and_die)
        with pytest.raises(Killed):
            await story.send()


@pytest.mark.parametrize("channel", [*CALLED, "console"])
async def test_a_killed_worker_leaves_a_doubt_and_never_a_second_message(
    town: Town, monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    stories = {where: await town.group(channel) for where in BOUNDARIES}
    for where, story in stories.items():
        await killed_at(story, monkeypatch, where)
        assert await story.state() == "claimed", where
        await story.send()  # The queue repeats the job of a dead worker.
        await story.tend()
        assert await story.state() == "claimed", where
    town.service.forward(minutes=6)
    await story.tend()
    for where, story in stories.items():
        assert await story.state() == "unknown", where
        await story.send()
        assert await town.service.count("task", "delivery_id = :id", id=story.delivery_id) == 1
        if channel in PATHS:
            assert story.seen() == (0 if where == "before the call" else 1), where


async def test_a_killed_relay_has_told_nobody_or_everybody(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = await town.group("relay")

    async def die(*_: Any, **__: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(tasks, "open_task", die)
        with pytest.raises(Killed):
            await story.send()
    assert await story.state() == "planned"
    assert await town.service.count("letter") == 0

    await story.send()
    await story.send()
    assert await story.state() == "handed_over"
    assert await town.service.count("letter") == await town.service.count("task") == 1


@pytest.mark.parametrize("channel", CALLED)
async def test_a_lost_answer_is_in_doubt_unless_it_can_be_looked_up(
    town: Town, channel: str
) -> None:
    looked_up = channel == "wecom_customer_group"
    for kind in FAULTS:
        story = await town.group(channel)
        await town.fault(channel, kind)
        await story.send()
        assert await story.state() == ("handed_over" if looked_up else "unknown"), kind
        await story.tend()
        await story.send()
        assert story.seen() == 1, kind


@pytest.mark.parametrize("channel", CALLED)
async def test_a_call_that_never_left_is_made_later(
    town: Town, monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    story = await town.group(channel)

    async def unreachable(*_: Any, **__: Any) -> Any:
        raise PlatformUnavailable(reason="ConnectError", maybe_done=False)

    with monkeypatch.context() as patch:
        for call in ("send_robot", "add_group_task", "send_group_text"):
            patch.setattr(worker, call, unreachable)
        with pytest.raises(PlatformUnavailable):
            await story.send()
    assert (await story.state(), story.seen()) == ("planned", 0)
    await story.send()
    expected = "handed_over" if channel == "wecom_customer_group" else "sent"
    assert (await story.state(), story.seen()) == (expected, 1)


@pytest.mark.parametrize(("channel", "errcode"), [("wecom_robot", 45009), ("qq_bot", 22009)])
async def test_not_now_is_tried_again_the_next_minute(
    town: Town, channel: str, errcode: int
) -> None:
    story = await town.group(channel)
    await town.fault(channel, "errcode", errcode=errcode)
    await story.send()
    assert (await story.state(), story.seen()) == ("planned", 0)
    town.service.forward(minutes=1)
    await story.send()
    assert (await story.state(), story.seen()) == ("sent", 1)


async def test_a_late_word_of_a_claim_thought_lost_still_counts(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = await town.group("wecom_robot")
    carry = worker._carry

    async def slow(errand: sending.Errand) -> Any:
        outcome = await carry(errand)
        town.service.forward(minutes=6)
        await story.tend()
        assert await story.state() == "unknown"
        return outcome

    with monkeypatch.context() as patch:
        patch.setattr(worker, "_carry", slow)
        await story.send()
    assert (await story.state(), story.seen()) == ("sent", 1)
    open_tasks = await town.service.count("task", "state = 'open'")
    assert open_tasks == 0


async def test_a_lost_task_of_a_customer_group_is_found_by_its_text(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = await town.group("wecom_customer_group")
    await killed_at(story, monkeypatch, "after the call")
    town.service.forward(minutes=6)
    await story.tend()
    assert await story.state() == "unknown"
    await worker.check_group_task(delivery_id=story.delivery_id)
    assert await story.state() == "handed_over"
    task = next(iter(town.service.world.corp.tasks.values()))
    answer = await town.service.phone.post(f"/_sandbox/wecom/tasks/{task.msg_id}/confirm")
    assert answer.is_success, answer.text
    await worker.check_group_task(delivery_id=story.delivery_id)
    assert (await story.state(), story.seen()) == ("sent", 1)
    assert timedelta(0) <= utcnow() - at(9, 30) < timedelta(minutes=10)
