"""HTML from an editor, from Word or from WPS → the Markdown that `core.markdown` reads.

What Markdown cannot say (colours, sizes, merged cells) is lost; no text is. The way back,
`make_parser().render`, gives the same paragraphs, lists, tables and pictures again.
"""

import re

import nh3

TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "ul", "ol", "li", "strong", "b", "em", "i"),
    *("blockquote", "br", "hr", "table", "thead", "tbody", "tr", "th", "td", "img", "a"),
}
SILENT = {
    *("script", "style", "iframe", "object", "embed", "noscript", "noembed", "noframes", "title"),
    *("template", "textarea", "select", "svg", "math", "audio", "video"),
}
"""Elements that go with all that is in them."""

LONELY_BREAKS = re.compile(r"(?:\\\n)+(?=\n|$)|^(?:\\\n)+", re.MULTILINE)
LAST_BREAK = re.compile(r"(?<!\\)((?:\\\\)*)\\(?=\n\n|\s*\Z)")
"""A line break at the end of a paragraph, which is none; a backslash that was typed is doubled."""
SPACES = str.maketrans({"\u00a0": " ", "\u200b": None, "\ufeff": None, "\u00ad": None})
INDENT = re.compile(r"^\u3000+", re.MULTILINE)
"""Chinese typists begin a paragraph with two wide spaces; the layout does that."""


def to_markdown(html: str) -> str:
    """The text of the HTML with its structure; scripts, styles and addresses of files are gone."""
    from app.core.markdown_writing import converter  # noqa: PLC0415  heavy, and rarely needed

    clean = nh3.clean(
        html.translate(SPACES),
        tags=TAGS,
        clean_content_tags=SILENT,
        attributes={"a": {"href"}, "img": {"src", "alt"}, "ol": {"start"}, "*": set()},
        url_schemes={"http", "https", "tel"},
        link_rel=None,
    )
    try:
        text = converter.convert(clean)
    except RecursionError:
        # Thousands of elements in one another: nobody's text, but nobody's outage either.
        text = converter.escape(nh3.clean(clean, tags=set()), set())
    text = LAST_BREAK.sub(r"\1", LONELY_BREAKS.sub("", INDENT.sub("", text)))
    lines = (line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
