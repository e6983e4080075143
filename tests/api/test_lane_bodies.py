"""Whatever is sent as answers: the lane and the route say the same, ask for the same, count alike.

Nothing is behind them here but a stand-in that keeps what it was asked for.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message

from app.api.lanes import Lane
from app.api.limiting import Limiter, TooManyRequests
from app.api.middleware import BODY_BYTES_MAX
from app.api.together import Done, Signed
from app.core.settings import Settings
from app.flows.completion import Answering, Outcome
from app.flows.grading import Graded
from app.learning.studies import Standing
from tests.api.service import assembled

PATH = "/api/v1/lessons/7/answers"
JSON, GOOD = b"application/json", b'{"answers": {"1": [1], "2": []}}'
SIGNED = (b"authorization", b"Bearer someone")
LATER = datetime(2026, 11, 23, 2, 0, 15, tzinfo=UTC)
STANDING = Standing(1, 1, 7, 1, 60_000, 1, LATER, None, None, None)
SETTINGS = Settings(_env_file=None)
TOLD = Outcome(
    STANDING, 60, results=[Graded(1, True, (1,), "因为"), Graded(2, False, None, None)]
)  # fmt: skip
QUESTIONS = st.sampled_from(
    ("1", "2", "01", " 1 ", "1_0", "1.0", "+1", "-1", "0", "", "a", "\x00", "\ud800", "true", "١",
     str(2**63 - 1), str(2**63), "9" * 5000)
)  # fmt: skip
OPTIONS = st.sampled_from(
    ("0", "1", "99", "100", "-1", "1.0", "1.5", "1e1", "1e400", "true", "null", "NaN", "-Infinity",
     '"1"', '"1.0"', '" 1 "', '"a"', '"\\u0000"', '"\\ud800"', "[]", "{}", "9" * 5000, "01", "")
)  # fmt: skip
CHOSEN = st.lists(OPTIONS, max_size=3).map(lambda some: f"[{', '.join(some)}]") | OPTIONS


def objects(names: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> Any:
    """JSON's objects in words, as only there a name can come twice."""
    pairs = st.tuples(names.map(json.dumps), values).map(": ".join)
    return st.lists(pairs, max_size=4).map(lambda some: f"{{{', '.join(some)}}}")


FIELDS = st.sampled_from(("answers", "answers", "answers", "passed"))
TEXTS = objects(FIELDS, objects(QUESTIONS, CHOSEN) | CHOSEN) | CHOSEN
PLAIN = objects(st.just("answers"), objects(st.sampled_from(("1", "2", "3")), st.just("[0, 1]")))
CODINGS = st.sampled_from(("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32-be", "latin-1"))
BODIES = st.one_of(
    PLAIN.map(str.encode),
    st.tuples(TEXTS, CODINGS).map(lambda one: one[0].encode(one[1], "replace")),
    st.binary(max_size=20),
    st.tuples(PLAIN, st.binary(min_size=1, max_size=3)).map(lambda one: one[0].encode() + one[1]),
)
KINDS = st.sampled_from(
    (JSON, JSON, JSON, JSON + b"; charset=utf-8", JSON + b";charset=gbk", b"Application/JSON", b"",
     JSON + b" ", JSON + b", text/plain", b"application/problem+json", b"text/json", b"text/plain",
     b"application/x-www-form-urlencoded", b"application/json\xa0", b"multipart/form-data", None)
)  # fmt: skip
SIGNATURES = st.sampled_from((SIGNED, SIGNED, SIGNED, (b"authorization", b"Basic x"), None))


@dataclass
class Counting(Limiter):
    """Whoever was counted, in order; from `most` on they come too often."""

    most: int = 100
    hits: list[tuple[str, str]] = field(default_factory=list)

    def hit(self, kind: str, who: str) -> None:
        self.hits.append((kind, who))
        if len(self.hits) > self.most:
            raise TooManyRequests(retry_after=7)


@dataclass
class Behind:
    """In the place of app.api.together.Together, and of its `answers`."""

    asked: list[tuple[str, Answering]] = field(default_factory=list)

    @property
    def answers(self) -> "Behind":
        return self

    async def ask(self, signed: Signed[Answering]) -> Done:
        work = signed.work(1)
        work.at = LATER
        self.asked.append((signed.token.token, work))
        return Done(TOLD, {})


@dataclass
class Way:
    """What one request led to."""

    route: Any
    status: int
    headers: dict[bytes, bytes]
    body: bytes
    asked: list[tuple[str, Answering]]
    hits: list[tuple[str, str]]
    unread: int

    def seen(self) -> tuple[object, ...]:
        """All that anybody can see of it, but the name that each request has of its own."""
        named = self.headers[b"x-request-id"]
        headers = {name: text for name, text in self.headers.items() if name != b"x-request-id"}
        body = self.body.replace(named, b"")
        return self.status, headers, body, self.asked, self.hits, self.unread


def parts(body: bytes, cuts: Sequence[int] = ()) -> list[Message]:
    """A body as a server hands it on."""
    bounds = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[a:b] for a, b in pairwise(bounds)]
    return [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, 1)
    ]


async def go(
    query: bytes, messages: list[Message], headers: list[tuple[bytes, bytes]], most: int
) -> Way:
    app: FastAPI = assembled()[0]
    app.state.settings = SETTINGS
    app.state.limiter, app.state.together = limiter, behind = Counting(most), Behind()
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": PATH,
        "raw_path": PATH.encode(), "root_path": "", "query_string": query, "headers": headers,
        "client": ("10.0.0.1", 1), "server": ("town", 80),
    }  # fmt: skip
    to_come, sent = list(messages), list[Message]()

    async def receive() -> Message:
        return to_come.pop(0) if to_come else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    body = b"".join(one.get("body", b"") for one in sent[1:])
    return Way(
        scope["route"], sent[0]["status"], dict(sent[0]["headers"]), body,
        behind.asked, limiter.hits, len(to_come),
    )  # fmt: skip


async def both(
    messages: list[Message],
    kind: bytes | None = JSON,
    signature: tuple[bytes, bytes] | None = SIGNED,
    most: int = 100,
) -> Way:
    """By the lane if it takes it, and by the route: all that is seen must be the same."""
    headers = [] if kind is None else [(b"content-type", kind)]
    headers += [] if signature is None else [signature]
    first = await go(b"", messages, headers, most)
    second = await go(b"via=", messages, headers, most)
    assert isinstance(second.route, APIRoute)
    assert first.route.path == second.route.path
    assert first.seen() == second.seen()
    return first


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    body=BODIES,
    cuts=st.lists(st.integers(0, 40), max_size=2),
    kind=KINDS,
    signature=SIGNATURES,
    most=st.sampled_from((100, 100, 0)),
)
async def test_any_body_leads_to_the_same_on_either_way(
    body: bytes,
    cuts: list[int],
    kind: bytes | None,
    signature: tuple[bytes, bytes] | None,
    most: int,
) -> None:
    led = await both(parts(body, cuts), kind, signature, most)
    if led.asked and kind == JSON:
        assert isinstance(led.route, Lane)


@pytest.mark.parametrize(
    ("body", "chosen"),
    [
        (GOOD, {1: [1], 2: []}),
        (b'{"answers": {}}', {}),
        (b'{"answers": {"1": [true, 2.0, "3"], " 1_0 ": [0], "01": [4]}}', {1: [4], 10: [0]}),
        # Of two of the same name the last one is meant, whatever the first one is.
        (b'{"answers": {"1": ["x"], "2": [2], "1": [1]}}', {1: [1], 2: [2]}),
        (b'{"answers": NaN, "answers": {}}', {}),
        (b'{"answers": "\\ud800", "answers": {}}', {}),
        (b'\xef\xbb\xbf{"answers": {}}', {}),
        ('{"answers": {}}'.encode("utf-16"), {}),
    ],
)
async def test_what_is_right_takes_the_lane(body: bytes, chosen: dict[int, list[int]]) -> None:
    for kind in (JSON, JSON + b"; charset=utf-8"):
        led = await both(parts(body, [5]), kind)
        assert isinstance(led.route, Lane)
        assert (led.status, [work.answers for _, work in led.asked]) == (200, [chosen])
        assert led.hits == [("address", "10.0.0.1")]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"7", b"{", b"{}", GOOD + b"}", b'{"answers": null}',
        GOOD[:-1] + b', "passed": true}', b'{"answers": {"1": [0]}, "\x00": 1}',
        b'{"answers": "\\u0000"}', b'{"answers": {"1": ["\\u0000"]}}', b'{"answers": {"1": [NaN]}}',
        b'{"answers": {"1": [' + b"9" * 5000 + b"]}}", b'{"answers": {"' + b"9" * 5000 + b'": []}}',
        b'{"answers": ' + b"9" * 5000 + b', "answers": {}}', b'{"answers": "\xff", "answers": {}}',
        b'{"answers": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"[" * 100_000,
        json.dumps({"answers": {str(one): [] for one in range(1, 202)}}).encode(),
    ],
)  # fmt: skip
async def test_what_is_wrong_has_the_error_of_the_route(body: bytes) -> None:
    for signature in (SIGNED, None):
        led = await both(parts(body, [1, 9]), JSON, signature)
        assert isinstance(led.route, APIRoute)
        assert (led.status, led.asked) in ((422, []), (401, []))
        # Who sends it was asked for once or, where the body is no JSON at all, not even that.
        assert len(led.hits) <= 1


@pytest.mark.parametrize("kind", [None, b"", b"text/plain", b"text/json", JSON + b", text/plain"])
async def test_what_is_not_said_to_be_json_is_none(kind: bytes | None) -> None:
    assert (await both(parts(GOOD), kind)).status == 422


async def test_what_is_json_by_another_name_is_the_routes() -> None:
    for kind in (b"application/vnd.town+json", b"Application/JSON", JSON + b" ; charset=utf-8"):
        led = await both(parts(GOOD), kind)
        assert isinstance(led.route, APIRoute)
        assert led.status == 200


async def test_nobody_and_too_many_hear_it_on_either_way() -> None:
    assert (await both(parts(GOOD), signature=None)).status == 401
    led = await both(parts(GOOD), most=0)
    assert (led.status, led.headers[b"retry-after"]) == (429, b"7")


async def test_no_more_is_read_of_what_is_too_large() -> None:
    piece: Message = {"type": "http.request", "body": b" " * BODY_BYTES_MAX, "more_body": True}
    led = await both([piece, piece, piece])
    assert (led.status, led.unread) == (413, 1)


async def test_who_hangs_up_is_no_failure_of_ours() -> None:
    first = parts(GOOD, [5])[0]
    assert (await both([first])).status == 422
    assert (await both([])).status == 422
