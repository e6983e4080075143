"""A text that people wrote, as HTML inside a page. Cleaned when it was kept, and here once more."""

from fastapi import Request
from markupsafe import Markup

from app.api.pages import cookies
from app.content.markdown import to_html
from app.content.sanitise import sanitise


def shown_html(request: Request, html: str) -> Markup:
    """HTML of a lesson or an article; pictures of ours lie below the service's root."""
    clean = sanitise(html)
    root = cookies.root_of(request)
    if root:
        clean = clean.replace(' src="/uploads/', f' src="{root}/uploads/')
    return Markup(clean)  # noqa: S704  nothing but harmless tags is left in it


def shown_markdown(request: Request, markdown: str) -> Markup:
    return shown_html(request, to_html(markdown))
