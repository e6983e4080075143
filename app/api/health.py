"""Is it alive, is it ready, how is it doing."""

import asyncio
from datetime import datetime

import psycopg
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from app import __version__
from app.api.deps import Now, public
from app.api.errors import RETRY_SECONDS, problem, problems
from app.core.db import transaction
from app.core.logging import get_logger
from app.core.metrics import (
    DELIVERIES_DOUBTFUL,
    IN_DATABASE,
    INBOX_FAILED,
    QUEUE_FAILED,
    QUEUE_WAITING,
    TASKS_OPEN,
    WEEKS_AT_RISK,
)
from app.core.schema import is_migrated
from app.flows.watch import look

log = get_logger()
router = APIRouter(tags=["health"])
LATER = {"Retry-After": str(RETRY_SECONDS)}
METRICS_SECONDS = 2
"""So long the database is waited for: who looks at a service in trouble looks at its counters."""
AWAY = (SQLAlchemyError, psycopg.Error, OSError)


class Health(BaseModel):
    status: str = Field(description="Always ok: a dead process answers nothing")
    version: str = Field(description="The running release")
    now: datetime = Field(description="The service's own clock")


class Ready(BaseModel):
    status: str = Field(description="ready")


@router.get("/healthz", summary="The process lives")
@public
async def healthz(now: Now) -> Health:
    return Health(status="ok", version=__version__, now=now)


@router.get(
    "/readyz", summary="The database answers and is migrated", response_model=Ready,
    responses={503: problems()[503]},
)  # fmt: skip
@public
async def readyz(request: Request) -> Ready | JSONResponse:
    try:
        async with transaction() as session:
            ready = await is_migrated(session, newest=request.app.state.revision)
    except AWAY:
        return problem(
            503, "DatabaseUnavailable", "数据库暂时无法使用", "稍后会自动恢复", headers=LATER
        )
    if not ready:
        return problem(
            503, "NotMigrated", "数据库还没有升级", "运行 shoushan migrate", headers=LATER
        )
    return Ready(status="ready")


@router.get("/metrics", summary="Prometheus", include_in_schema=False)
@public
async def metrics(request: Request, now: Now) -> Response:
    """What this process counts, and behind it what the database tells, if it tells it in time."""
    told = generate_latest()
    looking = _looking(request.app, now)
    # Waited for and not cancelled: a statement on a stopped server cannot even be given up.
    await asyncio.wait({looking}, timeout=METRICS_SECONDS)
    error = looking.exception() if looking.done() else TimeoutError()
    if error is None:
        told += generate_latest(IN_DATABASE)
    elif isinstance(error, AWAY):
        log.warning("metrics.incomplete", error=type(error).__name__)
    else:
        raise error
    return Response(told, media_type=CONTENT_TYPE_LATEST)


def _looking(app: FastAPI, now: datetime) -> "asyncio.Task[None]":
    """One at a time: of those who ask while it hangs, each would take a connection more."""
    looking: asyncio.Task[None] | None = getattr(app.state, "looking", None)
    if looking is None or looking.done():
        looking = app.state.looking = asyncio.create_task(_look(now))
        # Nobody may be there any more to hear how it ended.
        looking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return looking


async def _look(now: datetime) -> None:
    """Raises one of AWAY."""
    async with transaction() as session:
        seen = await look(session, now=now)
    INBOX_FAILED.set(seen.inbox_failed)
    QUEUE_WAITING.set(seen.jobs_waiting)
    QUEUE_FAILED.set(seen.jobs_failed)
    WEEKS_AT_RISK.set(seen.weeks_at_risk)
    TASKS_OPEN.clear()  # A kind that is done is not among those seen.
    for kind, number in seen.tasks.items():
        TASKS_OPEN.labels(kind).set(number)
    for state, number in seen.deliveries.items():
        DELIVERIES_DOUBTFUL.labels(state).set(number)
