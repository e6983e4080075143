from typing import Any

from tests.api.service import Resident, Service

ACTIVITY: dict[str, Any] = {
    "title": "反诈宣讲",
    "platform": "微讲堂",
    "org_code": "T-1",
    "starts_at": "2026-11-23T10:00:00+08:00",
    "ends_at": "2026-11-23T11:30:00+08:00",
}


async def announced(service: Service, tutor: Resident) -> Any:
    answer = await service.call("POST", "/activities", tutor, json=ACTIVITY)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_scanned_then_confirmed_then_credited(service: Service) -> None:
    tutor = await service.officer("tutor", "T-1")
    activity = await announced(service, tutor)
    assert set(activity) == {"id", "code", "title", "platform", "starts_at", "ends_at", "minutes"}
    assert activity["minutes"] == 90
    one = await service.villager("T-1")
    await service.act(one.user, "follow")
    await service.run_jobs()
    said = await service.act(one.user, "scan", scene=activity["code"])
    assert "反诈宣讲" in said["reply"]["text"]
    stranger = await service.villager("T-1")

    path = f"/activities/{activity['id']}"
    rows = (await service.ask("GET", f"{path}/attendance", tutor))["items"]
    assert [set(row) for row in rows] == [{"person_id", "name", "signed_in_at", "confirmed_at"}]
    assert (rows[0]["person_id"], rows[0]["confirmed_at"]) == (one.id, None)
    assert await service.count("transfer") == 0
    body = {"person_ids": [one.id, stranger.id, one.id]}
    rows = (await service.ask("POST", f"{path}/confirm", tutor, json=body))["items"]
    assert [row["person_id"] for row in rows if row["confirmed_at"]] == [one.id]
    await service.ask("POST", f"{path}/confirm", tutor, json=body)
    lines = (await service.ask("GET", "/me/statement", one))["items"]
    assert [(line["rule"], line["amount"]["amount"]) for line in lines] == [
        ("activity.credit", 150)
    ]
    assert "反诈宣讲" in lines[0]["text"]
    assert (await service.ask("GET", "/me/statement", stranger))["items"] == []


NONE: dict[str, Any] = {"items": [], "next": None}


async def test_attendance_is_for_the_tutors_of_the_place(service: Service) -> None:
    activity = await announced(service, await service.officer("tutor", "T-1"))
    path = f"/activities/{activity['id']}"
    others = [
        await service.officer("tutor", "T-2"),
        await service.officer("volunteer", "T-1"),
        await service.villager("T-1"),
    ]
    for other in others:
        seen = await service.call("GET", f"{path}/attendance", other)
        said = await service.call("POST", f"{path}/confirm", other, json={"person_ids": [1]})
        made = await service.call("POST", "/activities", other, json=ACTIVITY)
        for answer in (seen, said, made):
            assert (answer.status_code, answer.json()["code"]) == (403, "NotYourBranch")
    admin = await service.officer("admin", "T")
    assert await service.ask("GET", f"{path}/attendance", admin) == NONE
    assert await service.count("activity") == 1


async def test_nobody_confirms_themselves(service: Service) -> None:
    tutor = await service.officer("tutor", "T-1")
    activity = await announced(service, tutor)
    await service.act(tutor.user, "follow")
    await service.run_jobs()
    await service.act(tutor.user, "scan", scene=activity["code"])
    path = f"/activities/{activity['id']}/confirm"
    rows = (await service.ask("POST", path, tutor, json={"person_ids": [tutor.id]}))["items"]
    assert [(row["person_id"], row["confirmed_at"]) for row in rows] == [(tutor.id, None)]
    assert await service.count("transfer") == 0


async def test_an_activity_must_make_sense(service: Service) -> None:
    tutor = await service.officer("tutor", "T-1")
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"platform": "夜总会"}, 400),
        ({"org_code": "nowhere"}, 404),
        ({"ends_at": "2026-11-23T10:00:00+08:00"}, 400),
        ({"ends_at": "2026-11-23T19:00:00+08:00"}, 400),
        ({"starts_at": "2026-11-23T10:00:00"}, 422),
        ({"starts_at": "soon"}, 422),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, 422),
        ({"ends_at": "9999-12-31T23:00:00-14:00"}, 422),
        ({"title": "x"}, 422),
        ({"title": "反\x00诈"}, 422),
        ({"minutes": 480}, 422),
    ]
    for changed, status in wrong:
        answer = await service.call("POST", "/activities", tutor, json=ACTIVITY | changed)
        assert answer.status_code == status, (changed, answer.text)
    activity = await announced(service, tutor)
    bodies: list[Any] = [{}, {"person_ids": []}, {"person_ids": [0]}, {"person_ids": [2**63]}]
    for body in (*bodies, {"person_ids": list(range(1, 502))}):
        answer = await service.call(
            "POST", f"/activities/{activity['id']}/confirm", tutor, json=body
        )
        assert answer.status_code == 422, body
    for path in ("/activities/987654/attendance", f"/activities/{2**63 - 1}/attendance"):
        answer = await service.call("GET", path, tutor)
        assert (answer.status_code, answer.json()["code"]) == (404, "ActivityNotFound")


async def test_a_tutor_gets_the_code_for_the_door(service: Service) -> None:
    tutor = await service.officer("tutor", "T-1")
    activity = await announced(service, tutor)
    path = f"/activities/{activity['id']}/code"
    code = await service.ask("GET", path, tutor)
    assert code["scene"] == activity["code"]
    one = await service.villager("T-1")
    await service.act(one.user, "follow")
    said = await service.act(one.user, "scan", scene=code["url"])
    assert activity["title"] in said["reply"]["text"]
    refused = await service.call("GET", path, one)
    assert (refused.status_code, refused.json()["code"]) == (403, "NotYourBranch")


async def test_a_second_click_announces_no_second_activity(service: Service) -> None:
    tutor = await service.officer("tutor", "T-1")
    first, again = await announced(service, tutor), await announced(service, tutor)
    assert first == again
