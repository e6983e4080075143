from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core import exchange
from app.core.settings import QQ
from app.qq import errors
from app.qq.client import QQClient
from app.qq.groups import send_group_text
from tests.sandbox.companies import (
    BOT,
    add_fault,
    make_group,
    qq_client,
    read_group,
    running,
)
from tests.sandbox.platform import travel

OPENID = "C4D42A9BB6CEB3F316B2E8C6EBD67F54"


@pytest.fixture
def qq(sandbox: FastAPI) -> QQClient:
    return qq_client(sandbox)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second is long for this machine, and shorter than the fault."""
    monkeypatch.setattr(exchange, "CALL_SECONDS_MAX", 0.5)


@pytest.fixture
async def group(admin: httpx.AsyncClient) -> dict[str, Any]:
    return await make_group(admin, "qq_bot", address=OPENID, allow_proactive=True)


async def say(qq: QQClient, msg_id: str | None = None, *, seq: int = 1) -> str:
    return await send_group_text(
        qq, group_openid=OPENID, text="今日一课", msg_id=msg_id, msg_seq=seq
    )


async def heard(admin: httpx.AsyncClient, group: dict[str, Any]) -> str:
    body = {"user": "槐小花", "text": "@学堂 今天学什么"}
    answer = await admin.post(f"/_sandbox/groups/{group['id']}/forward", json=body)
    return str(answer.json()["msg_id"])


async def test_the_bot_speaks_first_only_where_it_may(
    qq: QQClient, admin: httpx.AsyncClient, group: dict[str, Any]
) -> None:
    said = await say(qq)
    assert [one["msg_id"] for one in await read_group(admin, group)] == [said]
    await admin.patch(f"/_sandbox/groups/{group['id']}", json={"allow_proactive": False})
    with pytest.raises(errors.ProactiveRefused):
        await say(qq)
    await say(qq, await heard(admin, group))


async def test_five_answers_in_five_minutes_each_with_its_number(
    qq: QQClient,
    admin: httpx.AsyncClient,
    group: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = await heard(admin, group), await heard(admin, group)
    for seq in range(1, 6):
        await say(qq, first, seq=seq)
    with pytest.raises(errors.QQDuplicate):
        await say(qq, first, seq=5)
    with pytest.raises(errors.ReplyWindowClosed):
        await say(qq, first, seq=6)
    with pytest.raises(errors.ReplyWindowClosed):
        await say(qq, "unknown")
    travel(monkeypatch, 301)
    with pytest.raises(errors.ReplyWindowClosed):
        await say(qq, second)
    assert [one["by"] for one in await read_group(admin, group)] == ["member"] * 2 + ["robot"] * 5


async def test_a_bot_thrown_out(
    qq: QQClient, admin: httpx.AsyncClient, group: dict[str, Any]
) -> None:
    await admin.post(f"/_sandbox/groups/{group['id']}/remove")
    with pytest.raises(errors.QQGroupClosed):
        await say(qq)
    await admin.post(f"/_sandbox/groups/{group['id']}/restore")
    await say(qq)


async def test_a_token_that_ended_is_renewed(
    qq: QQClient, sandbox: FastAPI, admin: httpx.AsyncClient, group: dict[str, Any]
) -> None:
    await say(qq)
    await admin.post("/_sandbox/qq/end-token")
    await say(qq)
    assert len(await read_group(admin, group)) == 2
    for wrong in ({"client_secret": "wrong"}, {"app_id": "1"}):
        with pytest.raises(errors.QQMisconfigured):
            await say(qq_client(sandbox, BOT.model_copy(update=wrong)))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("html502", "no JSON"),
        ("truncated", "no JSON"),
        ("reset", "RemoteProtocolError"),
        ("latency", "TimeoutError"),
    ],
)
async def test_a_lost_answer_may_be_done_and_an_answer_can_be_repeated_safely(
    sandbox: FastAPI, admin: httpx.AsyncClient, kind: str, reason: str
) -> None:
    group = await make_group(admin, "qq_bot", address=OPENID)
    question = await heard(admin, group)
    await add_fault(admin, "/v2/groups/*", kind, seconds=1)
    async with running(sandbox) as address:
        bases = {"api_url": address, "token_url": address}
        qq = QQClient(QQ.model_validate({**BOT.model_dump(), **bases}))
        with pytest.raises(errors.QQUnavailable) as found:
            await say(qq, question)
        with pytest.raises(errors.QQDuplicate):
            await say(qq, question)
        await qq.aclose()
    assert found.value.facts == {"reason": reason, "maybe_done": True}
    assert len(await read_group(admin, group)) == 2


async def test_an_error_on_demand(
    qq: QQClient, admin: httpx.AsyncClient, group: dict[str, Any]
) -> None:
    await add_fault(admin, "/v2/groups/*", "errcode", errcode=40034105)
    with pytest.raises(errors.ProactiveRefused):
        await say(qq)
    assert await read_group(admin, group) == []
    calls = (await admin.get("/_sandbox/calls")).json()
    assert calls[-1]["errcode"] == 40034105
    assert calls[-1]["path"] == f"/v2/groups/{OPENID}/messages"
