"""Refusals of the trade as HTTP answers: RFC 9457 problem details, one form for every error."""

import errno
import json
from collections.abc import Mapping
from typing import Any

import psycopg
import psycopg.errors
import sqlalchemy.exc
import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from app.api.pages import trouble
from app.core import errors
from app.core.logging import get_logger

log = get_logger()

STATUS: dict[type[errors.DomainError], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Forbidden: 403,
    errors.Unauthenticated: 401,
    errors.Invalid: 400,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
RETRY_SECONDS = 5
"""When to come back after a 503: PostgreSQL's fast restart takes a second or two."""

NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
MALFORMED = "提交的内容格式不对"
HTTP_TITLES = {
    404: ("NoSuchAddress", "没有这个地址"),
    405: ("MethodNotAllowed", "这个地址不支持这种操作"),
    413: ("BodyTooLarge", "提交的内容太大"),
}


class Problem(BaseModel):
    """An error, for people (`title`, `detail`: Chinese) and for programs (`code`)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(default="about:blank", description="Always about:blank: `code` tells")
    title: str = Field(description="What is wrong, in Chinese, to show to people")
    status: int = Field(description="The HTTP status")
    detail: str = Field(description="More about this very case")
    code: str = Field(description="Stable name of the error, PascalCase")
    request_id: str = Field(description="Names this request in the service's log")


def status_of(error: errors.DomainError) -> int:
    return next(number for base, number in STATUS.items() if isinstance(error, base))


class ProblemResponse(JSONResponse):
    media_type = "application/problem+json"

    def render(self, content: Any) -> bytes:
        # A client's key may hold half a surrogate pair, and an error must not fail to be told.
        self.problem = content
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whoever looks at pages gets one: the same status, the same words."""
        if scope["type"] == "http" and trouble.wanted(scope):
            shown = trouble.page(scope, self.problem, self.status_code, self.headers)
            await shown(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    facts: Mapping[str, object] | None = None,
) -> ProblemResponse:
    """`facts` of any name: what the form itself names stays the form's."""
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    body = {
        **jsonable_encoder(facts or {}),
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    return ProblemResponse(body, status, headers)


async def on_domain_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.DomainError)
    status = status_of(error)
    # As one field: a fact may have a name of the log's own, and `code` is a login's, never logged.
    log.info("request.refused", error=error.code, answered=status, facts=dict(error.facts))
    headers = {}
    if status in {429, 503}:
        headers["Retry-After"] = str(error.facts.get("retry_after", RETRY_SECONDS))
    if status == 401:  # noqa: PLR2004  RFC 9110 §11.6.1 asks for the challenge
        headers["WWW-Authenticate"] = "Bearer"
    return problem(
        status, error.code, error.title, error.detail, headers=headers, facts=error.facts
    )


async def on_invalid_body(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    wrong = [
        {"at": ".".join(str(part) for part in one["loc"]), "why": one["msg"]}
        for one in error.errors()
    ]
    detail = "；".join(f"{one['at']}：{one['why']}" for one in wrong[:5])
    return problem(422, "MalformedRequest", MALFORMED, detail, facts={"errors": wrong})


async def on_http_exception(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # noqa: PLR2004  FastAPI's own: a body that is no UTF-8, too deep
        return problem(422, "MalformedRequest", MALFORMED, str(error.detail))
    code, title = HTTP_TITLES.get(error.status_code, ("HttpError", "请求无法完成"))
    return problem(error.status_code, code, title, str(error.detail), headers=error.headers)


async def on_database_error(_: Request, error: Exception) -> JSONResponse:
    """The database is away, full or too busy: nothing was booked, and the client may repeat."""
    if isinstance(error, sqlalchemy.exc.DBAPIError) and not is_outage(error):
        raise error  # A mistake of ours.
    log.error("database.unavailable", error=type(error).__name__)
    headers = {"Retry-After": str(RETRY_SECONDS)}
    title, detail = errors.Unavailable.title, "数据库暂时无法使用，内容没有丢失"
    return problem(503, "DatabaseUnavailable", title, detail, headers=headers)


async def on_os_error(_: Request, error: Exception) -> JSONResponse:
    """The disk of the pictures is full: nothing was kept, and somebody has to make room."""
    if not isinstance(error, OSError) or error.errno not in NO_ROOM:
        raise error
    log.error("storage.full", error=errno.errorcode[error.errno])
    headers = {"Retry-After": str(RETRY_SECONDS)}
    title, detail = errors.Unavailable.title, "服务器的存储空间满了，这次没有保存"
    return problem(503, "StorageFull", title, detail, headers=headers)


def is_outage(error: sqlalchemy.exc.DBAPIError) -> bool:
    """A lock or statement that gave up, a full disk, a connection that is gone, a standby.

    A broken constraint, a wrong statement or a value that no column holds is a bug.
    """
    away = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)
    return (
        isinstance(error, away)
        or error.connection_invalidated
        # While another server takes over, the old one may still answer, but books nothing.
        or isinstance(error.orig, psycopg.errors.ReadOnlySqlTransaction)
    )


def on_bug(error: Exception) -> JSONResponse:
    """Called by the frame around the request, which knows its id."""
    log.error("request.failed", exc_info=error)
    return problem(500, "InternalError", "服务出错了，我们已记录", "请稍后再试")


def install(app: FastAPI) -> None:
    app.add_exception_handler(errors.DomainError, on_domain_error)
    app.add_exception_handler(RequestValidationError, on_invalid_body)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(sqlalchemy.exc.DBAPIError, on_database_error)
    app.add_exception_handler(sqlalchemy.exc.TimeoutError, on_database_error)
    app.add_exception_handler(OSError, on_os_error)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an operation, for the OpenAPI document; 422 and 503 can always come."""
    meanings = {
        400: "The request makes no sense here",
        401: "No token, or one that is unknown, expired or revoked",
        403: "This person may not",
        404: "There is no such thing",
        409: "It contradicts what is already booked",
        413: "The body is too large",
        422: "The body or a parameter is malformed",
        429: "Too many requests: see Retry-After",
        503: "Something we depend on does not answer: see Retry-After",
    }
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": meanings[status], "content": content}
        for status in sorted({*statuses, 422, 503})
    }
