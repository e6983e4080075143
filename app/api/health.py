"""Is it alive, is it ready, how is it doing."""

from datetime import datetime

import psycopg
from fastapi import APIRouter, Request, Response
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
    except (SQLAlchemyError, psycopg.Error, OSError):
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
async def metrics(now: Now) -> Response:
    try:
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
    except (SQLAlchemyError, psycopg.Error, OSError) as error:
        # The counters of this process are worth having even then.
        log.warning("metrics.incomplete", error=type(error).__name__)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
