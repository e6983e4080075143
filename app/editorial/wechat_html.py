"""An article's Markdown → HTML as the official account takes it.

WeChat drops style sheets, classes and scripts, filters every picture that `media/uploadimg` did not
give out, and refuses or flattens links that lead out of it (45166; developers.weixin.qq.com
…/draftbox/draftmanage/api_draft_add). So styles go into the elements, pictures are named by the
SHA-256 of our uploads and replaced by WeChat's addresses, and a foreign link becomes plain text.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import css_inline
import nh3
from markdown_it.token import Token

from app.core.markdown import make_parser
from app.editorial.errors import ExternalPicture

OWN_PICTURE = re.compile(r"/uploads/([0-9a-f]{64})\.(?:jpg|png)")
WECHAT_ARTICLES = "https://mp.weixin.qq.com/"
SOURCE_SHOWN = 100
"""Characters of a foreign picture's address in an error: a data: address has a million."""

TAGS = {
    *("section", "h2", "h3", "h4", "p", "ul", "ol", "li", "strong", "em", "blockquote", "br", "hr"),
    *("table", "thead", "tbody", "tr", "th", "td", "img", "a"),
}
STYLES = {
    *("font-size", "line-height", "color", "text-align", "word-wrap", "background", "display"),
    *("margin", "margin-bottom", "padding", "padding-left", "width", "max-width", "height"),
    *("border", "border-left", "border-top", "border-collapse"),
}
SILENT = {"script", "style", "iframe", "object", "embed", "svg", "math", "template", "noscript"}

_parser = make_parser()
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, inline_style_tags=False)
_style = Path(__file__).with_name("wechat.css").read_text("utf-8")


def pictures_in(markdown: str) -> list[str]:
    """The SHA-256 of each picture of ours, in order, once each. Raises ExternalPicture."""
    sources = (str(token.attrs["src"]) for token in _inline(_parser.parse(markdown), "image"))
    return list(dict.fromkeys(_sha256_in(source) for source in sources))


def to_wechat_html(markdown: str, *, urls: Mapping[str, str]) -> str:
    """`urls`: WeChat's address of each picture by its SHA-256 (KeyError: one is missing).

    Raises ExternalPicture.
    """
    tokens = _parser.parse(markdown)
    for token in _inline(tokens, "image"):
        token.attrs["src"] = urls[_sha256_in(str(token.attrs["src"]))]
    for token in tokens:
        token.children = _without_foreign_links(token.children or [])
    body = _parser.renderer.render(tokens, _parser.options, {})
    styled = _inliner.inline_fragment(f"<section>{body}</section>", css=_style)
    clean = nh3.clean(
        styled,
        tags=TAGS,
        clean_content_tags=SILENT,
        attributes={"*": {"style"}, "a": {"href"}, "img": {"src", "alt"}, "ol": {"start"}},
        attribute_filter=partial(_attribute, frozenset(urls.values())),
        filter_style_properties=STYLES,
        url_schemes={"http", "https"},
        link_rel=None,
    )
    return clean.replace(">\n<", "><").strip()


def _inline(tokens: list[Token], kind: str) -> Iterator[Token]:
    for token in tokens:
        if token.type == kind:
            yield token
        yield from _inline(token.children or [], kind)


def _sha256_in(source: str) -> str:
    found = OWN_PICTURE.fullmatch(source)
    if found is None:
        raise ExternalPicture(source=source[:SOURCE_SHOWN])
    return found[1]


def _without_foreign_links(children: list[Token]) -> list[Token]:
    """A link to another article of the platform stays; of any other, text and address are left."""
    kept: list[Token] = []
    href, begun = "", 0
    for token in children:
        if token.type == "link_open":
            href, begun = str(token.attrs["href"]), len(kept)
            if href.startswith(WECHAT_ARTICLES):
                kept.append(token)
        elif token.type == "link_close":
            if href.startswith(WECHAT_ARTICLES):
                kept.append(token)
            elif "".join(one.content for one in kept[begun:]) != href:
                kept.append(Token("text", "", 0, content=f"（{href}）"))
        else:
            kept.append(token)
    return kept


def _attribute(given: frozenset[str], tag: str, name: str, value: str) -> str | None:
    """Refuse what the lists above cannot say; called for attributes that passed them."""
    if (tag, name) == ("img", "src"):
        return value if value in given else None
    if (tag, name) == ("a", "href"):
        return value if value.startswith(WECHAT_ARTICLES) else None
    if (tag, name) == ("ol", "start"):
        return value if value.isascii() and value.isdecimal() else None
    return value
