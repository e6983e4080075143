from typing import Any

from app.core import clock
from app.core.db import transaction
from app.credit_bank.awards import award
from app.credit_bank.ledger import Stamp
from app.credit_bank.rules import Claim
from app.people import queries as people
from tests.api.service import Resident, Service

ROW = {"rank", "name", "org", "amount", "members", "per_member", "is_me"}


async def earn(who: Resident, minutes: int) -> None:
    """An activity of so many minutes, stamped as life does."""
    claim = Claim("activity.credit", f"a:{who.id}", f"a:{who.id}", "义务劳动", minutes * 60)
    async with transaction() as session:
        at = await people.stamp(session, who.id)
        await award(
            session,
            person_id=who.id,
            claims=[claim],
            stamp=Stamp(village_id=at.village_id, unit_id=at.unit_id),
            now=clock.utcnow(),
        )


async def named(service: Service, name: str, org: str, minutes: int, **said: Any) -> Resident:
    one = await service.login()
    body = {"name": name, "org_code": org, "rank_visible": True, **said}
    await service.ask("PATCH", "/me", one, json=body)
    if minutes:
        await earn(one, minutes)
    return one


async def test_people_by_their_own_choice_with_masked_names(service: Service) -> None:
    first = await named(service, "槐小花", "T-1", 60)
    second = await named(service, "李明", "T-2", 60)
    await named(service, "欧阳小文", "T-1", 30)
    hidden = await named(service, "赵无声", "T-1", 120, rank_visible=False)
    await named(service, "还没学", "T-1", 0)
    board = await service.ask("GET", "/rankings/people", second)
    assert set(board) == {"period", "from", "to", "as_of", "digest", "items", "me", "next"}
    assert (board["period"], board["from"], board["to"]) == ("month", "2026-11-01", "2026-12-01")
    assert all(set(row) == ROW for row in board["items"])
    shown = [(row["rank"], row["name"], row["amount"]["amount"]) for row in board["items"]]
    assert shown == [(1, "槐*花", 100), (1, "李明", 100), (3, "欧**文", 50)]
    assert [row["is_me"] for row in board["items"]] == [False, True, False]
    assert board["me"] == board["items"][1]
    assert board["items"][0]["org"] == {"code": "T-1", "name": "文坪村"}
    assert board["items"][0]["amount"]["text"] == "1.00 学分"
    # Who is not listed knows where they would stand; nobody else does.
    mine = await service.ask("GET", "/rankings/people", hidden)
    assert "赵" not in str(mine["items"])
    assert (mine["me"]["name"], mine["me"]["rank"], mine["me"]["is_me"]) == ("赵无声", 1, True)
    branch = await service.ask("GET", "/rankings/people?org=T-2", first)
    assert [row["name"] for row in branch["items"]] == ["李*"]
    pages = await service.ask("GET", "/rankings/people?limit=2", first)
    rest = await service.ask("GET", f"/rankings/people?limit=2&cursor={pages['next']}", first)
    assert [row["rank"] for row in (*pages["items"], *rest["items"])] == [1, 1, 3]
    assert rest["next"] is None


async def test_villages_and_units_all_appear(service: Service) -> None:
    one = await named(service, "槐小花", "T-1", 60, unit_code="T-S")
    await named(service, "李明", "T-1", 0)
    board = await service.ask("GET", "/rankings/villages", one)
    shown = [(row["rank"], row["name"], row["amount"]["amount"]) for row in board["items"]]
    assert shown == [(1, "文坪村", 100), (2, "双新社区", 0)]
    assert board["me"] == board["items"][0]
    assert (board["me"]["members"], board["me"]["per_member"]["amount"]) == (2, 50)
    units = await service.ask("GET", "/rankings/units?by=per_member", one)
    assert [(row["name"], row["is_me"]) for row in units["items"]] == [("渭溪中学", True)]
    points = await service.ask("GET", "/rankings/villages?unit=points", one)
    assert points["items"][0]["amount"] == {"unit": "points", "amount": 0, "text": "0 积分"}


async def test_a_period_is_the_towns_civil_one(service: Service) -> None:
    one = await named(service, "槐小花", "T-1", 60)
    spans = {
        "day": ("2026-11-23", "2026-11-24"),
        "week": ("2026-11-23", "2026-11-30"),
        "month": ("2026-11-01", "2026-12-01"),
        "year": ("2026-01-01", "2027-01-01"),
    }
    for period, span in spans.items():
        board = await service.ask("GET", f"/rankings/people?period={period}", one)
        assert (board["from"], board["to"]) == span
        assert len(board["items"]) == 1
        past = f"/rankings/people?period={period}&date=2025-11-22"
        assert (await service.ask("GET", past, one))["items"] == []
    assert len((await service.ask("GET", "/rankings/people?period=all", one))["items"]) == 1


async def test_what_makes_no_sense_is_refused(service: Service, resident: Resident) -> None:
    cases = [
        ("people?unit=gold", 404),
        ("people?org=nowhere", 404),
        ("people?period=decade", 422),
        ("people?by=luck", 422),
        ("people?date=2026-02-30", 422),
        ("people?date=9999-12-31", 422),
        ("people?date=0001-01-01", 422),
        ("people?limit=0", 422),
        ("people?limit=-1", 422),
        ("people?limit=101", 422),
        ("people?limit=99999999999999999999", 422),
        ("people?cursor=xyz", 400),
        ("families", 422),
    ]
    for rest, status in cases:
        answer = await service.call("GET", f"/rankings/{rest}", resident)
        assert answer.status_code == status, (rest, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
