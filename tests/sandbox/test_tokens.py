import re

import httpx
import pytest

from app.core import clock
from app.core.settings import Settings
from tests.sandbox.platform import Platform, travel

RID = r" rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$"


@pytest.fixture
def query(settings: Settings) -> dict[str, str]:
    oa = settings.wechat.oa
    return {"grant_type": "client_credential", "appid": oa.appid, "secret": oa.secret}


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"grant_type": "x"}, 40002),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"appid": "wx1"}, 40013),
        ({"secret": "wrong"}, 40125),
    ],
)
async def test_both_families_refuse_bad_credentials(
    client: httpx.AsyncClient, query: dict[str, str], changed: dict[str, str], errcode: int
) -> None:
    legacy = await client.get("/cgi-bin/token", params=query | changed)
    stable = await client.post("/cgi-bin/stable_token", json=query | changed)
    assert legacy.status_code == stable.status_code == 200
    assert legacy.json()["errcode"] == stable.json()["errcode"] == errcode

    assert re.search(RID, legacy.json()["errmsg"])


async def use(client: httpx.AsyncClient, token: str) -> int:
    answer = await client.get("/cgi-bin/getcallbackip", params={"access_token": token})
    return int(answer.json().get("errcode", 0))


async def test_a_legacy_token_pushes_out_the_one_before_after_five_minutes(
    client: httpx.AsyncClient, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (await client.get("/cgi-bin/token", params=query)).json()
    second = (await client.get("/cgi-bin/token", params=query)).json()
    assert first["access_token"] != second["access_token"]
    assert first["expires_in"] == 7200
    assert await use(client, first["access_token"]) == 0
    travel(monkeypatch, 301)
    assert await use(client, first["access_token"]) == 40001
    assert await use(client, second["access_token"]) == 0
    travel(monkeypatch, 7000)
    assert await use(client, second["access_token"]) == 42001


async def test_a_stable_token_stays_until_five_minutes_before_its_end(
    client: httpx.AsyncClient, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fetch(**more: bool) -> dict[str, object]:
        answer = await client.post("/cgi-bin/stable_token", json=query | more)
        return dict(answer.json())

    first = await fetch()
    assert (await fetch())["access_token"] == first["access_token"]
    travel(monkeypatch, 6890)
    kept = await fetch()
    assert kept["access_token"] == first["access_token"]
    assert kept["expires_in"] in {309, 310}
    travel(monkeypatch, 20)
    renewed = await fetch()
    assert renewed["access_token"] != first["access_token"]
    assert await use(client, str(first["access_token"])) == 0
    travel(monkeypatch, 301)
    assert await use(client, str(first["access_token"])) == 40001


async def test_the_families_do_not_invalidate_each_other(
    client: httpx.AsyncClient,
    platform: Platform,
    query: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stable = await platform.token()
    for _ in range(3):
        await client.get("/cgi-bin/token", params=query)
    travel(monkeypatch, 400)
    assert await use(client, stable) == 0


async def test_two_forced_refreshes_half_a_minute_apart_kill_a_leaked_token(
    client: httpx.AsyncClient, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def force() -> str:
        body = query | {"force_refresh": True}
        return str((await client.post("/cgi-bin/stable_token", json=body)).json()["access_token"])

    leaked = (await client.post("/cgi-bin/stable_token", json=query)).json()["access_token"]
    first = await force()
    assert first != leaked
    assert await force() == first, "too soon: not refreshed"
    travel(monkeypatch, 31)
    assert await force() != first
    assert await use(client, leaked) == 40001
    assert await use(client, first) == 0


async def test_force_refresh_has_a_daily_quota(
    client: httpx.AsyncClient, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # From noon on: eleven minutes of trying must not see midnight, when the quota begins anew.
    hour = clock.real_now().astimezone(clock.TOWN).hour
    travel(monkeypatch, (12 - hour) % 24 * 3600)
    errcodes = []
    for _ in range(21):
        body = query | {"force_refresh": True}
        answer = (await client.post("/cgi-bin/stable_token", json=body)).json()
        errcodes.append(answer.get("errcode", 0))
        travel(monkeypatch, 31)
    assert errcodes == [0] * 20 + [45009]


async def test_stable_token_wants_json_by_post(
    client: httpx.AsyncClient, query: dict[str, str]
) -> None:
    path = "/cgi-bin/stable_token"
    assert (await client.get(path, params=query)).json()["errcode"] == 43002
    assert (await client.post(path)).json()["errcode"] == 44002
    assert (await client.post(path, data=query)).json()["errcode"] == 47001
    assert (await client.post(path, content="é".encode("latin-1"))).json()["errcode"] == 47001
    assert (await client.post(path, content=b"[" * 100_000)).json()["errcode"] == 47001


async def test_calls_without_a_good_token_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/cgi-bin/menu/get")).json()["errcode"] == 41001
    assert await use(client, "short") == 40014
    assert await use(client, "a" * 512) == 40001


async def test_the_whitelist_names_the_address_and_spares_the_mini_program(
    platform: Platform, client: httpx.AsyncClient, query: dict[str, str], settings: Settings
) -> None:
    await platform.knob("oa", allowed_ips=["10.0.0.1"])
    refused = (await client.get("/cgi-bin/token", params=query)).json()
    assert refused["errcode"] == 40164
    assert "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist" in refused["errmsg"]
    await platform.knob("mini", allowed_ips=["10.0.0.1"])
    mini = settings.wechat.mini
    query = query | {"appid": mini.appid, "secret": mini.secret}
    assert "access_token" in (await client.get("/cgi-bin/token", params=query)).json()


async def test_tokens_can_be_made_short_lived_and_ended_at_once(
    platform: Platform, client: httpx.AsyncClient, settings: Settings
) -> None:
    await platform.knob("oa", token_seconds=10)
    token = await platform.token()
    path = f"/_sandbox/accounts/{settings.wechat.oa.appid}/tokens"
    assert (await client.post(path, json={"how": "expire"})).json() == {"ended": 1}
    assert await use(client, token) == 42001
    fresh = await platform.token()
    assert fresh != token
    await client.post(path, json={"how": "replace"})
    assert await use(client, fresh) == 40001
    assert await use(client, await platform.token()) == 0


async def test_the_legacy_quota_of_a_day_is_two_thousand(
    client: httpx.AsyncClient, query: dict[str, str]
) -> None:
    answers = [(await client.get("/cgi-bin/token", params=query)).json() for _ in range(2001)]
    assert "access_token" in answers[1999]
    assert answers[2000]["errcode"] == 45009
