"""What WeChat calls: each genuine push has its one effect and hears its one answer."""

import asyncio
import json
import re

import pytest
import xmltodict
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import clock
from app.core.db import transaction
from app.core.settings import OfficialAccount, Settings, WeChat
from app.flows import chat, inbound
from app.wechat import inbox
from tests.api.callbacks import MINI, OA, event_of, opened, push, rows, sealed, text_of
from tests.api.service import MORNING, Service, running
from tests.wechat.pushes import OTHER_KEY, plain, safe


async def test_verification_echoes_the_bare_text(service: Service) -> None:
    for account in (OA, MINI):
        query = plain(account, now=clock.utcnow(), echostr="5927782489442352469")
        answer = await service.client.get(f"/wechat/{account.appid}", params=query)
        assert (answer.status_code, answer.text) == (200, "5927782489442352469")
        assert answer.headers["content-type"].startswith("text/plain")
        late = plain(account, echostr="1")
        wrong: list[tuple[dict[str, str], int]] = [
            (query | {"signature": "0" * 40}, 403),
            (query | {"echostr": "<script>"}, 400),
            (query | {"timestamp": late["timestamp"]}, 403),
            ({}, 403),
        ]
        for asked, status in wrong:
            answer = await service.client.get(f"/wechat/{account.appid}", params=asked)
            assert answer.status_code == status, asked
    answer = await service.client.get("/wechat/wx-nobody", params=query)
    assert (answer.status_code, answer.json()["code"]) == (404, "NoSuchAccount")


async def test_a_genuine_message_is_answered_once_and_the_same(service: Service) -> None:
    one = sealed(text_of())
    first = opened(service, await push(service, one))
    assert (first["ToUserName"], first["FromUserName"]) == ("o-resident-1", OA.original_id)
    assert (first["MsgType"], first["Content"]) == ("text", chat.HELP)
    assert await rows(service) == (1, 1, 1)
    # Sent again, byte for byte, and once more signed anew: the answer of the first time.
    service.forward(seconds=5)
    for again in (one, sealed(text_of())):
        assert opened(service, await push(service, again)) == first
    assert await rows(service) == (1, 1, 1)


async def test_the_same_message_thrice_at_once(service: Service) -> None:
    one = sealed(event_of("subscribe", "qrscene_v:T-1"))
    answers = await asyncio.gather(*(push(service, one) for _ in range(3)))
    replies = [opened(service, answer) for answer in answers]
    assert replies[0] == replies[1] == replies[2]
    assert "文坪村" in replies[0]["Content"]
    assert await rows(service) == (1, 1, 1)
    assert await service.count("procrastinate_jobs") == 1
    assert await service.count("identity", "subscribed") == 1


async def test_two_events_of_one_second_are_two(service: Service) -> None:
    both = (sealed(event_of("CLICK", "credits")), sealed(event_of("CLICK", "help")))
    answers = await asyncio.gather(*(push(service, one) for one in both))
    said = [opened(service, answer)["Content"] for answer in answers]
    assert "称号" in said[0]
    assert said[1] == chat.HELP
    assert await rows(service) == (2, 1, 1)


async def test_kinds_nobody_answers_to_are_kept_and_hear_success(service: Service) -> None:
    silent = (
        event_of("LOCATION", Latitude="29.9"),
        event_of("an_event_of_next_year", "key"),
        event_of("VIEW", "https://x.cn"),
        event_of("unsubscribe"),
        event_of("TEMPLATESENDJOBFINISH", MsgID="7", Status="success"),
        event_of("user_info_modified", OpenID="o-2"),
    )
    for one in silent:
        answer = await push(service, sealed(one))
        assert (answer.status_code, answer.text) == (200, "success"), one
        assert answer.headers["content-type"].startswith("text/plain")
    assert await service.count("wechat_inbox", "state = 'answered'") == len(silent)
    assert await service.count("person") == 0
    picture = text_of().replace("text]]", "image]]")
    assert "只看得懂文字" in opened(service, await push(service, sealed(picture)))["Content"]


async def test_a_reply_keeps_its_cdata_closed(service: Service) -> None:
    await service.lesson(title="防骗]]><evil>1</evil>")
    inside = opened(service, await push(service, sealed(text_of("今日"))))
    assert set(inside) == {"ToUserName", "FromUserName", "CreateTime", "MsgType", "Content"}
    assert "《防骗]]><evil>1</evil>》" in inside["Content"]


async def test_plain_fields_beside_the_cipher_are_not_believed(service: Service) -> None:
    """兼容模式: nothing signs them."""
    query, body = sealed(text_of("帮助"))
    mixed = text_of("学分", msg_id=2, openid="o-somebody-else").encode()
    mixed = mixed.replace(b"</xml>", b"") + body.removeprefix(b"<xml>")
    assert opened(service, await push(service, (query, mixed)))["Content"] == chat.HELP
    assert await service.count("wechat_inbox", "openid = 'o-resident-1'") == 1
    assert await rows(service) == (1, 1, 1)


async def test_the_mini_program_speaks_json_and_hears_success(service: Service) -> None:
    message = {
        "ToUserName": "gh_mini",
        "FromUserName": "o-mini-1",
        "CreateTime": int(MORNING.timestamp()),
        "MsgType": "text",
        "Content": "学分",
        "MsgId": 9_007_199_254_740_993,
    }
    one = safe(MINI, json.dumps(message), now=clock.utcnow(), as_json=True)
    for _ in range(2):
        answer = await push(service, one, MINI.appid, "application/json")
        assert (answer.status_code, answer.text) == (200, "success")
    assert await rows(service) == (1, 1, 1)
    assert await service.count("wechat_inbox", "key LIKE '%9007199254740993%'") == 1


async def test_withdrawn_consent_erases(service: Service) -> None:
    resident = await service.login()
    await service.ask("PATCH", "/me", resident, json={"name": "槐小花"})
    await service.act(resident.user, "revoke")
    assert (await service.call("GET", "/me", resident)).status_code == 401
    assert await service.count("identity") == 0
    assert await service.count("person", "name IS NOT NULL") == 0


async def test_plain_mode_only_where_it_is_allowed(settings: Settings) -> None:
    one = (plain(OA, now=MORNING), text_of().encode())
    oa = OfficialAccount(allow_plain=True)
    allowed = settings.model_copy(update={"wechat": WeChat(oa=oa)})
    async with running(allowed) as service:
        answer = await push(service, one)
        assert answer.status_code == 200
        assert xmltodict.parse(answer.text)["xml"]["Content"] == chat.HELP
        assert await service.count("wechat_inbox") == 1


async def test_the_old_token_and_key_still_count_during_rotation(settings: Settings) -> None:
    oa = OfficialAccount(
        token="newtoken", aes_key=OTHER_KEY, previous_token=OA.token, previous_aes_key=OA.aes_key
    )
    rotating = settings.model_copy(update={"wechat": WeChat(oa=oa)})
    async with running(rotating) as service:
        for number, (token, key) in enumerate(
            [("newtoken", OTHER_KEY), (OA.token, OA.aes_key), ("newtoken", OA.aes_key)]
        ):
            one = sealed(text_of(msg_id=number), token=token, key=key)
            # The reply is always under the new ones.
            assert opened(service, await push(service, one))["Content"] == chat.HELP
        query = plain(OA, now=clock.utcnow(), echostr="42")
        assert (await service.client.get(f"/wechat/{OA.appid}", params=query)).text == "42"
        wrong = sealed(text_of(), token="older", key=OA.aes_key)
        assert (await push(service, wrong)).status_code == 403


async def test_our_own_error_is_success_and_can_be_replayed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await service.user()
    await service.act(user, "follow")
    healthy = chat.credits_text

    async def broken(session: AsyncSession, **_: object) -> None:
        # The worst kind: PostgreSQL refuses everything until the savepoint is left.
        await session.execute(text("SELECT nonsense FROM nowhere"))

    monkeypatch.setattr(chat, "credits_text", broken)
    outcome = await service.act(user, "text", text="学分")
    assert (outcome["delivered"], outcome["reply"], outcome["error"]) == (True, None, None)
    failed = "state = 'failed' AND attempts = 1 AND reply IS NULL"
    assert await service.count("wechat_inbox", failed) == 1
    metrics = (await service.call("GET", "/metrics")).text
    found = re.search(r"^shoushan_wechat_callback_failures_total (\d+)", metrics, re.MULTILINE)
    assert found is not None
    assert float(found[1]) >= 1

    async with transaction() as session:
        (waiting,) = await inbox.list_failed(session)
        assert waiting.error == ProgrammingError.__name__
    monkeypatch.setattr(chat, "credits_text", healthy)
    async with transaction() as session:
        replayed = await inbound.replay(
            session,
            accounts=service.settings.wechat,
            inbound_id=waiting.id,
            now=clock.utcnow(),
        )
        assert replayed.reply is not None
        assert "称号" in replayed.reply
    assert await service.count("wechat_inbox", "state = 'answered' AND attempts = 2") == 1
    with pytest.raises(inbox.NothingToReplay):
        async with transaction() as session:
            await inbound.replay(
                session,
                accounts=service.settings.wechat,
                inbound_id=waiting.id,
                now=clock.utcnow(),
            )
