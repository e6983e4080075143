"""Every page of the studio: for whom it is, what its policy allows, what does not exist."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.api.pages import frame, studio_editor
from app.core import clock
from app.core.db import transaction
from app.people import queries as people
from app.push.models import Task
from tests.api.browser import browsing
from tests.api.newsroom import Newsroom, open_newsroom
from tests.api.service import Resident, Service
from tests.api.studio import XSS, harm_in, said, working
from tests.content.drafts import make_lesson
from tests.factories.pushing import make_delivery, make_group, make_push

pytestmark = pytest.mark.usefixtures("our_town")
NOWHERE = 2**62


@pytest.fixture
async def room(service: Service) -> Newsroom:
    return await open_newsroom(service)


async def relayed(tutor: Resident, org: str = "T") -> tuple[int, int]:
    """(task, group) of a push of today that waits for this tutor's hand."""
    now = clock.utcnow()
    async with transaction() as session:
        lesson = await make_lesson(
            session, f"relay-{org.lower()}", now=now, title=f"防骗{XSS}"[:60]
        )
        place = await people.org_by_code(session, org)
        owner = await people.get_person(session, tutor.id)
        group = await make_group(session, place, owner, name=f"{org}村群")
        push = await make_push(session, place, lesson, state="publishing", text=XSS, now=now)
        delivery = await make_delivery(
            session, push, group, state="handed_over", claimed_at=now, settled_at=now, clicks=7,
            learned=3,
        )  # fmt: skip
        task = Task(
            key=f"relay:{delivery.id}", kind="relay", org_id=place.id, person_id=tutor.id,
            title="请转发", text=XSS, delivery_id=delivery.id, due_at=now + timedelta(hours=1),
            made_at=now, state="open",
        )  # fmt: skip
        session.add(task)
        await session.flush()
        return task.id, group.id


async def paths_of(service: Service, room: Newsroom) -> list[str]:
    """One of everything there is to look at, in the town."""
    lesson = await service.lesson()
    issue = (await room.begin(title=XSS, digest=XSS, author=XSS))["id"]
    body = {"date": "2026-11-25", "org_code": "T", "lesson_id": lesson, "text": XSS}
    push = (await service.ask("POST", "/pushes", room.tutor, json=body))["id"]
    activity = await service.ask(
        "POST", "/activities", room.tutor,
        json={"title": XSS[:60], "platform": "微讲堂", "org_code": "T",
              "starts_at": "2026-11-23T10:00:00+08:00", "ends_at": "2026-11-23T11:30:00+08:00"},
    )  # fmt: skip
    _, group = await relayed(room.tutor)
    return [
        *("/studio", "/studio/manuscripts", "/studio/manuscripts?kind=issue", "/studio/lessons"),
        *("/studio/manuscripts/new-push", "/studio/lessons/new", "/studio/lessons?q=%25"),
        *("/studio/week", "/studio/week?date=2026-11-25&org=T", "/studio/activities"),
        *("/studio/activities/new", "/studio/groups", "/studio/groups?week=2026-11-16"),
        f"/studio/manuscripts/{issue}",
        f"/studio/manuscripts/{issue}?version=1",
        f"/studio/manuscripts/{issue}/articles/1",
        f"/studio/manuscripts/{push}",
        f"/studio/manuscripts/{push}/push",
        f"/studio/lessons/{lesson}",
        f"/studio/activities/{activity['id']}",
        f"/studio/activities/{activity['id']}/code",
        f"/studio/groups/{group}",
    ]


async def test_pages_are_for_who_writes_and_nothing_typed_becomes_markup(
    service: Service, room: Newsroom
) -> None:
    paths = await paths_of(service, room)
    async with working(service, room.tutor) as browser:
        for path in paths:
            page = await browser.get(path)
            assert page.status_code == 200, (path, said(page))
            assert harm_in(page) == [], path
            assert "<style" not in page.text
            is_editor = path.endswith(("/new", "/articles/1")) and "activities" not in path
            policy = studio_editor.CSP if is_editor else frame.CSP
            assert page.headers["content-security-policy"] == policy, path
        home = await browser.get("/studio")
        assert "T村群" in home.text
        assert re.search(r'src="/posters/\w+\.png"', home.text)
    async with browsing(service) as nobody:
        for path in paths:
            assert (await nobody.get(path)).headers["location"].startswith("/login?next=/studio")
    for stranger in (await service.villager("T-1"), await service.officer("volunteer", "T")):
        async with working(service, stranger) as browser:
            answers = [(await browser.get(path)).status_code for path in paths]
            assert answers == [403] * len(paths)


async def test_another_village_s_tutor_by_url(service: Service, room: Newsroom) -> None:
    paths = [path for path in await paths_of(service, room) if re.search(r"/\d+", path)]
    lesson = next(path for path in paths if path.startswith("/studio/lessons/"))
    paths += [f"{lesson}/edit", f"{lesson}/questions"]
    async with working(service, await service.officer("tutor", "T-1")) as browser:
        for path in paths:
            expected = 200 if path == lesson else 403  # What is on show is everybody's.
            assert (await browser.get(path)).status_code == expected, path
        token = (await browser.get("/studio/activities/new")).text
        fields = {"csrf": re.findall(r'name="csrf" value="([^"]+)"', token)[0]}
        issue = next(path for path in paths if path.endswith("/articles/1"))
        base = issue.removesuffix("/articles/1")
        for path in (
            *(f"{base}/{deed}" for deed in ("submit", "review", "schedule", "withdraw", "copy")),
            *(f"{base}/{deed}" for deed in ("articles", "order", "articles/1")),
            *(f"{lesson}/{deed}" for deed in ("edit", "questions", "publish", "withdraw")),
            f"/studio/week/{base.rpartition('/')[2]}/move",
        ):
            answer = await browser.post(path, fields)
            assert answer.status_code in {403, 404, 409}, path
        assert (await browser.get("/studio/week?org=T")).status_code == 403
        assert (await browser.get("/studio/manuscripts/new-push?org=T")).status_code == 403
    assert await service.count("manuscript_version") == 3  # Nothing was changed.


async def test_what_does_not_exist(service: Service, room: Newsroom) -> None:
    lesson = await service.lesson()
    async with working(service, room.tutor) as browser:
        for number in (NOWHERE, 0, 2**70, "x"):
            for path in ("manuscripts/{}", "manuscripts/{}/push", "manuscripts/{}/articles/1"):
                answer = await browser.get(f"/studio/{path.format(number)}")
                assert answer.status_code in {404, 422}
            for path in ("lessons/{}", "lessons/{}/edit", "activities/{}", "groups/{}"):
                answer = await browser.get(f"/studio/{path.format(number)}")
                assert answer.status_code in {404, 422}
        issue = (await room.begin())["id"]
        for path in (
            f"/studio/manuscripts/{issue}/push",
            f"/studio/manuscripts/{issue}/articles/2",
            f"/studio/manuscripts/{issue}?version=9",
            "/studio/week?org=nowhere",
            "/studio/manuscripts/new-push?org=nowhere",
            f"/studio/manuscripts/new-push?lesson={NOWHERE}",
        ):
            assert (await browser.get(path)).status_code == 404, path
        assert (await browser.get(f"/studio/manuscripts/{issue}/articles/9")).status_code == 422
        assert (await browser.get("/studio/week?date=x")).status_code == 422
        assert (await browser.get(f"/studio/lessons?cursor={lesson}")).status_code == 400


async def test_below_a_root_every_address_is_below_it(service: Service, room: Newsroom) -> None:
    paths = await paths_of(service, room)
    async with working(service, room.tutor) as browser:
        cookies = browser.client.cookies
    transport = httpx.ASGITransport(service.app, root_path="/learn")
    async with httpx.AsyncClient(
        transport=transport, base_url=service.settings.base_url, cookies=cookies
    ) as client:
        for path in paths:
            page = await client.get(f"/learn{path}", headers={"accept": "text/html"})
            assert page.status_code == 200, path
            named = re.findall(r'(?:href|src|action|data-upload)="([^"]+)"', page.text)
            assert len(named) > 5
            assert [one for one in named if not one.startswith(("/learn/", "#"))] == [], path


async def test_what_was_forwarded_is_done(service: Service) -> None:
    tutor, other = await service.officer("tutor", "T-1"), await service.officer("tutor", "T-2")
    task, group = await relayed(tutor, "T-1")
    async with working(service, other) as browser:
        home = await browser.get("/studio")
        assert "现在没有要办的事" in home.text
        fields: dict[str, Any] = {"csrf": re.findall(r'name="csrf" value="([^"]+)"', home.text)[0]}
        answer = await browser.post(f"/studio/tasks/{task}/done", fields)
        assert answer.status_code == 403
    async with working(service, tutor) as browser:
        home = await browser.get("/studio")
        for _ in range(2):  # Back, and once more.
            done = await browser.press(home, f"/studio/tasks/{task}/done")
            assert done.headers["location"] == "/studio?said=forwarded"
        assert "已登记转发" in (await browser.get("/studio?said=forwarded")).text
        assert await service.count("delivery", "state = 'sent'") == 1
        assert await service.count("staff_act", "act = 'delivery.settle'") == 1
        shown = said(await browser.get("/studio/groups"))
        assert "1 / 1" in shown
        weeks = said(await browser.get(f"/studio/groups/{group}"))
        assert "11/23 起 1 / 1 7 3" in weeks
        assert "toast" not in (await browser.get("/studio?said=<b>")).text
