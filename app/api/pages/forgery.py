"""Forms that only our own pages can send.

The hidden field is a keyed digest over the session's cookie, or, before anybody is signed in, over
the visit's, so no other site can know it: not to act as somebody (CSRF), not to sign somebody in as
another (login CSRF). Besides, the browser says where a POST comes from. Every rendering has another
nonce: a compressed page that repeats what was typed gives nothing away.
"""

import hmac
import secrets
from hashlib import sha256
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from app.api.pages import cookies
from app.api.pages.errors import FormExpired, FormForged
from app.core.settings import Settings

FIELD, HEADER = "csrf", "x-csrf-token"
NONCE_LENGTH = 16
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
OWN_SITES = {"same-origin", "none"}
"""Sec-Fetch-Site of our own pages, and of what the person typed or reloaded."""


def token_for(request: Request) -> str:
    """A new value for the hidden field of this session's forms."""
    return _token(request, _form_holder(request))


def kept_token_for(request: Request) -> str:
    """The same for a form that waits until its owner has signed in again: bound to the visit."""
    return _token(request, f"kept:{cookies.visit_of(request)}")


def check(request: Request, given: str) -> None:
    """Raises FormForged for another site's form, FormExpired for an older session's."""
    _check_origin(request)
    nonce, digest = given[:NONCE_LENGTH], given[NONCE_LENGTH:]
    holders = (_form_holder(request), f"kept:{cookies.visit_of(request)}")
    expected = [_digest(request, nonce, holder) for holder in holders]
    if not any(hmac.compare_digest(digest.encode(), one.encode()) for one in expected):
        raise FormExpired("您填写的内容还在，请再提交一次")


def _check_origin(request: Request) -> None:
    """A browser names the page's origin with every POST; "null" is a sandboxed stranger."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in OWN_SITES:
        raise FormForged
    origin = request.headers.get("origin")
    settings: Settings = request.app.state.settings
    ours = {request.headers.get("host"), urlsplit(settings.base_url).netloc}
    if origin is not None and urlsplit(origin).netloc not in ours:
        raise FormForged


def _form_holder(request: Request) -> str:
    session = request.cookies.get(cookies.SESSION)
    return f"session:{session}" if session else f"visit:{cookies.visit_of(request)}"


def _token(request: Request, holder: str) -> str:
    nonce = secrets.token_hex(NONCE_LENGTH // 2)
    return nonce + _digest(request, nonce, holder)


def _digest(request: Request, nonce: str, holder: str) -> str:
    settings: Settings = request.app.state.settings
    said = f"form:{nonce}:{holder}".encode(errors="replace")
    return hmac.new(settings.secret_key.encode(), said, sha256).hexdigest()


async def read_form(request: Request) -> FormData:
    """The form of this request. What was typed is kept for the error page before anything fails.

    It comes before the person: a session that ended in the middle of a form loses no text.
    """
    form = await request.form()
    request.state.typed = [
        (name, value)
        for name, value in form.multi_items()
        if not isinstance(value, UploadFile) and name not in {FIELD, "password"}
    ]
    given = request.headers.get(HEADER) or form.get(FIELD)
    check(request, given if isinstance(given, str) else "")
    return form


async def guard(request: Request) -> None:
    """What every page router asks for first: no form of a stranger gets past."""
    if request.method not in SAFE_METHODS:
        await read_form(request)


Form = Annotated[FormData, Depends(read_form)]
