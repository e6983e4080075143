"""One resident's way through the service, and an administrator's look at it: all over HTTP."""

from typing import Any

from app.core import clock
from app.core.db import read_transaction, transaction
from app.credit_bank import closing
from app.flows.auditing import audit
from tests.api.service import RIGHT, Resident, Service

WRONG = ([0], [0, 1], [0])


async def follows_by_the_villages_code(service: Service) -> dict[str, Any]:
    user = await service.user("槐小花")
    outcome = await service.act(user, "follow", scene="v:T-1")
    said = outcome["reply"]["text"]
    assert "文坪村" in said
    assert "「今日」" in said
    assert "《接到“公检法”电话怎么办》" in await service.say(user, "今日")
    return user


async def signs_in_and_is_one_person(service: Service, user: dict[str, Any]) -> Resident:
    """The account and the mini-program know her by two openids, until the unionid comes."""
    resident = await service.login(user)
    assert await service.count("person") == 2
    assert (await service.ask("GET", "/me", resident))["org"] is None
    await service.run_jobs()
    assert await service.count("person", "merged_into_id IS NULL") == 1
    me = await service.ask("GET", "/me", resident)
    assert me["org"] == {"code": "T-1", "name": "文坪村"}
    assert await service.count("procrastinate_jobs", "status <> 'succeeded'") == 0
    return Resident(user=user, token=resident.token, id=me["id"])


async def learns_with_a_wrong_attempt(service: Service, who: Resident, lesson_id: int) -> None:
    assert (await service.ask("GET", "/lessons/today", who))["id"] == lesson_id
    read = await service.read(who, lesson_id, 60)
    assert (read["seconds"], read["completed"]) == (60, False)
    wrong = await service.reply(who, lesson_id, *WRONG)
    assert (wrong["passed"], wrong["results"][0]["answer"]) == (False, None)
    first = (await service.ask("GET", f"/lessons/{lesson_id}", who))["questions"][0]["id"]
    hasty = {"answers": {str(first): [1]}}
    answer = await service.call("POST", f"/lessons/{lesson_id}/answers", who, json=hasty)
    assert answer.status_code == 429
    service.forward(seconds=int(answer.headers["retry-after"]))
    done = await service.reply(who, lesson_id, *RIGHT)
    assert (done["passed"], done["completed"]) == (True, True)


async def sees_where_it_comes_from(service: Service, who: Resident) -> None:
    lines = (await service.ask("GET", "/me/statement", who))["items"]
    told = {(line["rule"], line["amount"]["text"]): line["text"] for line in lines}
    assert set(told) == {
        ("lesson.credit", "0.02 学分"),
        ("lesson.points", "2 积分"),
        ("day.learned", "1 积分"),
    }
    assert "核实时长 1 分。" in told["lesson.credit", "0.02 学分"]
    assert all("接到“公检法”电话怎么办" in text for text in told.values())


async def test_from_a_code_on_the_wall_to_the_books_and_out_again(service: Service) -> None:
    second = await service.lesson("second", title="手机怎么调大字", required_seconds=360)
    service.forward(seconds=1)
    first = await service.lesson()
    user = await follows_by_the_villages_code(service)
    resident = await signs_in_and_is_one_person(service, user)
    await learns_with_a_wrong_attempt(service, resident, first)
    await sees_where_it_comes_from(service, resident)

    said = await service.say(user, "学分")
    assert "0.02 学分" in said
    assert "3 积分" in said
    assert "1. 文坪村 0.02 学分" in await service.say(user, "排行")

    # What is learned already is not today's lesson any more.
    assert (await service.ask("GET", "/lessons/today", resident))["id"] == second
    await service.study(resident, second, 360)
    said = await service.say(user, "学分")
    assert "您的称号：识善" in said
    assert "0.12 学分" in said
    # The congratulation arrives in her chat: she wrote to the account within 48 hours.
    await service.run_jobs()
    chat = (await service.phone.get(f"/_sandbox/users/{user['id']}/chat")).json()
    assert any("识善" in str(bubble["content"]) for bubble in chat[-2:])

    await the_administrator_sees_it(service)
    await the_books_close_and_are_true(service)
    await she_leaves(service, user, resident)


async def the_administrator_sees_it(service: Service) -> None:
    admin = await service.officer("admin", "T")
    board = await service.ask("GET", "/rankings/villages?period=month&org=T", admin)
    top = board["items"][0]
    assert (top["rank"], top["name"], top["amount"]["text"]) == (1, "文坪村", "0.12 学分")
    assert (top["members"], board["items"][1]["amount"]["amount"]) == (1, 0)
    # She never chose to be shown.
    assert (await service.ask("GET", "/rankings/people", admin))["items"] == []


async def the_books_close_and_are_true(service: Service) -> None:
    booked = await service.count("transfer")
    today = clock.local_day(clock.utcnow())
    service.forward(days=1)
    async with transaction() as session:
        closed = await closing.close_days(session, now=clock.utcnow())
    assert [(one.local_day, one.transfers) for one in closed] == [(today, booked)]
    async with read_transaction() as session:
        report = await audit(session)
    assert (report.findings, report.transfers, report.days) == ([], booked, 1)


async def she_leaves(service: Service, user: dict[str, Any], resident: Resident) -> None:
    held = await service.ask("GET", "/me/export", resident)
    assert len(held["statement"]) == await service.count("transfer")
    await service.ask("DELETE", "/me", resident)
    assert (await service.call("GET", "/me", resident)).status_code == 401
    for openid in user["openids"].values():
        assert await service.count("identity", "openid = :openid", openid=openid) == 0
        assert await service.count("wechat_inbox", "openid = :openid", openid=openid) == 0
    async with read_transaction() as session:
        assert (await audit(session)).findings == []
