"""Our cookies: all HttpOnly and SameSite=Lax, Secure when the service is reached by https."""

import re
import secrets
from datetime import timedelta

from fastapi import Request, Response

from app.core.settings import Settings

SESSION = "shoushan"
"""The secret of a signed-in session: a row of person_token."""
VISIT = "shoushan_visit"
"""A browser before and across sign-ins: what its forms are bound to while nobody is signed in."""
SCAN = "shoushan_scan"
"""The secret of the code this computer shows."""
OAUTH = "shoushan_oauth"
"""The state of a web authorisation under way."""

SESSION_LIFE = timedelta(days=400)
"""The longest that browsers keep one; the row ends the session, and an old cookie tells a form of
an ended session from a stranger's."""
VISIT_FORM = re.compile(r"[0-9a-f]{32}")


def root_of(request: Request) -> str:
    root: str = request.scope.get("root_path", "")
    return root


def _by_https(request: Request) -> bool:
    """A proxy that is not believed, or does not tell, must not cost the cookie its Secure."""
    settings: Settings = request.app.state.settings
    return request.url.scheme == "https" or settings.base_url.startswith("https:")


def put(
    request: Request, response: Response, name: str, value: str, *, life: timedelta | None = None
) -> None:
    """`life` None: until the browser closes."""
    response.set_cookie(
        name,
        value,
        max_age=None if life is None else int(life.total_seconds()),
        path=root_of(request) or "/",
        secure=_by_https(request),
        httponly=True,
        samesite="lax",
    )


def drop(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(
        name,
        path=root_of(request) or "/",
        secure=_by_https(request),
        httponly=True,
        samesite="lax",
    )


def visit_of(request: Request) -> str:
    """This browser's visit; a new one is made up, and set by `keep_visit`."""
    given = request.cookies.get(VISIT, "")
    if VISIT_FORM.fullmatch(given):
        return given
    if not hasattr(request.state, "new_visit"):
        request.state.new_visit = secrets.token_hex(16)
    made: str = request.state.new_visit
    return made


def keep_visit(request: Request, response: Response) -> None:
    """Set the visit that a form of this page was bound to, if it is new."""
    made = getattr(request.state, "new_visit", None)
    if made is not None:
        put(request, response, VISIT, made)
