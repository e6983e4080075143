"""Clean HTML, element by element, into words that `core.markdown` reads as the same again."""

import re

from bs4 import Tag
from markdownify import ATX, BACKSLASH, MarkdownConverter

# What would be taken for Markdown where it is only text.
INLINE = re.compile(r"([\\*_`\[\]])|<(?=[a-zA-Z/!?])|&(?=#?\w+;)")
LINE_START = re.compile(r"^([ \t]*)([#>+=|~-])", re.MULTILINE)
NUMBERED = re.compile(r"^([ \t]*\d{1,9})([.)])(?=\s|$)", re.MULTILINE)
IN_ADDRESS = str.maketrans({" ": "%20", "(": "%28", ")": "%29", "<": "%3C", ">": "%3E"})


class Converter(MarkdownConverter):
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


converter = Converter(
    heading_style=ATX,
    newline_style=BACKSLASH,
    bullets="-",
    autolinks=False,
    table_infer_header=True,
)
