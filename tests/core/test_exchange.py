import httpx
import pytest
from prometheus_client import REGISTRY

from app.core.exchange import (
    NEVER_ARRIVED,
    PlatformRefused,
    PlatformUnavailable,
    Unanswered,
    nothing_done,
    open_http,
    send,
    watched,
)

EVERY = [
    one
    for one in vars(httpx).values()
    if isinstance(one, type) and issubclass(one, httpx.HTTPError) and not one.__subclasses__()
]
"""Every kind of failure httpx knows: a new one must choose its side here."""
ARRIVED = {
    httpx.CloseError,
    httpx.DecodingError,
    httpx.HTTPStatusError,
    httpx.LocalProtocolError,
    httpx.ReadError,
    httpx.ReadTimeout,
    httpx.RemoteProtocolError,
    httpx.TooManyRedirects,
    httpx.WriteError,
    httpx.WriteTimeout,
}


def test_each_failure_of_httpx_is_on_one_side() -> None:
    assert set(EVERY) == ARRIVED | set(NEVER_ARRIVED)


@pytest.mark.parametrize("kind", [one for one in EVERY if one is not httpx.HTTPStatusError])
async def test_only_what_never_arrived_is_certainly_not_done(kind: type[Exception]) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise kind("https://x.example/?access_token=secret")

    async with open_http("https://x.example", httpx.MockTransport(fail)) as http:
        with pytest.raises(Unanswered) as found:
            await send(http, "POST", "/a", params={"access_token": "secret"})
    assert found.value.maybe_done is (kind in ARRIVED)
    assert found.value.reason == kind.__name__
    assert found.value.__cause__ is None


def count(outcome: str) -> float:
    labels = {"platform": "wecom", "path": "/x/{id}", "errcode": outcome}
    return REGISTRY.get_sample_value("shoushan_platform_call_seconds_count", labels) or 0


def test_every_outcome_is_measured() -> None:
    before = [count(outcome) for outcome in ("0", "93000", "unavailable")]
    with watched("wecom", "/x/{id}"):
        pass
    with pytest.raises(PlatformRefused), watched("wecom", "/x/{id}"):
        raise PlatformRefused(93000)
    with pytest.raises(PlatformUnavailable), watched("wecom", "/x/{id}"):
        raise PlatformUnavailable(reason="x")
    after = [count(outcome) for outcome in ("0", "93000", "unavailable")]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 1]


def test_what_comes_before_the_call_leaves_it_undone() -> None:
    with pytest.raises(PlatformUnavailable) as found, nothing_done():
        raise PlatformUnavailable(reason="ReadTimeout")
    assert not found.value.maybe_done
    assert PlatformUnavailable().maybe_done
