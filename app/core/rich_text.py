"""HTML from an editor, from Word or from WPS → the Markdown that `core.markdown` reads.

What Markdown cannot say (colours, sizes, merged cells) is lost; no text is. The way back,
`make_parser().render`, gives the same paragraphs, lists, tables and pictures again.
"""

import re
from typing import Any

import nh3
from bs4 import Tag
from markdownify import ATX, BACKSLASH, MarkdownConverter

TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "ul", "ol", "li", "strong", "b", "em", "i"),
    *("blockquote", "br", "hr", "table", "thead", "tbody", "tr", "th", "td", "img", "a"),
}
SILENT = {
    *("script", "style", "iframe", "object", "embed", "noscript", "noembed", "noframes", "title"),
    *("template", "textarea", "select", "svg", "math", "audio", "video"),
}
"""Elements that go with all that is in them."""

# What would be taken for Markdown where it is only text.
INLINE = re.compile(r"([\\*_`\[\]])|<(?=[a-zA-Z/!?])|&(?=#?\w+;)")
LINE_START = re.compile(r"^([ \t]*)([#>+=|~-])", re.MULTILINE)
NUMBERED = re.compile(r"^([ \t]*\d{1,9})([.)])(?=\s|$)", re.MULTILINE)
LONELY_BREAKS = re.compile(r"(?:\\\n)+(?=\n|$)|^(?:\\\n)+", re.MULTILINE)
LAST_BREAK = re.compile(r"(?<!\\)((?:\\\\)*)\\(?=\n\n|\s*\Z)")
"""A line break at the end of a paragraph, which is none; a backslash that was typed is doubled."""
SPACES = str.maketrans({"\u00a0": " ", "\u200b": None, "\ufeff": None, "\u00ad": None})
INDENT = re.compile(r"^\u3000+", re.MULTILINE)
"""Chinese typists begin a paragraph with two wide spaces; the layout does that."""
IN_ADDRESS = str.maketrans({" ": "%20", "(": "%28", ")": "%29", "<": "%3C", ">": "%3E"})


def to_markdown(html: str) -> str:
    """The text of the HTML with its structure; scripts, styles and addresses of files are gone."""
    clean = nh3.clean(
        html.translate(SPACES),
        tags=TAGS,
        clean_content_tags=SILENT,
        attributes={"a": {"href"}, "img": {"src", "alt"}, "ol": {"start"}, "*": set()},
        url_schemes={"http", "https", "tel"},
        link_rel=None,
    )
    try:
        text = _converter.convert(clean)
    except RecursionError:
        # Thousands of elements in one another: nobody's text, but nobody's outage either.
        text = _converter.escape(nh3.clean(clean, tags=set()), set())
    text = LAST_BREAK.sub(r"\1", LONELY_BREAKS.sub("", INDENT.sub("", text)))
    lines = (line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


class _Converter(MarkdownConverter):
    def escape(self, text: str, parent_tags: set[str]) -> str:
        if not text:
            return ""
        text = INLINE.sub(lambda found: "\\" + found[0], text)
        text = NUMBERED.sub(r"\1\\\2", LINE_START.sub(r"\1\\\2", text))
        return text.replace("|", "\\|") if {"td", "th"} & parent_tags else text

    def convert_hN(self, n: int, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: N802
        # A page's own title is its h1, and below h4 nobody sees a difference.
        made: str = super().convert_hN(min(max(n, 2), 4), el, text, parent_tags)  # type: ignore[misc]  # its types leave it out
        return made

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        del parent_tags
        href, words = str(el.get("href") or ""), text.strip()
        if not words or not href or "\n\n" in words:
            return text
        return f"[{words}]({href.translate(IN_ADDRESS)})"

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        del text, parent_tags
        source = str(el.get("src") or "").translate(IN_ADDRESS)
        alt = INLINE.sub(lambda found: "\\" + found[0], " ".join(str(el.get("alt") or "").split()))
        return f"![{alt}]({source})" if source else ""


def _make_converter(**options: Any) -> _Converter:
    return _Converter(**options)


_converter = _make_converter(
    heading_style=ATX,
    newline_style=BACKSLASH,
    bullets="-",
    autolinks=False,
    table_infer_header=True,
)
