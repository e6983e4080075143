"""Markdown as Chinese authors write it. Raw HTML in it stays visible text.

Three things differ from CommonMark: `**重点。**后文` is bold although a mark precedes the closing
stars, a line break between two Chinese characters leaves no space, and four spaces of indentation
are an old habit of typing paragraphs, not program code.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import isWhiteSpace
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

# A page's or an article's own title is its h1, and below h4 nobody sees a difference.
HEADINGS = {"h1": "h2", "h5": "h4", "h6": "h4"}


def make_parser() -> MarkdownIt:
    """A parser of one's own, whose rules may be added to."""
    parser = MarkdownIt("commonmark", {"html": False})
    parser.enable("table").disable(["code", "fence", "html_block", "html_inline"])
    parser.inline.ruler.at("emphasis", _emphasis)
    parser.core.ruler.push("settle_headings", _settle_headings)
    parser.add_render_rule("softbreak", _soft_break)
    return parser


def _settle_headings(state: StateCore) -> None:
    for token in state.tokens:
        token.tag = HEADINGS.get(token.tag, token.tag)


def _is_wide(char: str) -> bool:
    # Unicode leaves the width of these marks open; between Chinese characters they are wide.
    return char != "" and (unicodedata.east_asian_width(char) in "WF" or char in "“”‘’…—·•")


def _emphasis(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  the parser's signature
    """CommonMark's rule, but stars beside a wide character open and close wherever no space is.

    CommonMark tells the two ends of an emphasis by the spaces outside it, and Chinese has none:
    stars between “”。 and a character would stay stars (commonmark/commonmark-spec#650).
    """
    start, text = state.pos, state.src
    marker = text[start]
    if silent or marker not in "*_":
        return False
    opens, closes, length = state.scanDelims(start, marker == "*")
    if marker == "*":
        before = text[start - 1] if start else " "
        after = text[start + length] if start + length < state.posMax else " "
        if _is_wide(before) or _is_wide(after):
            opens, closes = not isWhiteSpace(ord(after)), not isWhiteSpace(ord(before))
    for _ in range(length):
        token = state.push("text", "", 0)
        token.content = marker
        at = len(state.tokens) - 1
        state.delimiters.append(Delimiter(ord(marker), length, at, -1, opens, closes))
    state.pos += length
    return True


def _soft_break(
    _: RendererProtocol, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    del options, env
    before = _nearest_text(tokens, range(index - 1, -1, -1))
    after = _nearest_text(tokens, range(index + 1, len(tokens)))
    return "" if _is_wide(before[-1:]) and _is_wide(after[:1]) else "\n"


def _nearest_text(tokens: Sequence[Token], indexes: range) -> str:
    return next((tokens[index].content for index in indexes if tokens[index].content), "")
