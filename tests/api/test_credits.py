from typing import Any

from app.core import clock
from app.core.db import transaction
from app.credit_bank.awards import award
from app.credit_bank.ledger import Stamp
from app.credit_bank.rules import Claim
from tests.api.service import Resident, Service

LINE = {
    *("at", "amount", "balance_after", "text", "rule", "subject", "transfer_id", "reverses"),
}


async def enrich(who: Resident, hours: int, title: str = "烹饪班") -> None:
    """Recognised learning worth so many 学分."""
    claim = Claim("prior_learning.credit", f"test:{title}", f"test:{title}", title, hours * 3600)
    async with transaction() as session:
        await award(session, person_id=who.id, claims=[claim], stamp=Stamp(), now=clock.utcnow())


def amount(unit: str, number: int, text: str) -> dict[str, Any]:
    return {"unit": unit, "amount": number, "text": text}


async def test_credits_before_and_after_a_lesson(service: Service, resident: Resident) -> None:
    said = await service.ask("GET", "/me/credits", resident)
    assert set(said) == {"balances", "title", "next_title", "today", "honours"}
    assert said["balances"][:2] == [
        amount("credit", 0, "0.00 学分"),
        amount("points", 0, "0 积分"),
    ]
    assert (said["title"]["name"], said["next_title"]["name"]) == ("闻善", "识善")
    assert said["next_title"]["threshold"] == amount("credit", 10, "0.10 学分")
    assert all(set(row) == {"rule", "name", "amount", "cap"} for row in said["today"])
    assert {row["rule"]: row["cap"] for row in said["today"]}["lesson.points"] == amount(
        "points", 6, "6 积分"
    )
    assert all(row["amount"]["amount"] == 0 for row in said["today"])

    await service.study(resident, await service.lesson(required_seconds=360), 360)
    said = await service.ask("GET", "/me/credits", resident)
    assert said["balances"][0] == amount("credit", 10, "0.10 学分")
    assert said["balances"][1] == amount("points", 4, "4 积分")
    assert said["title"]["name"] == "识善"
    today = {row["rule"]: row["amount"]["amount"] for row in said["today"]}
    assert today["lesson.credit"] == 10
    assert today["lesson.points"] == 2
    assert {one["code"] for one in said["honours"]} == {
        "title.2",
        "badge.first_lesson",
        "badge.first_full_marks",
    }
    service.forward(days=1)
    said = await service.ask("GET", "/me/credits", resident)
    assert all(row["amount"]["amount"] == 0 for row in said["today"])


async def test_the_statement_explains_each_line(service: Service, resident: Resident) -> None:
    lesson_id = await service.lesson()
    await service.study(resident, lesson_id)
    page = await service.ask("GET", "/me/statement", resident)
    assert page["next"] is None
    assert all(set(line) == LINE for line in page["items"])
    credit = next(line for line in page["items"] if line["amount"]["unit"] == "credit")
    assert credit["amount"] == credit["balance_after"] == amount("credit", 2, "0.02 学分")
    assert (credit["rule"], credit["subject"]) == ("lesson.credit", f"lesson:{lesson_id}")
    assert credit["reverses"] is None
    for said in ("11月23日", "学完一课", "接到“公检法”电话怎么办", "0.02 学分", "1 分"):
        assert said in credit["text"]


async def test_the_statement_pages_and_its_balances_run(
    service: Service, resident: Resident
) -> None:
    for number in range(3):
        await service.study(resident, await service.lesson(f"lesson-{number}"))
    lines, cursor = [], ""
    while True:
        page = await service.ask("GET", f"/me/statement?limit=2{cursor}", resident)
        assert len(page["items"]) <= 2
        lines += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(lines) == await service.count("transfer")
    numbers = [line["transfer_id"] for line in lines]
    assert numbers == sorted(set(numbers), reverse=True)
    points = await service.ask("GET", "/me/statement?unit=points", resident)
    assert {line["amount"]["unit"] for line in points["items"]} == {"points"}
    for unit in ("credit", "points"):
        running = 0
        for line in reversed([line for line in lines if line["amount"]["unit"] == unit]):
            running += line["amount"]["amount"]
            assert line["balance_after"]["amount"] == running


async def test_a_reached_cap_is_told_at_once(service: Service, resident: Resident) -> None:
    for number in range(3):
        await service.study(resident, await service.lesson(f"lesson-{number}"))
    done = await service.study(resident, await service.lesson("lesson-4"))
    capped = next(one for one in done["awards"] if "最多 6 积分" in one["text"])
    assert capped["amount"] == amount("points", 0, "0 积分")


async def test_a_conversion_happens_once_per_key(service: Service, resident: Resident) -> None:
    await enrich(resident, 20)
    path, body = "/me/conversions", {"code": "credit.to.course_credit", "lots": 1}
    key = {"Idempotency-Key": "wish-0001"}
    first = await service.ask("POST", path, resident, json=body, headers=key)
    assert first == [
        amount("credit", -1600, "-16.00 学分"),
        amount("course_credit", 100, "1.00 课程学分"),
    ]
    assert await service.ask("POST", path, resident, json=body, headers=key) == first
    said = await service.ask("GET", "/me/credits", resident)
    assert [one["amount"] for one in said["balances"]] == [400, 0, 100]
    # The title stays: what was earned was earned.
    assert said["title"]["name"] == "乐善"
    cases: list[tuple[dict[str, str], Any, int, str]] = [
        (key, body | {"lots": 2}, 409, "KeyUsedOtherwise"),
        ({"Idempotency-Key": "wish-0002"}, body, 409, "BalanceTooSmall"),
        ({"Idempotency-Key": "wish-0003"}, {"code": "no.such", "lots": 1}, 404, "NoSuchConversion"),
        ({"Idempotency-Key": "wish-0004"}, body | {"lots": 0}, 422, "MalformedRequest"),
        ({"Idempotency-Key": "wish-0005"}, body | {"lots": 1001}, 422, "MalformedRequest"),
        ({"Idempotency-Key": "short"}, body, 422, "MalformedRequest"),
        ({}, body, 422, "MalformedRequest"),
    ]
    for headers, asked, status, code in cases:
        answer = await service.call("POST", path, resident, json=asked, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_one_persons_key_is_not_anothers(service: Service, resident: Resident) -> None:
    other = await service.login()
    for who in (resident, other):
        await enrich(who, 20)
        body = {"code": "credit.to.course_credit", "lots": 1}
        key = {"Idempotency-Key": "the-same-key"}
        await service.ask("POST", "/me/conversions", who, json=body, headers=key)
    assert await service.count("transfer", "kind = 'conversion'") == 4
