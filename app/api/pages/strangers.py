"""How much of whose form is read: a form comes before the person, so that no typed text is lost."""

from contextlib import suppress

import psycopg
from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from app.api.deps import address_of
from app.api.pages import cookies
from app.api.pages.errors import SignInFirst
from app.core.db import transaction
from app.people import web_sessions

STRANGERS_BYTES_MAX = 256 * 1024
"""What is read of somebody of whom nothing is known: any text, but no picture."""


async def refuse_much_of_them(request: Request) -> None:
    """A large form is read from who holds a cookie of ours, and be it of a session that ended.

    Raises SignInFirst before anything of it is read.
    """
    is_chunked = "transfer-encoding" in request.headers
    if not is_chunked and int(request.headers.get("content-length", 0)) <= STRANGERS_BYTES_MAX:
        return
    request.app.state.limiter.hit("address", address_of(request))
    token = request.cookies.get(cookies.SESSION)
    if not token:
        raise SignInFirst
    # A database that is away: the text is read, and told to who typed it with what is wrong.
    with suppress(SQLAlchemyError, psycopg.Error, OSError):
        async with transaction() as session:
            if not await web_sessions.was_given(session, token=token):
                raise SignInFirst
