"""What no honest client sends, to every operation there is: refused in one form, never a 5xx."""

import base64
import json
import random
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from tests.api.service import Resident, Service
from tests.api.test_openapi import operations

WORDS = (
    "", "\x00", "a\x00b", "-1", "0", str(2**63 - 1), str(2**63), "9" * 400, "1e400", "NaN", "null",
    "'; DROP TABLE person; --", "%", "_", "\\", "../../etc/passwd", "王" * 70, "x" * 300,
    "\u202e\ufeff", "\U0001f600", "true", "[]", "2026-02-30", "0001-01-01", "9999-12-31",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**31, 2**63 - 1, 2**63, 10**400, 1.5, "", "\x00", "a\x00b", "x" * 3000,
    "\u202e", [], ["\x00"], [2**63], {}, {"a": "\x00"}, "9999-12-31", "0001-01-01T00:00:00+14:00",
)  # fmt: skip


def cursor(*key: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


CURSORS = (
    "x", "a" * 200, "a" * 201, "é", cursor(), cursor(None), cursor(2**63), cursor(-(2**63)),
    cursor(10**60), cursor("\x00"), cursor(1, 2, 3), cursor(True), cursor(1.5, 1), cursor([]),
    cursor(1, 1), cursor("2026-11-23T00:00:00+00:00", 1), cursor("9999-12-31T23:59:59-14:00", 1),
    cursor("0001-01-01T00:00:00+14:00", 1), cursor("2026-11-23T00:00:00", 1), cursor("today", 1),
)  # fmt: skip


class Tries:
    """All hostile values for the first of a kind, a third of them for others of the kind.

    A kind is a schema: most ids, words and dates are read by the same few lines. Which third is
    another one in every run (the seed is pytest's).
    """

    def __init__(self) -> None:
        self.kinds: set[str] = set()

    def of(self, schema: Any, hostile: Sequence[Any]) -> Sequence[Any]:
        facts = {name: schema[name] for name in schema if name not in ("title", "description")}
        kind = json.dumps(facts, sort_keys=True)
        if kind in self.kinds:
            return random.sample(hostile, len(hostile) // 3)
        self.kinds.add(kind)
        return hostile


async def refused(service: Service, who: Resident, method: str, path: str, **parts: Any) -> None:
    answer = await service.call(method, path, who, **parts)
    asked = f"{method} {path[:120]!r} {str(parts)[:120]} → {answer.status_code} {answer.text[:200]}"
    assert answer.status_code < 500, asked
    if answer.is_error:
        assert answer.headers["content-type"] == "application/problem+json", asked
        body = answer.json()
        assert {"type", "title", "status", "detail", "code", "request_id"} <= set(body), asked
        assert (body["status"], body["type"]) == (answer.status_code, "about:blank"), asked


async def everything(service: Service) -> list[tuple[str, str, Any]]:
    """(method, path, operation) of the JSON API, but for what would end the session."""
    found = [(*name.split(), operation) for name, operation in operations(service.app.openapi())]
    return [
        (method, path, operation)
        for method, path, operation in found
        if path.startswith("/api/v1") and (method, path) != ("DELETE", "/api/v1/me")
        and not path.endswith("/logout")
    ]  # fmt: skip


def filled(path: str, operation: Any, value: str) -> str:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
    return path


async def boss(service: Service) -> Resident:
    """Somebody whom no policy stops before the values are looked at."""
    one = await service.officer("admin", "T")
    await service.lesson()
    return one


async def test_hostile_paths_and_parameters(service: Service) -> None:
    one, tries = await boss(service), Tries()
    for method, path, operation in await everything(service):
        given = operation.get("parameters", ())
        for parameter in given:
            name, schema = parameter["name"], parameter["schema"]
            if parameter["in"] == "path":
                for word in filter(None, tries.of(schema, WORDS)):
                    await refused(service, one, method, filled(path, operation, word), json={})
            elif parameter["in"] == "query":
                words = CURSORS if name == "cursor" else tries.of(schema, WORDS)
                for word in words:
                    where = f"{filled(path, operation, 'people')}?{name}={quote(word, safe='')}"
                    await refused(service, one, method, where)
    assert len(tries.kinds) > 15


async def test_hostile_bodies(service: Service) -> None:
    one = await boss(service)
    schemas = service.app.openapi()["components"]["schemas"]
    good: dict[str, Any] = {
        "title": "电工证", "institution": "职教中心", "hours_hundredths": 100, "lots": 1,
        "achieved_on": "2026-05-20", "document_name": "证", "document_sha256": "ab" * 32,
        "platform": "微讲堂", "org_code": "T", "starts_at": "2026-11-23T10:00:00+08:00",
        "ends_at": "2026-11-23T11:00:00+08:00", "reason": "理由", "remarks": "理由",
        "person_ids": [1], "answers": {"1": [0]}, "purpose": "notices", "version": 1,
        "code": "credit.to.course_credit", "articles": [], "decision": "return",
        "digest": "ab" * 32,
    }  # fmt: skip
    tried, tries = 0, Tries()
    for method, path, operation in await everything(service):
        if "requestBody" not in operation:
            continue
        content = operation["requestBody"]["content"].get("application/json")
        if content is None:
            continue  # a form with a file: tests/api/test_uploads.py
        fields = schemas[content["schema"]["$ref"].rsplit("/", 1)[-1]]["properties"]
        whole = {name: good[name] for name in fields if name in good}
        place = filled(path, operation, "1")
        for name, schema in fields.items():
            for value in tries.of(schema, VALUES):
                body = json.dumps(whole | {name: value}).encode()
                # Of its own, or all but the first would only hear that the key is taken.
                key = {"Idempotency-Key": f"hostile-{tried}"}
                typed = key | {"Content-Type": "application/json"}
                await refused(service, one, method, place, content=body, headers=typed)
                tried += 1
        for value in tries.of({"type": "a whole body"}, VALUES):
            await refused(service, one, method, place, json=value)
    assert tried > 500
