"""What is coming, and who means to come."""

from typing import Any

from tests.api.service import Service
from tests.api.test_activities import ACTIVITY


async def announce(service: Service, hours: int) -> Any:
    tutor = await service.officer("tutor", "T-1")
    facts = {
        "title": f"院坝会{hours}",
        "starts_at": f"2026-11-24T{hours:02}:00:00+08:00",
        "ends_at": f"2026-11-24T{hours:02}:45:00+08:00",
    }
    answer = await service.call("POST", "/activities", tutor, json={**ACTIVITY, **facts})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_everybody_sees_what_is_coming_and_signs_up(service: Service) -> None:
    made = [await announce(service, hours) for hours in (9, 8, 10)]
    one, other = await service.login(), await service.login()
    path = f"/activities/{made[0]['id']}/sign-up"
    for _ in range(2):
        said = await service.ask("POST", path, one)
        assert said["signed_up"]
    page = await service.ask("GET", "/activities?limit=2", one)
    assert [item["title"] for item in page["items"]] == ["院坝会8", "院坝会9"]
    rest = await service.ask("GET", f"/activities?limit=2&cursor={page['next']}", one)
    assert ([item["title"] for item in rest["items"]], rest["next"]) == (["院坝会10"], None)
    assert [item["signed_up"] for item in page["items"]] == [False, True]
    assert "code" not in page["items"][0], "or one could sign in from home"
    assert page["items"][0]["org"] == {"code": "T-1", "name": "文坪村"}
    seen = await service.ask("GET", "/activities", other)
    assert not any(item["signed_up"] for item in seen["items"])

    for _ in range(2):
        await service.ask("DELETE", path, one)
    seen = await service.ask("GET", "/activities", one)
    assert not any(item["signed_up"] for item in seen["items"])


async def test_there_is_no_signing_up_for_what_has_begun(service: Service) -> None:
    activity = await announce(service, 8)
    one = await service.login()
    service.forward(hours=23)
    answer = await service.call("POST", f"/activities/{activity['id']}/sign-up", one)
    assert (answer.status_code, answer.json()["code"]) == (409, "SignUpOver")
    answer = await service.call("POST", "/activities/999999/sign-up", one)
    assert answer.status_code == 404
    answer = await service.call("GET", "/activities")
    assert answer.status_code == 401
    assert (await service.ask("GET", "/activities", one))["items"] == []


async def test_a_sign_up_is_told_and_forgotten(service: Service) -> None:
    activity = await announce(service, 8)
    one = await service.login()
    await service.ask("POST", f"/activities/{activity['id']}/sign-up", one)
    held = await service.ask("GET", "/me/export", one)
    assert [row["activity"] for row in held["learning"]["sign_ups"]] == ["院坝会8"]
    await service.ask("DELETE", "/me", one)
    assert await service.count("sign_up") == 0
