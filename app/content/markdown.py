"""Markdown as Chinese authors write it → safe HTML. Raw HTML in it stays visible text."""

from app.content.sanitise import sanitise
from app.core.markdown import make_parser

_parser = make_parser()


def to_html(markdown: str) -> str:
    """Safe HTML of a Markdown text."""
    return sanitise(_parser.render(markdown))
