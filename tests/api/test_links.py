"""A group's link over HTTP: counted once a phone, and nothing is kept of anybody."""

import io

import pytest
from PIL import Image
from sqlalchemy import select

from app.api.pages import frame
from app.content.models import Lesson
from app.content.service import withdraw
from app.core.clock import utcnow
from app.core.db import transaction
from app.core.settings import Settings
from app.people.models import Organisation, Person
from app.push.links import code_of
from app.push.models import Delivery
from tests.api.service import Resident, Service
from tests.factories.pushing import TODAY, make_delivery, make_group, make_push

PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 12) MicroMessenger/8.0.40"}


@pytest.fixture
async def lesson_id(service: Service) -> int:
    return await service.lesson(title="接到<b>电话</b>怎么办")


@pytest.fixture
async def delivery(resident: Resident, lesson_id: int) -> Delivery:
    async with transaction() as session:
        org = (await session.scalars(select(Organisation).where(Organisation.code == "T-1"))).one()
        owner = await session.get_one(Person, resident.id)
        group = await make_group(session, org, owner)
        lesson = await session.get_one(Lesson, lesson_id)
        push = await make_push(session, org, lesson, day=TODAY, state="publishing")
        return await make_delivery(session, push, group, state="handed_over", claimed_at=utcnow())


@pytest.fixture
def code(delivery: Delivery, settings: Settings) -> str:
    return code_of(delivery.id, secret=settings.secret_key)


async def now_of(delivery: Delivery) -> Delivery:
    async with transaction() as session:
        return await session.get_one(Delivery, delivery.id)


async def test_the_page_is_small_safe_and_says_where_credit_is(
    service: Service, code: str, lesson_id: int
) -> None:
    answer = await service.client.get(f"/g/{code}", headers=PHONE)
    assert answer.status_code == 200
    assert len(answer.content) < 30 * 1024
    assert answer.headers["content-security-policy"] == frame.CSP
    html = answer.text
    assert " style=" not in html
    assert "接到&lt;b&gt;电话&lt;/b&gt;怎么办" in html
    assert "登录后学习可得学分" in html
    assert f'href="/lessons/{lesson_id}?via={code}"' in html
    assert f"id%3D{lesson_id}%26via%3D{code}" in html  # in the mini-program
    assert "不记录您是谁" in html


async def test_a_phone_counts_once_and_the_first_one_proves_the_delivery(
    service: Service, delivery: Delivery, code: str
) -> None:
    # The tutor's own look, by the address she is told to try, proves nothing.
    await service.client.get(f"/g/{code}?look=1", headers=PHONE)
    assert ((await now_of(delivery)).state, (await now_of(delivery)).clicks) == ("handed_over", 0)
    for _ in range(3):
        await service.client.get(f"/g/{code}", headers=PHONE)
    found = await now_of(delivery)
    assert (found.state, found.proof, found.clicks) == ("sent", "群内已有人点开", 1)
    (cookie,) = service.client.cookies.jar
    assert (cookie.value, cookie.path) == ("1", f"/g/{code}")
    service.client.cookies.clear()
    await service.client.get(f"/g/{code}", headers=PHONE)
    assert (await now_of(delivery)).clicks == 2


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"},
        {"User-Agent": "Baiduspider/2.0"},
        {"User-Agent": ""},
        {**PHONE, "Sec-Purpose": "prefetch"},
        {**PHONE, "Purpose": "prefetch"},
    ],
)
async def test_a_look_ahead_is_no_click(
    service: Service, delivery: Delivery, code: str, headers: dict[str, str]
) -> None:
    assert (await service.client.get(f"/g/{code}", headers=headers)).status_code == 200
    assert (await service.client.head(f"/g/{code}", headers=PHONE)).status_code == 200
    found = await now_of(delivery)
    assert (found.state, found.clicks) == ("handed_over", 0)


async def test_a_forged_code_is_a_page_that_says_so(service: Service, code: str) -> None:
    for wrong in (f"{code[:-1]}{'A' if code[-1] != 'A' else 'B'}", "x", "%E5%AD%A6", "9" * 60):
        answer = await service.client.get(f"/g/{wrong}", headers=PHONE)
        assert answer.status_code == 404
        assert "没有这个链接" in answer.text
        assert (await service.client.get(f"/posters/{wrong}.png")).status_code == 404


async def test_a_withdrawn_lesson_is_shown_no_more(
    service: Service, delivery: Delivery, code: str, lesson_id: int
) -> None:
    async with transaction() as session:
        await withdraw(session, lesson_id=lesson_id, reason="内容有误", now=utcnow())
    answer = await service.client.get(f"/g/{code}", headers=PHONE)
    assert (answer.status_code, "已下架" in answer.text) == (410, True)
    assert (await now_of(delivery)).clicks == 0


async def test_the_poster_is_a_picture(service: Service, code: str) -> None:
    answer = await service.client.get(f"/posters/{code}.png")
    assert answer.headers["content-type"] == "image/png"
    policy = frame.VIEWED["Content-Security-Policy"]
    assert answer.headers.get_list("content-security-policy") == [policy]
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (1080, 1620)


async def test_a_lesson_completed_by_the_link_counts_for_the_group_only(
    service: Service, resident: Resident, delivery: Delivery, code: str, lesson_id: int
) -> None:
    lesson = await service.ask("GET", f"/lessons/{lesson_id}", resident)
    right = {
        str(one["id"]): given
        for one, given in zip(lesson["questions"], ([1], [0, 1], [0]), strict=True)
    }
    for via in ("forged1234", code):
        path = f"/lessons/{lesson_id}/answers?via={via}"
        assert (await service.ask("POST", path, resident, json={"answers": right}))["passed"]
    for _ in range(5):
        done = await service.ask("POST", f"/lessons/{lesson_id}/beats?via={code}", resident)
        service.forward(seconds=15)
    assert done["completed"]
    for _ in range(2):
        await service.ask("POST", f"/lessons/{lesson_id}/beats?via={code}", resident)
    assert (await now_of(delivery)).learned == 1
