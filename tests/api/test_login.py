import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.core import clock
from tests.api.service import Resident, Service


async def code_of(service: Service, user: Mapping[str, Any]) -> str:
    return str((await service.act(user, "mini-code"))["code"])


async def test_a_login_answers_with_a_token_that_works(service: Service) -> None:
    user = await service.user()
    said = await service.ask("POST", "/login/mini", json={"code": await code_of(service, user)})
    assert set(said) == {"token", "expires_at", "is_new", "person"}
    assert said["is_new"] is True
    ahead = datetime.fromisoformat(said["expires_at"]) - clock.utcnow()
    assert timedelta(days=29, hours=23) < ahead <= timedelta(days=30)
    assert said["person"] | {"unit": None} == {
        "id": said["person"]["id"],
        "name": None,
        "org": None,
        "unit": None,
        "rank_visible": False,
        "roles": [],
    }
    me = await service.ask("GET", "/me", headers={"Authorization": f"Bearer {said['token']}"})
    assert me == said["person"]


async def test_the_second_login_meets_the_same_person(service: Service) -> None:
    user = await service.user()
    first = await service.login(user)
    said = await service.ask("POST", "/login/mini", json={"code": await code_of(service, user)})
    assert (said["person"]["id"], said["is_new"]) == (first.id, False)
    assert said["token"] != first.token


async def test_one_code_logs_in_once_even_at_the_same_moment(service: Service) -> None:
    body = {"code": await code_of(service, await service.user())}
    answers = await asyncio.gather(
        *(service.call("POST", "/login/mini", json=body) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    again = await service.call("POST", "/login/mini", json=body)
    assert (again.status_code, again.json()["code"]) == (409, "CodeUsed")
    assert await service.count("person") == 1


async def test_two_phones_of_one_new_resident_make_one_person(service: Service) -> None:
    user = await service.user()
    people = await asyncio.gather(*(service.login(user) for _ in range(4)))
    assert len({one.id for one in people}) == 1
    assert await service.count("person") == 1


async def test_a_code_that_wechat_never_gave_is_400(service: Service) -> None:
    for code in ("never-issued", "有汉字", " ", "a\nb"):
        answer = await service.call("POST", "/login/mini", json={"code": code})
        assert (answer.status_code, answer.json()["code"]) == (400, "CodeInvalid"), code
    assert await service.count("person") == 0


async def test_a_malformed_login_is_422(service: Service) -> None:
    bodies: list[Any] = [{}, {"code": ""}, {"code": 1}, {"code": "x" * 257}, [], None]
    for body in (*bodies, {"code": "x", "openid": "o-me"}):
        answer = await service.call("POST", "/login/mini", json=body)
        assert answer.status_code == 422, body
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.json()["status"], answer.json()["code"]) == (422, "MalformedRequest")


async def test_a_blocked_user_hears_no_reason(service: Service) -> None:
    user = await service.user()
    await service.phone.patch(f"/_sandbox/users/{user['id']}", json={"blocked": True})
    body = {"code": await code_of(service, user)}
    answer = await service.call("POST", "/login/mini", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "LoginBlocked")


async def test_a_wechat_out_of_order_is_503(service: Service) -> None:
    for kind in ("html502", "truncated"):
        fault = {"path": "/sns/jscode2session", "kind": kind}
        assert (await service.phone.post("/_sandbox/faults", json=fault)).is_success
        body = {"code": await code_of(service, await service.user())}
        answer = await service.call("POST", "/login/mini", json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, "WeChatUnavailable"), kind
        assert answer.json()["status"] == 503
        assert int(answer.headers["retry-after"]) >= 1


async def test_an_unknown_token_is_401_with_a_challenge(service: Service) -> None:
    for given in ("", "Bearer", "Bearer ", "Basic abc", "Bearer unknown", "Bearer ü", "unknown"):
        headers = {b"Authorization": given.encode("latin-1")}
        answer = await service.client.get("/api/v1/me", headers=headers)
        assert answer.status_code == 401, given
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"] in {"NotSignedIn", "TokenUnknown"}
        assert answer.json()["title"] == "请先登录"


async def test_a_token_dies_after_30_days_without_use(service: Service, resident: Resident) -> None:
    service.forward(days=29)
    await service.ask("GET", "/me", resident)
    service.forward(days=29)
    await service.ask("GET", "/me", resident)
    service.forward(days=31)
    answer = await service.call("GET", "/me", resident)
    assert (answer.status_code, answer.json()["code"]) == (401, "TokenExpired")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_logout_ends_this_token_only(service: Service, resident: Resident) -> None:
    other = await service.login(resident.user)
    assert (await service.call("POST", "/me/logout", resident)).status_code == 204
    answer = await service.call("GET", "/me", resident)
    assert (answer.status_code, answer.json()["code"]) == (401, "TokenRevoked")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert (await service.ask("GET", "/me", other))["id"] == resident.id
