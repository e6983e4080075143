from typing import Any

from app.core.db import transaction
from app.flows.auditing import audit
from tests.api.service import Resident, Service


async def test_a_resident_says_who_they_are(service: Service, resident: Resident) -> None:
    said = {"name": " 槐小花 ", "org_code": "T-1", "unit_code": "T-S", "rank_visible": True}
    person = await service.ask("PATCH", "/me", resident, json=said)
    assert person == {
        "id": resident.id,
        "name": "槐小花",
        "org": {"code": "T-1", "name": "文坪村"},
        "unit": {"code": "T-S", "name": "渭溪中学"},
        "rank_visible": True,
        "roles": [],
    }
    assert await service.ask("GET", "/me", resident) == person
    # What is left out stays, null takes it back.
    person = await service.ask("PATCH", "/me", resident, json={"name": None})
    assert (person["name"], person["org"]["code"]) == (None, "T-1")
    assert await service.ask("PATCH", "/me", resident, json={}) == person
    person = await service.ask("PATCH", "/me", resident, json={"org_code": None})
    assert (person["org"], person["unit"], person["rank_visible"]) == (None, None, True)


UNSAYABLE: list[tuple[Any, int, str]] = [
    ({"org_code": "nowhere"}, 404, "OrganisationNotFound"),
    ({"org_code": ""}, 404, "OrganisationNotFound"),
    ({"unit_code": "T-1"}, 400, "OrganisationUnsuitable"),
    ({"name": ""}, 400, "NameUnsuitable"),
    ({"name": "13800138000"}, 400, "NameUnsuitable"),
    ({"name": "长" * 21}, 400, "NameUnsuitable"),
    ({"name": "长" * 101}, 422, "MalformedRequest"),
    ({"name": "a\x00b"}, 422, "MalformedRequest"),
    ({"org_code": "T\x00"}, 422, "MalformedRequest"),
    ({"rank_visible": "perhaps"}, 422, "MalformedRequest"),
    ({"roles": ["admin"]}, 422, "MalformedRequest"),
    ({"id": 1}, 422, "MalformedRequest"),
    ([], 422, "MalformedRequest"),
    ("槐小花", 422, "MalformedRequest"),
]


async def test_what_cannot_be_said_changes_nothing(service: Service, resident: Resident) -> None:
    before = await service.ask("GET", "/me", resident)
    for said, status, code in UNSAYABLE:
        answer = await service.call("PATCH", "/me", resident, json=said)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert await service.ask("GET", "/me", resident) == before


async def test_roles_are_granted_and_shown(service: Service) -> None:
    tutor = await service.officer("tutor", "T-1")
    roles = (await service.ask("GET", "/me", tutor))["roles"]
    org = {"code": "T-1", "name": "文坪村"}
    assert roles == [{"role": "tutor", "org": org, "title": None}]


async def test_consents_are_given_and_taken_back(service: Service, resident: Resident) -> None:
    offered = (await service.ask("GET", "/me/consents", resident))["items"]
    assert {one["purpose"] for one in offered} == {"service", "ranking", "sharing", "notices"}
    assert all(one["given_at"] is None and one["text"] for one in offered)
    given = await service.ask(
        "POST", "/me/consents", resident, json={"purpose": "ranking", "version": 1}
    )
    assert [one["purpose"] for one in given["items"] if one["given_at"]] == ["ranking"]
    assert (await service.ask("GET", "/me", resident))["rank_visible"] is True
    await service.ask("DELETE", "/me/consents/ranking", resident)
    assert (await service.ask("GET", "/me", resident))["rank_visible"] is False


BAD_CONSENTS: list[tuple[Any, int, str]] = [
    ({"purpose": "everything", "version": 1}, 400, "PurposeUnknown"),
    ({"purpose": "ranking", "version": 2}, 409, "ConsentOutdated"),
    ({"purpose": "ranking", "version": 0}, 422, "MalformedRequest"),
    ({"purpose": "ranking"}, 422, "MalformedRequest"),
]


async def test_a_consent_needs_its_purpose_and_version(
    service: Service, resident: Resident
) -> None:
    for said, status, code in BAD_CONSENTS:
        answer = await service.call("POST", "/me/consents", resident, json=said)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_export_holds_everything_and_no_secret(
    service: Service, resident: Resident
) -> None:
    await service.ask("PATCH", "/me", resident, json={"name": "槐小花", "org_code": "T-1"})
    await service.act(resident.user, "follow")
    await service.say(resident.user, "我想学防诈骗")
    await service.run_jobs()
    lesson = await service.lesson()
    await service.study(resident, lesson)
    held = await service.ask("GET", "/me/export", resident)
    assert set(held) == {
        *("people", "learning", "statement", "honours", "prior_learning", "messages"),
        *("letters", "permits", "tasks", "complaints"),
    }
    # The account's and the mini-program's openids are one person by now.
    assert {one["openid"] for one in held["people"]["identities"]} == set(
        resident.user["openids"].values()
    )
    assert [one["lesson_id"] for one in held["learning"]["studies"]] == [lesson]
    assert len(held["statement"]) == await service.count("transfer")
    assert "我想学防诈骗" in str(held["messages"])
    assert "槐小花" in str(held["people"])
    assert resident.token not in str(held)


async def test_erasure_forgets_the_person_and_keeps_the_books(
    service: Service, resident: Resident
) -> None:
    await service.ask("PATCH", "/me", resident, json={"name": "槐小花", "org_code": "T-1"})
    await service.act(resident.user, "follow")
    await service.say(resident.user, "学分")
    await service.run_jobs()
    await service.study(resident, await service.lesson())
    booked = await service.count("transfer")
    assert booked > 0
    answer = await service.call("DELETE", "/me", resident)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await service.call("GET", "/me", resident)).status_code == 401
    assert await service.count("identity") == 0
    assert await service.count("wechat_inbox") == 0
    assert await service.count("person", "name IS NOT NULL OR org_id IS NOT NULL") == 0
    assert await service.count("transfer") == booked
    async with transaction() as session:
        assert (await audit(session)).findings == []
    # Who comes back is somebody new, with nothing.
    again = await service.login(resident.user)
    assert again.id != resident.id
    assert (await service.ask("GET", "/me/statement", again))["items"] == []
