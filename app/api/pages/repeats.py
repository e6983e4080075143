"""A form that arrives twice is done once: `{{ once() }}` in the form, `@once` under the decorator.

The key is the form's hidden field, which a resent form carries as `Idempotency-Key`, too. It is
booked in the work's own transaction (`core/once.py`); the second time the same way is shown.
"""

import inspect
import json
from collections.abc import Awaitable, Callable
from functools import wraps
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from sqlalchemy.ext.asyncio import async_object_session
from starlette.datastructures import FormData, UploadFile

from app.api.deps import Now, SessionDep
from app.api.pages.doors import WebVisit
from app.api.pages.forgery import FIELD, Form
from app.core import once as keys
from app.core.errors import Conflict, Invalid
from app.core.once import RequestKey, RequestKeyReused

NAME, HEADER = "once", "idempotency-key"
KEY_LENGTH_MIN, KEY_LENGTH_MAX = 8, 128


class BadRequestKey(Invalid):
    title = "这个表单不完整，请刷新页面后再试"


class FormSentBefore(Conflict):
    title = "这一页已经提交过一次，内容和现在的不同"


async def get_repeat(
    request: Request, form: Form, visit: WebVisit, session: SessionDep, now: Now
) -> RequestKey | None:
    """The row of this form's key; None for a form without one."""
    key = request.headers.get(HEADER) or form.get(NAME)
    if key is None:
        return None
    if not isinstance(key, str) or not _is_key(key):
        raise BadRequestKey
    asked = keys.digest_of_request(request.method, request.url.path, await _said(form))
    person_id = visit.actor.person_id
    try:
        return await keys.begin(session, person_id=person_id, key=key, asked=asked, now=now)
    except RequestKeyReused as error:
        raise FormSentBefore from error


Repeat = Annotated[RequestKey | None, Depends(get_repeat)]


def once(endpoint: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    """Do this form once a key. It must answer with a way on (`doors.go`); that is remembered."""

    @wraps(endpoint)
    async def answered(*, repeat: RequestKey | None, **given: Any) -> Response:
        if repeat is not None and repeat.answer is not None:
            return Response(status_code=303, headers={"Location": repeat.answer["location"]})
        response = await endpoint(**given)
        if repeat is not None and "location" in response.headers:
            repeat.answer = {"location": response.headers["location"]}
        elif repeat is not None:
            # The form came back with what is wrong in it: nothing was done under its key.
            held = async_object_session(repeat)
            assert held is not None, repeat.key
            await held.delete(repeat)
        return response

    signature = inspect.signature(endpoint)
    added = inspect.Parameter("repeat", inspect.Parameter.KEYWORD_ONLY, annotation=Repeat)
    answered.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), added]
    )
    return answered


def _is_key(key: str) -> bool:
    return KEY_LENGTH_MIN <= len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable()


async def _said(form: FormData) -> bytes:
    """What was typed, and what the files hold; not the form's secret, which is always another."""
    said = []
    for name, value in form.multi_items():
        if name in {FIELD, NAME}:
            continue
        content = value
        if isinstance(value, UploadFile):
            content = sha256(await value.read()).hexdigest()
            await value.seek(0)
        said.append([name, content])
    return json.dumps(said).encode()
