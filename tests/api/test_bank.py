"""Corrections and 认定: what staff may do with the books, and who may not."""

from typing import Any

from app.core.db import transaction
from app.flows.auditing import audit
from tests.api.service import Resident, Service

APPLICATION: dict[str, Any] = {
    "title": "电工证",
    "institution": "合川职教中心",
    "hours_hundredths": 1600,
    "achieved_on": "2026-05-20",
    "document_name": "结业证.jpg",
    "document_sha256": "ab" * 32,
}
SHAPE = {
    *("id", "person_id", "title", "institution", "hours_hundredths", "achieved_on"),
    *("document_name", "state", "applied_at", "remarks"),
}


async def credit_line(service: Service, who: Resident) -> Any:
    lines = (await service.ask("GET", "/me/statement?unit=credit", who))["items"]
    return lines[0]


async def learned(service: Service) -> tuple[Resident, int]:
    """A resident of T-1 with one lesson, and the number of its credit transfer."""
    one = await service.villager("T-1")
    await service.study(one, await service.lesson())
    return one, int((await credit_line(service, one))["transfer_id"])


async def test_an_administrator_reverses_once(service: Service) -> None:
    one, number = await learned(service)
    admin = await service.officer("admin", "T")
    path, body = f"/transfers/{number}/reversal", {"reason": "重复登记"}
    made = await service.ask("POST", path, admin, json=body)
    assert made == {"transfer_id": made["transfer_id"], "reverses": number, "reason": "重复登记"}
    assert await service.ask("POST", path, admin, json=body) == made
    line = await credit_line(service, one)
    assert (line["transfer_id"], line["reverses"]) == (made["transfer_id"], number)
    assert line["amount"] == {"unit": "credit", "amount": -2, "text": "-0.02 学分"}
    assert line["balance_after"]["amount"] == 0
    assert "重复登记" in line["text"]
    other = await service.call("POST", path, admin, json={"reason": "另一个理由"})
    assert (other.status_code, other.json()["code"]) == (409, "KeyUsedOtherwise")
    back = f"/transfers/{made['transfer_id']}/reversal"
    answer = await service.call("POST", back, admin, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "ReversalRefused")
    board = await service.ask("GET", "/rankings/people", one)
    assert board["me"] is None
    async with transaction() as session:
        assert (await audit(session)).findings == []


async def test_nobody_else_reverses(service: Service) -> None:
    one, number = await learned(service)
    path, body = f"/transfers/{number}/reversal", {"reason": "不服"}
    others = [
        one,
        await service.login(),
        await service.officer("tutor", "T-1"),
        await service.officer("admin", "T-2"),
        await service.officer("chief_editor", "T"),
    ]
    for other in others:
        answer = await service.call("POST", path, other, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "MayNotReverse")
    assert (await service.call("POST", path, json=body)).status_code == 401
    assert await service.count("transfer", "kind = 'reversal'") == 0


async def test_no_administrator_reverses_what_is_his_own(service: Service) -> None:
    admin = await service.officer("admin", "T")
    await service.ask("PATCH", "/me", admin, json={"org_code": "T-1"})
    await service.study(admin, await service.lesson())
    number = (await credit_line(service, admin))["transfer_id"]
    body = {"reason": "自己改自己"}
    answer = await service.call("POST", f"/transfers/{number}/reversal", admin, json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "MayNotReverse")


async def test_a_reversal_needs_a_transfer_and_a_reason(service: Service) -> None:
    admin = await service.officer("admin", "T")
    _, number = await learned(service)
    cases: list[tuple[object, Any, int]] = [
        (987_654, {"reason": "没有这笔"}, 404),
        (2**63 - 1, {"reason": "没有这笔"}, 404),
        (2**63, {"reason": "没有这笔"}, 422),
        (0, {"reason": "没有这笔"}, 422),
        ("one", {"reason": "没有这笔"}, 422),
        (number, {}, 422),
        (number, {"reason": "x"}, 422),
        (number, {"reason": "x" * 201}, 422),
        (number, {"reason": "有\x00"}, 422),
        (number, {"reason": "   "}, 409),
    ]
    for which, body, status in cases:
        answer = await service.call("POST", f"/transfers/{which}/reversal", admin, json=body)
        assert answer.status_code == status, (which, body, answer.text)


async def test_recognition_takes_a_document_and_two_people(service: Service) -> None:
    one = await service.villager("T-1")
    tutor, admin = await service.officer("tutor", "T-1"), await service.officer("admin", "T")
    filed = await service.call("POST", "/prior-learning", one, json=APPLICATION)
    assert filed.status_code == 201
    application = filed.json()
    assert set(application) == SHAPE
    assert (application["person_id"], application["state"]) == (one.id, "applied")
    mine = await service.ask("GET", "/prior-learning", one)
    assert mine == {"items": [application], "next": None}
    assert (await service.ask("GET", "/prior-learning", tutor))["items"] == []
    waiting = "/prior-learning?scope=branch"
    assert (await service.ask("GET", waiting, tutor))["items"] == [application]
    for other in (one, await service.officer("tutor", "T-2")):
        assert (await service.ask("GET", waiting, other))["items"] == []

    path = f"/prior-learning/{application['id']}"
    early = await service.call("POST", f"{path}/approve", admin)
    assert (early.status_code, early.json()["code"]) == (409, "NotAtThisStep")
    assert (await service.ask("POST", f"{path}/confirm", tutor))["state"] == "confirmed"
    done = await service.ask("POST", f"{path}/approve", admin)
    assert done["state"] == "approved"
    again = await service.call("POST", f"{path}/approve", admin)
    assert (again.status_code, again.json()["code"]) == (409, "NotAtThisStep")
    line = await credit_line(service, one)
    assert (line["rule"], line["amount"]["amount"]) == ("prior_learning.credit", 1600)
    repeated = await service.call("POST", "/prior-learning", one, json=APPLICATION)
    assert (repeated.status_code, repeated.json()["code"]) == (409, "DocumentAlreadyUsed")
    async with transaction() as session:
        assert (await audit(session)).findings == []


async def test_recognition_by_the_wrong_people(service: Service) -> None:
    one = await service.villager("T-1")
    admin = await service.officer("admin", "T")
    neighbour = await service.officer("tutor", "T-2")
    mine = await service.ask("POST", "/prior-learning", one, json=APPLICATION)
    path = f"/prior-learning/{mine['id']}"
    for step, body in (("confirm", None), ("approve", None), ("refuse", {"remarks": "不行"})):
        for other in (one, neighbour, await service.login()):
            answer = await service.call("POST", f"{path}/{step}", other, json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "NotYourBranch"), step
    # A tutor may confirm but not approve, and one person is never both.
    tutor = await service.officer("tutor", "T-1")
    await service.ask("POST", f"{path}/confirm", admin)
    answer = await service.call("POST", f"{path}/approve", tutor)
    assert (answer.status_code, answer.json()["code"]) == (403, "NotYourBranch")
    answer = await service.call("POST", f"{path}/approve", admin)
    assert (answer.status_code, answer.json()["code"]) == (403, "TwoPeopleNeeded")
    # Nor is an applicant who happens to hold an office.
    await service.ask("PATCH", "/me", tutor, json={"org_code": "T-1"})
    own = APPLICATION | {"document_sha256": "cd" * 32}
    theirs = await service.ask("POST", "/prior-learning", tutor, json=own)
    answer = await service.call("POST", f"/prior-learning/{theirs['id']}/confirm", tutor)
    assert (answer.status_code, answer.json()["code"]) == (403, "TwoPeopleNeeded")
    assert await service.count("transfer") == 0


async def test_a_refusal_says_why(service: Service) -> None:
    one, tutor = await service.villager("T-1"), await service.officer("tutor", "T-1")
    mine = await service.ask("POST", "/prior-learning", one, json=APPLICATION)
    path = f"/prior-learning/{mine['id']}/refuse"
    for body in ({}, {"remarks": ""}, {"remarks": "x" * 201}):
        assert (await service.call("POST", path, tutor, json=body)).status_code == 422
    answer = await service.call("POST", path, tutor, json={"remarks": "   "})
    assert (answer.status_code, answer.json()["code"]) == (400, "BadApplication")
    refused = await service.ask("POST", path, tutor, json={"remarks": "看不清印章"})
    assert (refused["state"], refused["remarks"]) == ("refused", "看不清印章")
    answer = await service.call("POST", path, tutor, json={"remarks": "再拒一次"})
    assert (answer.status_code, answer.json()["code"]) == (409, "NotAtThisStep")


async def test_an_application_must_make_sense(service: Service) -> None:
    one = await service.villager("T-1")
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"hours_hundredths": 0}, 422),
        ({"hours_hundredths": 40_001}, 422),
        ({"hours_hundredths": 1.5}, 422),
        ({"achieved_on": "2026-11-25"}, 400),
        ({"achieved_on": "yesterday"}, 422),
        ({"document_sha256": "zz" * 32}, 422),
        ({"document_sha256": "ab" * 31}, 422),
        ({"title": "证\x00书"}, 422),
        ({"person_id": 1}, 422),
        ({"state": "approved"}, 422),
    ]
    for changed, status in wrong:
        answer = await service.call("POST", "/prior-learning", one, json=APPLICATION | changed)
        assert answer.status_code == status, (changed, answer.text)
    for step in ("confirm", "approve"):
        answer = await service.call("POST", f"/prior-learning/987654/{step}", one)
        assert (answer.status_code, answer.json()["code"]) == (404, "ApplicationNotFound")
        answer = await service.call("POST", f"/prior-learning/{2**63}/{step}", one)
        assert answer.status_code == 422
    assert await service.count("prior_learning") == 0
