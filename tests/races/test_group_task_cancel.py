"""A customer group's task that nobody wants any more is taken from its owner before another."""

from collections.abc import AsyncIterator

import pytest

from app.core.clock import utcnow
from app.core.db import transaction
from app.flows import delivery_acts
from app.push.acts import GroupTaskOpen
from app.worker import deliveries as worker
from tests.api.service import set_clock
from tests.factories.pushing import TOMORROW, at
from tests.races.delivery_town import Story, Town, open_town
from tests.sandbox.companies import add_fault


@pytest.fixture
async def town(
    database_url_of_its_own: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Town]:
    async with open_town(database_url_of_its_own, monkeypatch) as town:
        yield town


async def act(town: Town, story: Story, name: str) -> None:
    async with transaction() as session:
        await getattr(delivery_acts, name)(
            session,
            delivery_id=story.delivery_id,
            by_id=town.owner.id,
            reason="群主没有回应",
            now=utcnow(),
        )


async def test_given_up_it_is_cancelled_before_it_is_tried_again(town: Town) -> None:
    story = await town.group("wecom_customer_group")
    await story.send()
    await act(town, story, "give_up")
    with pytest.raises(GroupTaskOpen):
        await act(town, story, "retry")
    await story.tend()
    # Its answer is lost: the next minute asks again.
    path = "/cgi-bin/externalcontact/cancel_groupmsg_send"
    await add_fault(town.service.phone, path, "errcode", errcode=-1, count=9)
    await worker.check_group_task(delivery_id=story.delivery_id)
    with pytest.raises(GroupTaskOpen):
        await act(town, story, "retry")
    await town.service.phone.delete("/_sandbox/faults")
    await worker.check_group_task(delivery_id=story.delivery_id)
    await act(town, story, "retry")
    await story.send()
    states = [one.state for one in town.service.world.corp.tasks.values()]
    assert (states, await story.state()) == (["cancelled", "waiting"], "handed_over")


async def test_what_the_owner_sent_all_the_same_counts(town: Town) -> None:
    story = await town.group("wecom_customer_group")
    await story.send()
    (task,) = town.service.world.corp.tasks.values()
    answer = await town.service.phone.post(f"/_sandbox/wecom/tasks/{task.msg_id}/confirm")
    assert answer.is_success
    await act(town, story, "give_up")
    await worker.check_group_task(delivery_id=story.delivery_id)
    assert await story.state() == "sent"


async def test_nobody_can_send_yesterdays(town: Town) -> None:
    story = await town.group("wecom_customer_group")
    await story.send()
    set_clock(at(0, 1, day=TOMORROW))
    await story.tend()
    waiting = "task_name = 'push.check_group_task' and queueing_lock like 'cancel:%'"
    assert await town.service.count("procrastinate_jobs", waiting) == 1
    await worker.check_group_task(delivery_id=story.delivery_id)
    (task,) = town.service.world.corp.tasks.values()
    assert (task.state, await story.state()) == ("cancelled", "failed")
