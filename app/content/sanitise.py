"""HTML from anywhere → HTML that is safe on our pages, by an explicit list of what may stay."""

from html.parser import HTMLParser
from urllib.parse import urlsplit

import nh3

TAGS = {
    *("h2", "h3", "h4", "p", "ul", "ol", "li", "strong", "em", "blockquote", "br", "hr"),
    *("table", "thead", "tbody", "tr", "th", "td", "img", "a"),
}
# Without the empty "*" nh3 would let `title` and `lang` pass on every element.
ATTRIBUTES: dict[str, set[str]] = {
    "*": set(),
    "a": {"href"},
    "img": {"src", "alt"},
    "ol": {"start"},
}
LINK_SCHEMES = {"http", "https", "tel"}
IMAGE_SCHEMES = {"", "http", "https"}
START_DIGITS_MAX = 4

SILENT = {
    *("script", "style", "iframe", "object", "embed", "noscript", "noembed", "noframes"),
    *("template", "textarea", "title", "select", "svg", "math", "audio", "video"),
}
"""Elements that go with all that is in them: their text was never meant to be read on a page."""

BLOCKS = {"h2", "h3", "h4", "p", "li", "blockquote", "br", "hr", "table", "tr", "ul", "ol"}


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Refuse what the tables above cannot say; called for attributes that passed them."""
    if tag == "img" and name == "src":
        try:
            scheme = urlsplit(value).scheme
        except ValueError:
            return None
        return value if scheme in IMAGE_SCHEMES else None
    if tag == "ol" and name == "start":
        plain = value.isascii() and value.isdecimal() and len(value) <= START_DIGITS_MAX
        return value if plain else None
    return value


_cleaner = nh3.Cleaner(
    tags=TAGS,
    clean_content_tags=SILENT,
    attributes=ATTRIBUTES,
    attribute_filter=_attribute,
    url_schemes=LINK_SCHEMES,
    link_rel="noopener",
)


def sanitise(html: str) -> str:
    """The same text with only harmless tags and attributes left; doing it twice changes nothing."""
    return _cleaner.clean(html)


def plain_text(html: str) -> str:
    """What a reader sees of the HTML, one block a line."""
    reader = _TextReader()
    reader.feed(sanitise(html))
    reader.close()
    lines = ("".join(reader.parts)).split("\n")
    return "\n".join(line for line in (" ".join(raw.split()) for raw in lines) if line)


class _TextReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        # A line break in the source is a space on the page.
        self.parts.append(data.replace("\n", " "))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  the parent's signature
        self._separate(tag)

    def handle_endtag(self, tag: str) -> None:
        self._separate(tag)

    def _separate(self, tag: str) -> None:
        if tag in BLOCKS:
            self.parts.append("\n")
        elif tag in {"td", "th"}:
            self.parts.append(" ")
