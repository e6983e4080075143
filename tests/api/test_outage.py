"""The database goes away under a running service, and comes back."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.data import migrate_database
from app.core import embedded
from app.core.settings import Settings
from tests.api.service import Service, running


@pytest.fixture
def cluster() -> Iterator[embedded.Cluster]:
    """A server of this test's own, since it is stopped."""
    home = Path(tempfile.mkdtemp(prefix="shoushan-outage-"))
    home.chmod(0o755)
    cluster = embedded.Cluster(home, fsync=False)
    cluster.start()
    migrate_database(cluster.url())
    yield cluster
    cluster.stop()
    shutil.rmtree(home, ignore_errors=True)


async def test_a_stopped_database_is_503_and_heals_by_itself(
    cluster: embedded.Cluster, settings: Settings
) -> None:
    theirs = settings.model_copy(update={"database_url": cluster.url()})
    async with running(theirs) as service:
        resident = await service.login()
        user = await service.user()
        await service.act(user, "follow")
        code = (await service.act(user, "mini-code"))["code"]
        await asyncio.to_thread(cluster.stop)

        answers = [
            await service.call("GET", "/me", resident),
            await service.call("PATCH", "/me", resident, json={"org_code": "T-1"}),
            await service.call("POST", "/login/mini", json={"code": code}),
            await service.call("GET", "/readyz"),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (503, "DatabaseUnavailable")
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) >= 1
        # WeChat is told 503, tries thrice, and gives up; the process itself lives.
        outcome = await service.act(user, "text", text="学分")
        assert (outcome["delivered"], outcome["error"]) == (False, "HTTP 503")
        assert (await service.call("GET", "/healthz")).status_code == 200
        assert (await service.call("GET", "/metrics")).status_code == 200

        await asyncio.to_thread(cluster.start)
        assert (await service.ask("GET", "/me", resident))["org"] is None
        assert await service.ask("GET", "/readyz") == {"status": "ready"}
        assert "称号" in await service.say(user, "学分")
        await _restarts_between_two_requests(service, cluster)


async def _restarts_between_two_requests(service: Service, cluster: embedded.Cluster) -> None:
    """Nobody asked meanwhile: pooled connections are dead, and at most one request finds out."""
    resident = await service.login()
    await asyncio.gather(*(service.ask("GET", "/me", resident) for _ in range(5)))
    await asyncio.to_thread(cluster.stop)
    await asyncio.to_thread(cluster.start)
    first = await service.call("GET", "/me", resident)
    assert first.status_code in {200, 503}
    for _ in range(5):
        await service.ask("GET", "/me", resident)
