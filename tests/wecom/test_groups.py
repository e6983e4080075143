from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI

from app.core import clock
from app.sandbox.world import World
from app.wecom import errors
from app.wecom.app_messages import send_app_text
from app.wecom.client import WeComClient
from app.wecom.groups import (
    GroupTask,
    add_group_task,
    cancel_group_task,
    find_group_task,
    get_group_results,
    remind_group_task,
)
from tests.sandbox.companies import add_fault, make_group, read_group, wecom_client

TEXT = "今日一课：接到“公检法”电话怎么办"
LINK = {"title": "今日一课", "url": "https://xuexi.example/t/1", "desc": "三分钟"}
OWNER = "huai.shu"


@pytest.fixture
def wecom(sandbox: FastAPI) -> WeComClient:
    return wecom_client(sandbox)


@pytest.fixture
async def groups(admin: httpx.AsyncClient) -> list[dict[str, str]]:
    kind = "wecom_customer_group"
    return [await make_group(admin, kind, address=f"wr{n}", owner=OWNER) for n in (1, 2)]


async def ask(wecom: WeComClient, *chat_ids: str, text: str = TEXT) -> GroupTask:
    return await add_group_task(wecom, sender=OWNER, chat_ids=chat_ids, text=text, link=LINK)


async def statuses(wecom: WeComClient, task: GroupTask) -> list[int]:
    results = await get_group_results(wecom, msg_id=task.msg_id, userid=OWNER)
    return [one.status for one in results]


async def test_a_task_is_sent_when_its_owner_confirms(
    wecom: WeComClient, admin: httpx.AsyncClient, groups: list[dict[str, str]]
) -> None:
    task = await ask(wecom, "wr1", "wr2", "wr3")
    assert task.failed == ("wr3",)
    assert await statuses(wecom, task) == [0, 0]
    assert await read_group(admin, groups[0]) == []
    answer = await admin.post(f"/_sandbox/wecom/tasks/{task.msg_id}/confirm")
    assert answer.json()["state"] == "sent"
    results = await get_group_results(wecom, msg_id=task.msg_id, userid=OWNER)
    assert [(one.chat_id, one.status) for one in results] == [("wr1", 1), ("wr2", 1)]
    assert all(one.sent_at is not None for one in results)
    said = (await read_group(admin, groups[1]))[-1]
    assert (said["by"], said["content"]["text"]) == ("owner", TEXT)
    assert said["content"]["articles"][0]["url"] == LINK["url"]
    again = await admin.post(f"/_sandbox/wecom/tasks/{task.msg_id}/confirm")
    assert again.status_code == 409


async def test_a_task_refused_or_cancelled_stays_unsent(
    wecom: WeComClient, admin: httpx.AsyncClient, groups: list[dict[str, str]]
) -> None:
    refused, cancelled = await ask(wecom, "wr1"), await ask(wecom, "wr1")
    await admin.post(f"/_sandbox/wecom/tasks/{refused.msg_id}/refuse")
    path = "/cgi-bin/externalcontact/cancel_groupmsg_send"
    await wecom.call(path, json={"msgid": cancelled.msg_id})
    for task in (refused, cancelled):
        assert await statuses(wecom, task) == [0]
        answer = await admin.post(f"/_sandbox/wecom/tasks/{task.msg_id}/confirm")
        assert answer.status_code == 409
    assert await read_group(admin, groups[0]) == []


async def test_a_group_takes_as_many_a_month_as_the_month_has_days(
    wecom: WeComClient,
    sandbox: FastAPI,
    admin: httpx.AsyncClient,
    groups: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "utcnow", lambda: datetime(2026, 11, 23, tzinfo=UTC))
    world: World = sandbox.state.world
    world.groups[groups[0]["id"]].tasks_received += [datetime(2026, 11, 1, tzinfo=UTC)] * 29
    tasks = [await ask(wecom, "wr1", "wr2") for _ in range(2)]
    for task in tasks:
        await admin.post(f"/_sandbox/wecom/tasks/{task.msg_id}/confirm")
    assert [await statuses(wecom, task) for task in tasks] == [[1, 1], [3, 1]]
    monkeypatch.setattr(clock, "utcnow", lambda: datetime(2026, 11, 30, 16, tzinfo=UTC))
    december = await ask(wecom, "wr1")
    await admin.post(f"/_sandbox/wecom/tasks/{december.msg_id}/confirm")
    assert await statuses(wecom, december) == [1]


async def test_a_group_dissolved_meanwhile_is_2(
    wecom: WeComClient, admin: httpx.AsyncClient, groups: list[dict[str, str]]
) -> None:
    task = await ask(wecom, "wr1")
    await admin.post(f"/_sandbox/groups/{groups[0]['id']}/remove")
    await admin.post(f"/_sandbox/wecom/tasks/{task.msg_id}/confirm")
    assert await statuses(wecom, task) == [2]
    with pytest.raises(errors.NobodyToSend):
        await ask(wecom, "wr1")


@pytest.mark.usefixtures("groups")
async def test_an_owner_is_reminded_three_times_a_day(
    wecom: WeComClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await ask(wecom, "wr1")
    for _ in range(3):
        await remind_group_task(wecom, msg_id=task.msg_id)
    with pytest.raises(errors.WeComRateLimited):
        await remind_group_task(wecom, msg_id=task.msg_id)
    tomorrow = clock.utcnow() + timedelta(hours=24, seconds=1)
    monkeypatch.setattr(clock, "utcnow", lambda: tomorrow)
    await remind_group_task(wecom, msg_id=task.msg_id)
    with pytest.raises(errors.GroupTaskGone):
        await remind_group_task(wecom, msg_id="msg-unknown")


@pytest.mark.usefixtures("groups")
async def test_a_cancelled_task_cannot_be_sent_any_more(
    wecom: WeComClient, admin: httpx.AsyncClient
) -> None:
    task = await ask(wecom, "wr1")
    for _ in range(2):
        await cancel_group_task(wecom, msg_id=task.msg_id)
    confirmed = await admin.post(f"/_sandbox/wecom/tasks/{task.msg_id}/confirm")
    assert confirmed.status_code == 409
    with pytest.raises(errors.GroupTaskGone):
        await cancel_group_task(wecom, msg_id="msg-unknown")


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize("fault", ["html502", "truncated"])
async def test_a_task_whose_answer_was_lost_is_found_by_its_text(
    wecom: WeComClient, admin: httpx.AsyncClient, fault: str
) -> None:
    since = clock.utcnow()
    for number in range(101):  # more than a page
        await ask(wecom, "wr1", text=f"第 {number} 课")
    await add_fault(admin, "/cgi-bin/externalcontact/add_msg_template", fault)
    with pytest.raises(errors.WeComUnavailable) as lost:
        await ask(wecom, "wr1")
    assert lost.value.maybe_done

    async def find(sender: str, text: str, until: datetime) -> str | None:
        return await find_group_task(wecom, sender=sender, text=text, since=since, until=until)

    now = clock.utcnow()
    tasks = (await admin.get("/_sandbox/wecom/tasks")).json()
    assert await find(OWNER, TEXT, now) == tasks[-1]["msg_id"]
    assert await find(OWNER, TEXT[:-1], now) is None
    assert await find("somebody.else", TEXT, now) is None
    assert await find(OWNER, TEXT, since - timedelta(seconds=2)) is None


@pytest.mark.parametrize("link", [None, LINK])
@pytest.mark.usefixtures("groups")
async def test_limits_of_a_task(wecom: WeComClient, link: dict[str, str] | None) -> None:
    async def add(text: str, sender: str = OWNER) -> GroupTask:
        return await add_group_task(wecom, sender=sender, chat_ids=["wr1"], text=text, link=link)

    assert (await add("x" * 4000)).msg_id
    with pytest.raises(errors.WeComTooLong):
        await add("x" * 4001)
    with pytest.raises(errors.RecipientInvalid):
        await add("x", sender="nobody")
    with pytest.raises(errors.WeComMessageInvalid):
        await add("x", sender="")


async def test_an_app_message_reaches_a_member_once(
    wecom: WeComClient, admin: httpx.AsyncClient
) -> None:
    await admin.post("/_sandbox/wecom/members", json={"userid": OWNER, "name": "槐树叔"})
    for text in ("今天值班", "今天值班", "明天值班"):
        await send_app_text(wecom, userid=OWNER, text=text)
    members = (await admin.get("/_sandbox/wecom/members")).json()
    assert [one["content"]["text"] for one in members[0]["messages"]] == ["今天值班", "明天值班"]
    with pytest.raises(errors.RecipientInvalid):
        await send_app_text(wecom, userid="nobody", text="x")
    with pytest.raises(errors.WeComTooLong):
        await send_app_text(wecom, userid=OWNER, text="x" * 2049)


@pytest.mark.usefixtures("groups")
async def test_knobs_of_the_company(
    wecom: WeComClient, sandbox: FastAPI, admin: httpx.AsyncClient
) -> None:
    await ask(wecom, "wr1")
    await admin.post("/_sandbox/wecom/end-token")
    await ask(wecom, "wr1")
    await admin.patch("/_sandbox/wecom", json={"trusted": False})
    with pytest.raises(errors.AddressNotTrusted) as found:
        await ask(wecom, "wr1")
    assert found.value.facts["ip"] == "127.0.0.1"
    wrong = wecom.settings.model_copy(update={"secret": "wrong"})
    with pytest.raises(errors.WeComTokenRefused):
        await ask(wecom_client(sandbox, wrong), "wr1")
    wrong = wecom.settings.model_copy(update={"corp_id": "ww1"})
    with pytest.raises(errors.WeComMisconfigured):
        await ask(wecom_client(sandbox, wrong), "wr1")
