"""What WeChat never sent: refused, with no effect and never a 5xx."""

import asyncio
import random

from app.core import clock
from app.flows import chat
from app.wechat.envelope import BODY_BYTES_MAX
from tests.api.callbacks import MINI, OA, Push, opened, push, rows, sealed, text_of
from tests.api.service import MORNING, Service
from tests.wechat.pushes import OTHER_KEY, enclosed, plain, raw_sealed
from tests.wechat.test_envelope_mutated import mutated


async def test_forged_stale_and_foreign_pushes_are_refused(service: Service) -> None:
    query, body = sealed(text_of())
    old = sealed(text_of(), now=MORNING.replace(hour=1))
    unsigned = {name: value for name, value in query.items() if name != "msg_signature"}
    half = raw_sealed(b"x" * 32)
    cases: list[tuple[Push, int]] = [
        ((query | {"msg_signature": "0" * 40}, body), 403),
        ((query | {"msg_signature": "é" * 40}, body), 403),
        ((query | {"timestamp": str(int(query["timestamp"]) + 1)}, body), 403),
        ((query | {"nonce": "another"}, body), 403),
        ((unsigned, body), 403),
        (({}, body), 403),
        (old, 403),
        (sealed(text_of(), appid="wxffffffffffffffff"), 403),
        (sealed(text_of(), appid=MINI.appid), 403),
        (sealed(text_of(), key=OTHER_KEY), 400),
        (sealed(text_of(), token="another"), 403),
        (enclosed(OA.token, half, now=clock.utcnow()), 400),
        ((plain(OA, now=clock.utcnow()), text_of().encode()), 403),
        ((query, body[: len(body) // 2]), 400),
        ((query, b""), 400),
        ((query, b"\xff\xfe"), 400),
        ((query, "这不是 XML".encode()), 400),
        ((query, b"<xml><Encrypt>" + b"x" * BODY_BYTES_MAX + b"</Encrypt></xml>"), 400),
        ((query, b"x" * 300_000), 413),
    ]
    for number, (one, status) in enumerate(cases):
        answer = await push(service, one)
        assert answer.status_code == status, (number, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await push(service, (query, body), appid="wx-nobody")).status_code == 404
    assert (await push(service, (query, body), appid=MINI.appid)).status_code == 403
    assert await rows(service) == (0, 0, 0)
    # And the genuine one still is.
    assert opened(service, await push(service, (query, body)))["Content"] == chat.HELP


async def test_everything_the_stand_in_can_forge_is_refused(service: Service) -> None:
    user = await service.user()
    schema = service.sandbox.openapi()["components"]["schemas"]["Forgery"]
    for kind in schema["properties"]["kind"]["enum"]:
        for appid in (None, MINI.appid):
            said = await service.act(user, "forge", kind=kind, appid=appid)
            assert said["status"] in {400, 403, 413}, (kind, said)
            assert said["ms"] < 5000
    assert await rows(service) == (0, 0, 0)


async def test_genuine_pushes_of_a_broken_inside_are_refused(service: Service) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><xml><A>&b;</A></xml>'
    for inside in (bomb, "no xml", "[]"):
        answer = await push(service, sealed(inside))
        assert (answer.status_code, answer.json()["code"]) == (400, "Malformed"), inside
    assert await rows(service) == (0, 0, 0)


async def test_a_genuine_push_without_sense_is_kept_for_a_replay(service: Service) -> None:
    without_id = text_of().replace("<MsgId>1</MsgId>", "")
    odd = ("<xml><MsgType>text</MsgType></xml>", "{}", without_id)
    for inside in odd:
        for _ in range(2):
            answer = await push(service, sealed(inside))
            assert (answer.status_code, answer.text) == (200, "success"), inside
    assert await service.count("wechat_inbox", "state = 'failed'") == len(odd)
    assert await service.count("person") == 0


async def test_a_thousand_mutations_have_no_effect_of_their_own(service: Service) -> None:
    chance = random.Random(20261123)  # noqa: S311  the same thousand every time
    query, body = sealed(text_of("学分"))
    counted = {200: 0, 400: 0, 403: 0, 422: 0}

    async def one_of_them() -> None:
        changed, name = dict(query), chance.choice(sorted(query))
        content = body
        if chance.random() < 0.4:
            changed[name] = mutated(query[name].encode(), chance).decode("latin-1")
        else:
            content = mutated(body, chance)
        if chance.random() < 0.05:
            del changed[chance.choice(sorted(changed))]
        answer = await push(service, (changed, content))
        counted[answer.status_code] += 1

    for _ in range(100):
        await asyncio.gather(*(one_of_them() for _ in range(10)))
    assert sum(counted.values()) == 1000
    assert counted[400] > 100
    assert counted[403] > 100
    kept = await rows(service)
    # A mutation may leave what is signed alone: then it is the message itself, once.
    assert kept == ((1, 1, 1) if counted[200] else (0, 0, 0))
    assert counted[200] < 200
    opened(service, await push(service, (query, body)))
    assert await rows(service) == (1, 1, 1)
