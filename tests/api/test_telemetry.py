"""What requests do is told by our own log and /metrics, and by nobody else."""

from functools import partial

import httpx
import pytest
from asgi_lifespan import LifespanManager
from opentelemetry import metrics, trace

from app.core.settings import Settings
from app.main import create_app


async def test_the_frameworks_own_telemetry_stays_silent(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever stands in the environment: nothing is sent, nor looked for with each request."""
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    sought: list[str] = []
    for place, name in ((trace, "get_tracer_provider"), (metrics, "get_meter_provider")):
        monkeypatch.setattr(place, name, partial(sought.append, name))
    app = create_app(settings)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=settings.base_url)
    async with LifespanManager(app), client:
        assert (await client.get("/healthz")).status_code == 200
    assert sought == []
    assert "telemetry" not in caplog.text
