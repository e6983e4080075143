"""The one way into the platform's API: fault, method, token, permission, quota, body, handler.

All refusals are HTTP 200 with a JSON body (wechat-platform.md §9.1–9.4).
"""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.core import clock
from app.sandbox.accounts import Account
from app.sandbox.calls import Answer, Call, Endpoint
from app.sandbox.errors import CallRefused
from app.sandbox.faults import spoil
from app.sandbox.permissions import power_for
from app.sandbox.quota import spend
from app.sandbox.tokens import holder_of
from app.sandbox.world import CallRecord, World

JSON_TYPE = "application/json; encoding=utf-8"
"""What api.weixin.qq.com calls its JSON; `/sns/…` says text/plain [R]."""


async def dispatch(
    world: World, endpoints: Mapping[str, Endpoint], request: Request, path: str
) -> Response:
    """Answer one call and remember it."""
    started = clock.monotonic()
    fault = world.faults.take(path)
    account, errcode = None, 0
    try:
        if fault is not None and fault.kind == "errcode":
            raise CallRefused(fault.errcode)  # noqa: TRY301  one road for every refusal
        endpoint = endpoints.get(path)
        if endpoint is None or endpoint.token:
            account = holder_of(world, request.query_params.get("access_token"))
            if not account.has(power_for(path)):
                raise CallRefused(48001)  # noqa: TRY301  (the same)
        if endpoint is None:
            raise CallRefused(40066)  # noqa: TRY301  (the same)
        call = await _read(world, endpoint, request, account, path)
        answer = await endpoint.handler(call)
    except CallRefused as refusal:
        errcode, answer = refusal.errcode, refusal.body()
    response = await spoil(fault, _render(path, answer))
    world.calls.append(
        CallRecord(
            number=next(world.sequence),
            at=clock.utcnow(),
            method=request.method,
            path=path,
            appid=account.appid if account else request.query_params.get("appid"),
            errcode=errcode,
            note="" if fault is None else fault.kind,
            ms=round((clock.monotonic() - started) * 1000),
        )
    )
    return response


async def _read(
    world: World, endpoint: Endpoint, request: Request, account: Account | None, path: str
) -> Call:
    if request.method != endpoint.method:
        raise CallRefused(43002 if endpoint.method == "POST" else 43001)
    if account is not None:
        spend(
            world,
            account.appid,
            path,
            per_minute=endpoint.per_minute,
            per_day=endpoint.per_day,
        )
    raw = await request.body() if endpoint.method == "POST" else b""
    is_json = endpoint.method == "POST" and not endpoint.form
    return Call(world, request, account, _parse(raw) if is_json else {}, raw)


def _parse(raw: bytes) -> dict[str, Any]:
    if not raw:
        raise CallRefused(44002)
    try:
        body = json.loads(raw.decode("utf-8"))
        # Half a surrogate pair is no character: it could not be written back as UTF-8.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise CallRefused(47001) from None
    if not isinstance(body, dict):
        raise CallRefused(47001)
    return body


def _render(path: str, answer: Answer) -> Response:
    if isinstance(answer, Response):
        return answer
    content = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    media_type = "text/plain" if path.startswith("/sns/") else JSON_TYPE
    return Response(content, media_type=media_type)
