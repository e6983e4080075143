"""The frame around every request: ids, headers, limits, health, and what an error looks like."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import Message, Receive, Scope, Send

from app import __version__
from app.api import health, me
from app.api.middleware import BODY_BYTES_MAX, NO_PAGE
from app.core import clock
from app.core.settings import RateLimits, Settings
from app.flows.watch import Seen, look
from app.main import create_app
from tests.api.service import Resident, Service, fresh_count, running

JSON = {"Content-Type": "application/json"}


async def test_a_request_keeps_its_id(service: Service, client: httpx.AsyncClient) -> None:
    given = {"X-Request-Id": "proxy-4711.a_b"}
    for path in ("/healthz", "/api/v1/me", "/nowhere", "/docs"):
        answer = await client.get(path, headers=given)
        assert answer.headers["x-request-id"] == "proxy-4711.a_b", path
        if answer.is_error:
            assert answer.json()["request_id"] == "proxy-4711.a_b"
    made = set()
    for wrong in (b"", b"short", b"x" * 65, b"with space", "注入".encode(), b"a" * 8 + b";"):
        answer = await client.get("/api/v1/me", headers={b"X-Request-Id": wrong})
        made.add(answer.headers["x-request-id"])
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert answer.headers["x-request-id"].encode() != wrong
    assert len(made) == 6
    assert service.app.state.settings


async def test_every_answer_has_its_security_headers(service: Service, resident: Resident) -> None:
    answers = [
        await service.call("GET", path, resident)
        for path in ("/healthz", "/readyz", "/metrics", "/me", "/nowhere", "/docs")
    ]
    answers.append(await service.call("POST", "/wechat/wx-nobody"))
    answers.append(await service.client.patch("/api/v1/me", content=b"x" * (BODY_BYTES_MAX + 1)))
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        (policy,) = answer.headers.get_list("content-security-policy")
        assert policy.startswith("default-src 'none'; ")
        assert policy.endswith("; frame-ancestors 'none'")
        assert "server" not in answer.headers


async def test_what_is_no_page_may_load_and_send_nothing(
    service: Service, resident: Resident
) -> None:
    answers = [
        await service.call("GET", path, resident)
        for path in (
            *("/healthz", "/metrics", "/me", "/nowhere", "/openapi.json", "/me/export"),
            *("/docs/static/swagger-ui.css", "/docs/static/nothing.js", "/docs/nothing"),
        )
    ]
    answers.append(await service.client.get("/login/oauth"))
    answers.append(await service.client.get("/favicon.ico"))
    for answer in answers:
        assert answer.headers.get_list("content-security-policy") == [NO_PAGE.decode()], answer.url


async def test_a_bug_is_a_500_with_an_id_and_no_secret(
    service: Service, resident: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("槐小花's secret")

    monkeypatch.setattr(me, "person_out", broken)
    with structlog.testing.capture_logs() as logged:
        answer = await service.call("GET", "/me", resident, headers={"X-Request-Id": "bug-0001"})
    assert (answer.status_code, answer.json()["code"]) == (500, "InternalError")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "bug-0001"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" not in answer.text
    assert [one["event"] for one in logged] == ["request.failed", "request.done"]
    assert (logged[1]["status"], logged[1]["route"]) == (500, "/api/v1/me")


async def test_a_refusal_names_its_error_in_the_log(service: Service) -> None:
    with structlog.testing.capture_logs() as logged:
        await service.call("GET", "/me")
    refused = next(one for one in logged if one["event"] == "request.refused")
    assert (refused["error"], refused["answered"]) == ("NotSignedIn", 401)


async def test_addresses_and_methods_that_are_not_there(
    service: Service, resident: Resident
) -> None:
    answer = await service.call("GET", "/nowhere", resident)
    assert (answer.status_code, answer.json()["code"]) == (404, "NoSuchAddress")
    assert answer.json()["title"] == "没有这个地址"
    answer = await service.call("PUT", "/me", resident)
    assert (answer.status_code, answer.json()["code"]) == (405, "MethodNotAllowed")
    assert "PATCH" in answer.headers["allow"] or "GET" in answer.headers["allow"]
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_over_the_limit_is_413(service: Service, resident: Resident) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"name": "'
        for _ in range(BODY_BYTES_MAX // 1024 + 1):
            yield b"x" * 1024
        yield b'"}'

    token = {"Authorization": f"Bearer {resident.token}"}
    for content in (b"x" * (BODY_BYTES_MAX + 1), chunks()):
        answer = await service.client.patch("/api/v1/me", content=content, headers=JSON | token)
        assert (answer.status_code, answer.json()["code"]) == (413, "BodyTooLarge")
        assert answer.headers["content-type"] == "application/problem+json"
    declared = JSON | {"Content-Length": "9" * 30}
    answer = await service.client.patch("/api/v1/me", content=b"{}", headers=declared)
    assert answer.status_code == 413
    # One byte less is read, and refused for what it says.
    most = b'{"name": "' + b"x" * (BODY_BYTES_MAX - 12) + b'"}'
    answer = await service.client.patch("/api/v1/me", content=most, headers=JSON | token)
    assert (len(most), answer.status_code) == (BODY_BYTES_MAX, 422)


async def test_a_body_that_is_no_json_is_422(service: Service, resident: Resident) -> None:
    token = {"Authorization": f"Bearer {resident.token}"}
    bodies = (
        b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"name": NaN}', b'{"\\ud800": 1}',
        b'{"name": "\\ud800"}', b'{"org_code": "\\u0000"}', b"null", b'"name"', b"name=x",
    )  # fmt: skip
    for body in bodies:
        answer = await service.client.patch("/api/v1/me", content=body, headers=JSON | token)
        assert (answer.status_code, answer.json()["code"]) == (422, "MalformedRequest"), body[:30]
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await service.client.patch("/api/v1/me", content=b"name=x", headers=form | token)
    assert answer.status_code == 422


async def test_too_many_requests_are_told_when_to_come_back(settings: Settings) -> None:
    rates = RateLimits(person="5/hour", address="12/hour", login="2/hour")
    async with running(settings.model_copy(update={"rate": rates})) as service:
        first, second = [await service.login(await service.user()) for _ in range(2)]
        user = await service.user()
        code = (await service.act(user, "mini-code"))["code"]
        answers = [await service.call("POST", "/login/mini", json={"code": code})]
        for who, allowed in ((first, 5), (second, 5)):
            for _ in range(allowed):
                await service.ask("GET", "/me", who)
            answers.append(await service.call("GET", "/me", who))
        # The address has used up its own by now: even a stranger's token is not looked up.
        answers.append(await service.call("GET", "/me"))
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (429, "TooManyRequests")
            assert 3000 < int(answer.headers["retry-after"]) <= 3601
            assert answer.json()["retry_after"] == int(answer.headers["retry-after"])
        # WeChat's callback and the probes are never limited by address.
        assert (await service.call("GET", "/healthz")).status_code == 200


async def test_the_commit_comes_before_the_answer(
    service: Service, resident: Resident, settings: Settings
) -> None:
    assert settings.database_url is not None
    url = settings.database_url
    seen: list[int] = []

    async def spying(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.append(await fresh_count(url, "consent"))
                seen.append(await fresh_count(url, "person"))
                seen.append(await fresh_count(url, "wechat_inbox"))
            await send(message)

        await service.app(scope, receive, sending)

    transport = httpx.ASGITransport(spying)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        token = {"Authorization": f"Bearer {resident.token}"}
        body = {"purpose": "notices", "version": 1}
        assert (await client.post("/api/v1/me/consents", json=body, headers=token)).is_success
        assert seen == [1, 1, 0]
        code = (await service.act(await service.user(), "mini-code"))["code"]
        assert (await client.post("/api/v1/login/mini", json={"code": code})).is_success
        assert seen[3:] == [1, 2, 0]
        service.world.http = client
        await service.act(await service.user(), "follow")
        # The address is verified first, then the event comes.
        assert seen[-3:] == [1, 3, 1]


async def test_a_refusal_books_nothing(service: Service, resident: Resident) -> None:
    said = {"name": "槐小花", "org_code": "nowhere"}
    assert (await service.call("PATCH", "/me", resident, json=said)).status_code == 404
    assert await service.count("person", "name IS NOT NULL") == 0


async def test_health_tells_the_services_own_clock(service: Service) -> None:
    service.forward(days=3)
    said = await service.ask("GET", "/healthz")
    assert set(said) == {"status", "version", "now"}
    assert (said["status"], said["version"]) == ("ok", __version__)
    assert said["now"].startswith(clock.utcnow().strftime("%Y-%m-%dT%H:%M"))
    assert await service.ask("GET", "/readyz") == {"status": "ready"}


async def test_not_ready_until_migrated(service: Service) -> None:
    service.app.state.revision = "a newer one"
    answer = await service.call("GET", "/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "NotMigrated")
    assert (await service.call("GET", "/healthz")).status_code == 200


async def test_metrics_count_by_route_and_never_by_person(
    service: Service, resident: Resident
) -> None:
    lesson_id = await service.lesson()
    await service.ask("GET", f"/lessons/{lesson_id}", resident)
    await service.client.request("EVIL-METHOD", "/api/v1/me")
    answer = await service.call("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'route="/api/v1/lessons/{lesson_id}",status="200"' in answer.text
    assert "EVIL-METHOD" not in answer.text
    for gauge in (
        "shoushan_wechat_inbox_failed 0.0",
        "shoushan_jobs_failed 0.0",
        "shoushan_push_weeks_at_risk 0.0",
        'shoushan_push_deliveries_doubtful{state="unknown"} 0.0',
    ):
        assert gauge in answer.text
    for secret in (resident.token, *resident.user["openids"].values()):
        assert secret not in answer.text


async def test_metrics_show_what_waits_in_the_database(service: Service) -> None:
    await service.act(await service.user(), "follow")
    assert await service.count("procrastinate_jobs", "status = 'todo'") == 1
    with structlog.testing.capture_logs() as logged:
        answer = await service.call("GET", "/metrics")
    assert "metrics.incomplete" not in [one["event"] for one in logged]
    assert "shoushan_jobs_waiting 1.0" in answer.text


async def test_metrics_wait_for_no_database(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that hangs: its figures are left out, nobody else's, and nobody asks it twice."""
    answers, asked = asyncio.Event(), 0

    async def hangs(session: AsyncSession, *, now: datetime) -> Seen:
        nonlocal asked
        asked += 1
        await answers.wait()
        return await look(session, now=now)

    monkeypatch.setattr(health, "look", hangs)
    monkeypatch.setattr(health, "METRICS_SECONDS", 0.1)
    await service.call("GET", "/healthz")
    for _ in range(2):
        with structlog.testing.capture_logs() as logged:
            answer = await service.call("GET", "/metrics")
        assert answer.status_code == 200
        assert 'route="/healthz",status="200"' in answer.text
        assert "shoushan_jobs_waiting" not in answer.text
        assert "metrics.incomplete" in [one["event"] for one in logged]
    assert asked == 1
    answers.set()
    monkeypatch.setattr(health, "METRICS_SECONDS", 10)
    assert "shoushan_jobs_waiting 0.0" in (await service.call("GET", "/metrics")).text


def test_an_application_needs_to_be_told_its_database() -> None:
    with pytest.raises(AssertionError, match="database"):
        create_app(Settings(_env_file=None, database_url=None))
