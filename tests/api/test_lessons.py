import asyncio
from typing import Any

from app.content import service as content
from app.core import clock
from app.core.db import transaction
from tests.api.service import RIGHT, Resident, Service
from tests.content.drafts import make_lesson

ROW = {
    *("id", "key", "version", "title", "kind", "platform", "summary"),
    *("required_seconds", "progress"),
}
LESSON = ROW | {"html", "media_url", "audience", "source", "questions"}


async def test_a_lesson_has_its_contracted_shape(service: Service, resident: Resident) -> None:
    lesson_id = await service.lesson()
    lesson = await service.ask("GET", f"/lessons/{lesson_id}", resident)
    assert set(lesson) == LESSON
    assert (lesson["id"], lesson["key"], lesson["version"]) == (lesson_id, "anti-fraud-01", 1)
    assert (lesson["kind"], lesson["platform"]) == ("article", "微讲堂")
    assert lesson["title"] == "接到“公检法”电话怎么办"
    assert "<strong>没有“安全账户”</strong>" in lesson["html"]
    assert (lesson["required_seconds"], lesson["media_url"]) == (60, None)
    assert lesson["progress"] == {
        "seconds": 0,
        "completed_at": None,
        "passed": False,
        "retry_at": None,
    }
    first, second, third = lesson["questions"]
    assert set(first) == {"id", "kind", "text", "options"}
    assert [one["kind"] for one in (first, second, third)] == ["single", "multiple", "judge"]
    assert first["options"] == ["立即转账", "挂断并拨打 96110"]
    assert third["options"] == ["对", "错"]
    assert await service.ask("GET", "/lessons/today", resident) == lesson


async def test_no_answer_of_a_lesson_tells_what_is_right(
    service: Service, resident: Resident
) -> None:
    lesson_id = await service.lesson()
    paths = ("/lessons", "/lessons/today", f"/lessons/{lesson_id}", "/lessons?q=电话")
    for path in paths:
        said = (await service.call("GET", path, resident)).text
        assert '"answer' not in said
        assert '"why' not in said
    said = (await service.call("POST", f"/lessons/{lesson_id}/beats", resident)).text
    assert '"answer' not in said
    # A failed attempt tells nothing about the questions it got wrong.
    tried = await service.reply(resident, lesson_id, [1], [0], [1])
    assert tried["passed"] is False
    assert [one["right"] for one in tried["results"]] == [True, False, False]
    assert [one["answer"] for one in tried["results"]] == [[1], None, None]
    assert [one["why"] for one in tried["results"]][1:] == [None, None]


async def test_lists_filter_search_and_page(service: Service, resident: Resident) -> None:
    for number in range(5):
        video = {"kind": "video", "media_url": "https://v.example.cn/1.mp4"}
        await service.lesson(
            f"lesson-{number}",
            title=f"第{number}课",
            platform="远程教育" if number < 2 else "微讲堂",
            **(video if number == 4 else {}),
        )
        service.forward(seconds=1)
    page = await service.ask("GET", "/lessons?limit=2", resident)
    assert set(page) == {"items", "next"}
    assert all(set(row) == ROW for row in page["items"])
    titles = [row["title"] for row in page["items"]]
    while page["next"]:
        page = await service.ask("GET", f"/lessons?limit=2&cursor={page['next']}", resident)
        titles += [row["title"] for row in page["items"]]
    assert titles == ["第4课", "第3课", "第2课", "第1课", "第0课"]

    async def found(query: str) -> list[str]:
        said = await service.ask("GET", f"/lessons?{query}", resident)
        assert said["next"] is None
        return [row["title"] for row in said["items"]]

    assert await found("platform=远程教育") == ["第1课", "第0课"]
    assert await found("kind=video") == ["第4课"]
    assert await found("q=第3课") == ["第3课"]
    assert await found("q=%25") == []
    assert await found("kind=no-such") == []
    assert len(await found("platform=&kind=&cursor=&q=")) == 5


async def test_beats_count_what_the_server_saw(service: Service, resident: Resident) -> None:
    lesson_id = await service.lesson()
    path = f"/lessons/{lesson_id}/beats"
    said = await service.ask("POST", path, resident)
    assert said == {
        "seconds": 0,
        "required_seconds": 60,
        "counted": 0,
        "completed": False,
        "awards": [],
    }
    service.forward(seconds=15)
    said = await service.ask("POST", path, resident)
    assert (said["seconds"], said["counted"]) == (15, 15)
    # Half an hour away counts as one capped beat; a body is no evidence of anything.
    service.forward(minutes=30)
    said = await service.ask("POST", path, resident, json={"seconds": 3600})
    assert (said["seconds"], said["counted"]) == (45, 30)
    service.forward(seconds=15)
    await asyncio.gather(*(service.ask("POST", path, resident) for _ in range(6)))
    progress = (await service.ask("GET", f"/lessons/{lesson_id}", resident))["progress"]
    assert 60 <= progress["seconds"] <= 62


async def test_time_and_answers_complete_once(service: Service, resident: Resident) -> None:
    lesson_id = await service.lesson()
    read = await service.read(resident, lesson_id, 60)
    assert (read["seconds"], read["completed"], read["awards"]) == (60, False, [])
    done = await service.reply(resident, lesson_id, *RIGHT)
    assert set(done) == {"passed", "results", "completed", "awards", "retry_at"}
    assert (done["passed"], done["completed"], done["retry_at"]) == (True, True, None)
    assert [one["answer"] for one in done["results"]] == [[1], [0, 1], [0]]
    assert set(done["results"][0]) == {"question_id", "right", "answer", "why"}
    amounts = [(one["amount"]["unit"], one["amount"]["amount"]) for one in done["awards"]]
    assert sorted(amounts) == [("credit", 2), ("points", 1), ("points", 1), ("points", 2)]
    assert done["awards"][0]["amount"]["text"] == "0.02 学分"
    assert all(one["text"] for one in done["awards"])
    # Whatever comes later pays nothing again.
    again = await service.reply(resident, lesson_id, *RIGHT)
    service.forward(seconds=15)
    beat = await service.ask("POST", f"/lessons/{lesson_id}/beats", resident)
    assert (again["passed"], again["completed"], again["awards"]) == (True, True, [])
    assert (beat["completed"], beat["counted"], beat["awards"]) == (True, 0, [])
    assert await service.count("transfer") == 4


async def test_answers_before_the_time_complete_at_the_last_beat(
    service: Service, resident: Resident
) -> None:
    lesson_id = await service.lesson()
    early = await service.reply(resident, lesson_id, *RIGHT)
    assert (early["passed"], early["completed"], early["awards"]) == (True, False, [])
    beat = await service.read(resident, lesson_id, 60)
    assert beat["completed"] is True
    assert len(beat["awards"]) == 4


async def test_a_wrong_attempt_makes_the_next_one_wait(
    service: Service, resident: Resident
) -> None:
    lesson_id = await service.lesson()
    await service.read(resident, lesson_id, 60)
    wrong = await service.reply(resident, lesson_id, [0], [0, 1], [0])
    assert (wrong["passed"], wrong["completed"]) == (False, False)
    assert wrong["retry_at"] is not None
    questions = (await service.ask("GET", f"/lessons/{lesson_id}", resident))["questions"]
    body = {"answers": {str(questions[0]["id"]): [1]}}
    early = await service.call("POST", f"/lessons/{lesson_id}/answers", resident, json=body)
    assert (early.status_code, early.json()["code"]) == (429, "TryAgainLater")
    assert 1 <= int(early.headers["retry-after"]) <= 15
    assert int(early.headers["retry-after"]) == early.json()["retry_after"]
    service.forward(seconds=15)
    done = await service.reply(resident, lesson_id, *RIGHT)
    assert (done["passed"], done["completed"]) == (True, True)
    # Not the first attempt: no point for a first try.
    assert len(done["awards"]) == 3


async def test_without_questions_there_is_no_first_try(
    service: Service, resident: Resident
) -> None:
    lesson_id = await service.lesson(questions=())
    # Nobody is asked anything, so an empty attempt earns nothing that others do not get.
    await service.call("POST", f"/lessons/{lesson_id}/answers", resident, json={"answers": {}})
    done = await service.read(resident, lesson_id, 60)
    assert done["completed"] is True
    rules = {
        line["rule"] for line in (await service.ask("GET", "/me/statement", resident))["items"]
    }
    assert rules == {"lesson.credit", "lesson.points", "day.learned"}


async def test_answers_must_fit_the_questions(service: Service, resident: Resident) -> None:
    lesson_id = await service.lesson()
    lesson = await service.ask("GET", f"/lessons/{lesson_id}", resident)
    known = str(lesson["questions"][0]["id"])
    path = f"/lessons/{lesson_id}/answers"
    cases: list[tuple[Any, int, str]] = [
        ({}, 422, "MalformedRequest"),
        ({"answers": []}, 422, "MalformedRequest"),
        ({"answers": {"a": [1]}}, 422, "MalformedRequest"),
        ({"answers": {known: 1}}, 422, "MalformedRequest"),
        ({"answers": {known: ["x"]}}, 422, "MalformedRequest"),
        ({"answers": {known: [-1]}}, 422, "MalformedRequest"),
        ({"answers": {str(2**63): [1]}}, 422, "MalformedRequest"),
        ({"answers": {known: [1]}, "passed": True}, 422, "MalformedRequest"),
        ({"answers": {known: [99]}}, 400, "BadAnswer"),
        ({"answers": {"987654": [0]}}, 400, "UnknownQuestion"),
    ]
    for body, status, code in cases:
        answer = await service.call("POST", path, resident, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    assert await service.count("attempt") == 0


async def test_what_is_not_there_is_404(service: Service, resident: Resident) -> None:
    assert (await service.call("GET", "/lessons/today", resident)).status_code == 404
    async with transaction() as session:
        hidden = await make_lesson(session, "hidden", now=clock.utcnow(), publish=False)
    for lesson_id in (hidden.id, 987_654, 2**63 - 1):
        for method, rest in (("GET", ""), ("POST", "/beats"), ("POST", "/answers")):
            body: dict[str, Any] = {"json": {"answers": {}}} if rest == "/answers" else {}
            answer = await service.call(method, f"/lessons/{lesson_id}{rest}", resident, **body)
            assert (answer.status_code, answer.json()["code"]) == (404, "LessonNotFound")
    for wrong in ("0", "-1", str(2**63), "10" * 40, "one", "1.5", "%00"):
        for method, rest in (("GET", ""), ("POST", "/beats")):
            answer = await service.call(method, f"/lessons/{wrong}{rest}", resident)
            assert (answer.status_code, answer.json()["code"]) == (422, "MalformedRequest"), wrong


async def test_a_withdrawn_lesson_can_be_finished_by_who_began(
    service: Service, resident: Resident
) -> None:
    lesson_id = await service.lesson()
    await service.read(resident, lesson_id, 30)
    stranger = await service.login()
    async with transaction() as session:
        await content.withdraw(session, lesson_id=lesson_id, reason="内容过时", now=clock.utcnow())
    assert (await service.call("GET", f"/lessons/{lesson_id}", stranger)).status_code == 404
    assert (await service.ask("GET", "/lessons", stranger))["items"] == []
    await service.study(resident, lesson_id, 30)
