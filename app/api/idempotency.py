"""A repeated click does nothing twice: the header `Idempotency-Key` on every write of the staff.

`@once` under the router's decorator is all an endpoint needs. It must ask for a person and work in
the request's own transaction, because the key is booked in it (`core/once.py`).
"""

import hashlib
import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from starlette.datastructures import UploadFile

from app.api.deps import Now, PersonId, SessionDep
from app.core import once as keys
from app.core.once import RequestKey

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=128,
        pattern=r"^[\x21-\x7e]*$",
        description="A name of your own for this very request, 8 to 128 visible ASCII characters:"
        " sent again, it does nothing again and answers the same. Under another request:"
        " RequestKeyReused (409). Remembered for 48 hours",
    ),
]


@dataclass(frozen=True)
class Asking:
    """One request under its key; `row` is None where the client gave no key."""

    row: RequestKey | None
    status: int


async def get_asking(
    request: Request, person_id: PersonId, session: SessionDep, now: Now, key: Key = None
) -> Asking:
    status = getattr(request.scope.get("route"), "status_code", None) or 200
    if key is None:
        return Asking(row=None, status=status)
    asked = keys.digest_of_request(request.method, request.url.path, await _said(request))
    row = await keys.begin(session, person_id=person_id, key=key, asked=asked, now=now)
    return Asking(row=row, status=status)


AskingDep = Annotated[Asking, Depends(get_asking)]


def once(endpoint: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Let this endpoint take an Idempotency-Key."""

    @wraps(endpoint)
    async def answered(*, asking: Asking, **given: Any) -> Any:
        if asking.row is None:
            return await endpoint(**given)
        if asking.row.answer is None:
            result = await endpoint(**given)
            text = result.model_dump_json() if isinstance(result, BaseModel) else json.dumps(result)
            asking.row.answer = {"status": asking.status, "text": "" if result is None else text}
        # The first time too: what is stored is what is sent.
        told = asking.row.answer
        media_type = "application/json" if told["text"] else None
        return Response(told["text"], told["status"], media_type=media_type)

    signature = inspect.signature(endpoint)
    added = inspect.Parameter("asking", inspect.Parameter.KEYWORD_ONLY, annotation=AskingDep)
    answered.__signature__ = signature.replace(  # type: ignore[attr-defined]  # what FastAPI reads
        parameters=[*signature.parameters.values(), added]
    )
    return answered


async def _said(request: Request) -> bytes:
    """The body, or of a form the fields and the files' contents: its boundary is always another."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body()
    said = hashlib.sha256()
    for name, value in (await request.form()).multi_items():
        content = value
        if isinstance(value, UploadFile):
            content = hashlib.sha256(await value.read()).hexdigest()
            await value.seek(0)
        said.update(json.dumps([name, content]).encode())
    return said.digest()
