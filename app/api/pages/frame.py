"""The frame of all pages: templates and what they may name, security headers, compression."""

import gzip
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.api.pages import charts, forgery, navigation, static
from app.core.clock import TOWN

TEMPLATES = Path(__file__).parent.parent / "templates"
CSP = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SECURITY = {
    "Content-Security-Policy": CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Vary": "Accept-Encoding, Cookie",
}
VIEWED = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
}
"""For a picture or a PDF opened by itself. The browser makes a page around it, with styles of its
own, and the file's policy holds there, too (Chromium: pictures; Safari from 17.4: PDFs)."""
GZIP_LEVEL, GZIP_FROM_BYTES = 6, 600
TEXT_COOKIE = "shoushan_text"
TEXT_SIZES = (18, 22, 26, 30)
"""Pixels of the body's text, for residents: small is already large."""
WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True)
class Me:
    """Who is signed in, as far as the bars of a page show it: `request.state.me`."""

    person_id: int
    name: str
    org_name: str = ""
    in_studio: bool = False
    at_desk: bool = False
    reviews: bool = False
    """An editor or chief editor: some pages of the desk are theirs, too."""
    tutors: bool = False
    """Somebody who sees the papers of outside learning."""


def number(value: int) -> str:
    """12345 → 12,345."""
    return f"{value:,}"


def when(instant: datetime) -> str:
    """In town: 11月23日 10:00."""
    local = instant.astimezone(TOWN)
    return f"{local.month}月{local.day}日 {local:%H:%M}"


def long_day(value: date) -> str:
    """With its year: 2026年11月23日."""
    return f"{value.year}年{value.month}月{value.day}日"


def day(value: date) -> str:
    return f"{value.month}月{value.day}日 周{WEEKDAYS[value.weekday()]}"


environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.filters.update(number=number, when=when, day=day, long_day=long_day)
environment.globals.update(charts=charts, text_sizes=TEXT_SIZES, places=navigation)


def text_size(request: Request) -> int:
    """The size of the text this person chose, in pixels."""
    chosen = request.cookies.get(TEXT_COOKIE, "")
    return int(chosen) if chosen in {str(one) for one in TEXT_SIZES} else TEXT_SIZES[0]


def path_in(request: Request) -> str:
    """The path below the root the service is mounted at."""
    root: str = request.scope.get("root_path", "")
    # One slash: a link to "//host" would leave the house.
    return "/" + request.url.path.removeprefix(root).lstrip("/")


def globals_of(request: Request) -> dict[str, object]:
    """What every template may name, beside its own facts."""
    root: str = request.scope.get("root_path", "")

    def url(to: str, **parts: object) -> str:
        """The address of a path of ours ("/credits") or of a route's name, below the root."""
        return root + to if to.startswith("/") else request.url_for(to, **parts).path

    def csrf() -> Markup:
        """The hidden field that every form with method="post" begins with."""
        field = Markup('<input type="hidden" name="{}" value="{}">')
        return field.format(forgery.FIELD, forgery.token_for(request))

    def once() -> Markup:
        """The key under which this form is done once, however often it arrives."""
        return Markup('<input type="hidden" name="once" value="{}">').format(secrets.token_hex(16))

    return {
        "url": url,
        "static": lambda name: root + static.path_of(name),
        "csrf": csrf,
        "once": once,
        "me": getattr(request.state, "me", None),
        "text_size": text_size(request),
        "path": path_in(request),
    }


def render(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **facts: object,
) -> HTMLResponse:
    """A page. A name that neither `facts` nor the frame gives is an error, never an empty place."""
    html = environment.get_template(template).render({**globals_of(request), **facts})
    body, sent = html.encode(), {**SECURITY, **(headers or {})}
    if len(body) >= GZIP_FROM_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        body, sent["Content-Encoding"] = gzip.compress(body, GZIP_LEVEL), "gzip"
    return HTMLResponse(body, status, sent)
