"""A lane and the route behind it are the same endpoint: only the way there is shorter."""

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match

from app.api.deps import PUBLIC
from app.api.routers import LANES, ROUTERS
from app.main import assemble
from tests.api.service import RIGHT, Resident, Service


def first_match(method: str, path: str, query: bytes = b"", root: str = "") -> BaseRoute:
    scope = {"type": "http", "method": method, "path": root + path, "root_path": root,
             "query_string": query, "headers": []}  # fmt: skip
    routes = assemble().router.routes
    return next(route for route in routes if route.matches(scope)[0] == Match.FULL)


def test_what_is_plain_takes_its_lane_and_all_else_its_route() -> None:
    beats, answers, wechat = LANES
    for root in ("", "/town"):
        assert first_match("POST", "/api/v1/lessons/7/beats", root=root) is beats
        assert first_match("POST", "/api/v1/lessons/7/answers", root=root) is answers
        assert first_match("POST", "/wechat/wx1", b"timestamp=1", root=root) is wechat
    for other in (
        first_match("POST", "/api/v1/lessons/7/beats", b"via=1"),
        first_match("POST", "/api/v1/lessons/0/beats"),
        first_match("POST", "/api/v1/lessons/7/answers", b"via=1"),
        first_match("POST", "/api/v1/lessons/01/answers"),
        first_match("GET", "/wechat/wx1", b"echostr=1"),
    ):
        assert isinstance(other, APIRoute)


def test_every_lane_is_also_declared() -> None:
    declared = {
        (method, getattr(route, "path", None))
        for router in ROUTERS
        for route in router.routes
        for method in getattr(route, "methods", None) or ()
    }
    public = {
        route.path
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and route.endpoint in PUBLIC
    }
    for lane in LANES:
        assert ("POST", lane.path) in declared
        # Law 7 on either way: open to everybody, or to nobody without a token (below).
        assert (lane.endpoint in PUBLIC) == (lane.path in public)


async def test_a_beat_is_answered_alike_on_either_way(service: Service, resident: Resident) -> None:
    lesson_id = await service.lesson()
    straight = await service.call("POST", f"/lessons/{lesson_id}/beats", resident)
    routed = await service.call("POST", f"/lessons/{lesson_id}/beats?via=", resident)
    assert straight.status_code == routed.status_code == 200
    assert straight.json() == routed.json()
    assert straight.headers["content-type"] == routed.headers["content-type"]
    unknown = [
        await service.call("POST", f"/lessons/{10**12}/beats{query}", resident)
        for query in ("", "?via=")
    ]
    assert [one.status_code for one in unknown] == [404, 404]
    assert [one.json()["code"] for one in unknown] == ["LessonNotFound", "LessonNotFound"]


async def test_answers_are_answered_alike_on_either_way(
    service: Service, resident: Resident
) -> None:
    """Two who read alike send the same, one by the lane, one by the route: alike, each time."""
    lesson_id, other = await service.lesson(), await service.login()
    ways = ((resident, "answers"), (other, "answers?via="))
    lesson = await service.ask("GET", f"/lessons/{lesson_id}", resident)
    known = [str(one["id"]) for one in lesson["questions"]]
    right = dict(zip(known, RIGHT, strict=True))
    for who, _ in ways:
        await service.read(who, lesson_id, 60)
    for sent, status in (
        ({"987654": [0]}, 400),
        ({known[0]: [99]}, 400),
        (right | {known[0]: [0]}, 200),
        (right, 429),
    ):
        told = [
            await service.call("POST", f"/lessons/{lesson_id}/{way}", who, json={"answers": sent})
            for who, way in ways
        ]
        assert [one.status_code for one in told] == [status, status]
        assert told[0].json().keys() == told[1].json().keys()
        assert told[0].json().get("code") == told[1].json().get("code")
    service.forward(seconds=15)
    done = [
        await service.call("POST", f"/lessons/{lesson_id}/{way}", who, json={"answers": right})
        for who, way in ways
    ]
    assert done[0].json()["completed"]
    assert done[0].content == done[1].content


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "NotSignedIn"),
        ("Basic abc", "NotSignedIn"),
        ("Bearer", "NotSignedIn"),
        ("Bearer   ", "NotSignedIn"),
        ("Bearer nobody", "TokenUnknown"),
        ("bearer  nobody ", "TokenUnknown"),
    ],
)
async def test_who_shows_no_token_is_refused_on_either_way(
    service: Service, header: str | None, code: str
) -> None:
    lesson_id = await service.lesson()
    headers = {} if header is None else {"Authorization": header}
    for way in ("beats", "beats?via=", "answers", "answers?via="):
        path = f"/api/v1/lessons/{lesson_id}/{way}"
        answer = await service.client.post(path, headers=headers, json={"answers": {}})
        assert (answer.status_code, answer.json()["code"]) == (401, code), way


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/lessons/0/beats", 422),
        ("POST", "/api/v1/lessons/01/beats", 404),
        ("POST", "/api/v1/lessons/9999999999999999999/beats", 422),
        ("POST", "/api/v1/lessons/x/beats", 422),
        ("POST", "/api/v1/lessons/0/answers", 422),
        ("POST", "/api/v1/lessons/1/answers", 422),
        ("GET", "/api/v1/lessons/1/answers", 405),
        ("GET", "/api/v1/lessons/1/beats", 405),
        ("PUT", "/wechat/wx1", 405),
    ],
)
async def test_what_is_not_plainly_right_has_the_errors_of_the_route(
    service: Service, resident: Resident, method: str, path: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {resident.token}"}
    answer = await service.client.request(method, path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_came_by_a_lane_is_counted_under_its_route(
    service: Service, resident: Resident
) -> None:
    lesson_id = await service.lesson()

    async def counted() -> float:
        said = (await service.client.get("/metrics")).text
        named = [
            line
            for line in said.splitlines()
            if "_count{" in line and 'route="/api/v1/lessons/{lesson_id}/beats"' in line
        ]
        return sum(float(line.rsplit(" ", 1)[1]) for line in named)

    before = await counted()
    await service.call("POST", f"/lessons/{lesson_id}/beats", resident)
    await service.call("POST", f"/lessons/{lesson_id}/beats?via=", resident)
    assert await counted() == before + 2
