"""One article: what the platform refuses, what it takes out, and how it is shown.

Limits and filters: WD:doc/service/api/draftbox/draftmanage/api_draft_add (wechat-platform.md §5.1);
the errcodes are those of the return-code table.
"""

import re
import secrets
from collections.abc import Mapping
from html import unescape
from typing import Any

import nh3

from app.core.settings import Settings
from app.sandbox.errors import CallRefused
from app.sandbox.press import Article, Material, Post
from app.sandbox.world import World

TITLE_MAX, AUTHOR_MAX, DIGEST_MAX, DIGEST_DEFAULT = 32, 16, 128, 54
CONTENT_CHARS_MAX, CONTENT_BYTES_MAX, SOURCE_BYTES_MAX = 20_000, 1024 * 1024, 1024
PICTURES_MAX = 20
TENCENT = "mp.weixin.qq.com"
TAGS = nh3.ALLOWED_TAGS | {"section", "mp-miniprogram"}
ATTRIBUTES = {
    "*": {"style", "title", "data-miniprogram-appid", "data-miniprogram-path"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
MARKED = re.compile(r' style="style-([0-9a-f]{16})-(\d+)"')


def site_of(settings: Settings) -> str:
    """Where this stand-in is reached, without a trailing slash."""
    if settings.wechat.mp_url.host == TENCENT:
        return f"http://{settings.sandbox.host}:{settings.sandbox.port}"
    return str(settings.wechat.mp_url).rstrip("/")


def read_article(world: World, given: Any) -> Article:
    """Raises CallRefused with the code of the first thing wrong."""
    if not isinstance(given, Mapping):
        raise CallRefused(47001)
    kind = given.get("article_type", "news")
    if not isinstance(kind, str) or kind not in {"news", "newspic"}:
        raise CallRefused(40097)
    title, author, digest = (_text(given, name) for name in ("title", "author", "digest"))
    content, source_url = _text(given, "content"), _text(given, "content_source_url")
    if not 1 <= len(title) <= TITLE_MAX:
        raise CallRefused(45003)
    if len(author) > AUTHOR_MAX:
        raise CallRefused(45110)
    if len(digest) > DIGEST_MAX:
        raise CallRefused(45004)
    if len(content) >= CONTENT_CHARS_MAX or len(content.encode()) >= CONTENT_BYTES_MAX:
        raise CallRefused(45002)
    if not content:
        raise CallRefused(44004)
    if len(source_url.encode()) > SOURCE_BYTES_MAX:
        raise CallRefused(40039)
    cover = _cover_of(world, given) if kind == "news" else _first_picture(world, given)
    cleaned = clean(site_of(world.settings), content)
    return Article(
        title=title,
        author=author,
        digest=digest or _beginning(cleaned),
        content=cleaned,
        source_url=source_url,
        thumb_media_id=cover.media_id,
        cover_path=cover.image.path,
        kind="newspic" if kind == "newspic" else "news",
    )


def clean(site: str, html: str) -> str:
    """Without scripts, handlers, pictures from elsewhere, and links that leave WeChat [R]."""

    def keep(tag: str, name: str, value: str) -> str | None:
        if (tag, name) == ("img", "src"):
            return value if value.startswith(f"{site}/mmbiz_") else None
        if (tag, name) == ("a", "href"):
            return value if value.startswith((f"{site}/s/", f"https://{TENCENT}/")) else None
        return value

    return nh3.clean(
        html,
        tags=set(TAGS),
        clean_content_tags={"script", "style"},
        attributes=ATTRIBUTES,
        attribute_filter=keep,
        url_schemes={"http", "https"},
        link_rel=None,
    )


def split_styles(site: str, content: str) -> tuple[str, str]:
    """(HTML without style attributes, a style sheet that says the same).

    The pages' policy allows no inline styles, and WeChat's articles have no others.
    """
    rules: list[str] = []
    salt = secrets.token_hex(8)

    def mark(_: str, name: str, value: str) -> str | None:
        if name == "style":
            # Nothing may end the rule or open another.
            rules.append(re.sub(r"[{}<>\\@]", "", value))
            return f"style-{salt}-{len(rules) - 1}"
        return value.removeprefix(site) if name in {"src", "href"} else value

    html = nh3.clean(
        content, tags=set(TAGS), attributes=ATTRIBUTES, attribute_filter=mark, link_rel=None
    )

    def to_class(found: re.Match[str]) -> str:
        return f' class="s{found[2]}"' if found[1] == salt else found[0]

    # Two classes, so that these rules win over the page's own, as style attributes would.
    sheet = "\n".join(f".content .s{index} {{ {rule} }}" for index, rule in enumerate(rules))
    return MARKED.sub(to_class, html), sheet


def news_item(world: World, article: Article, *, post: Post | None = None) -> dict[str, object]:
    """As draft/get, freepublish/getarticle and batchget write it; addresses only when published."""
    site = site_of(world.settings)
    item: dict[str, object] = {
        "article_type": article.kind,
        "title": article.title,
        "author": article.author,
        "digest": article.digest,
        "content": article.content,
        "content_source_url": article.source_url,
        "thumb_media_id": article.thumb_media_id,
        "thumb_url": f"{site}{article.cover_path}",
        "show_cover_pic": 0,
        "need_open_comment": 0,
        "only_fans_can_comment": 0,
        "url": url_of(world, article),
    }
    if post is not None:
        item["is_deleted"] = article not in post.visible
    return item


def url_of(world: World, article: Article) -> str:
    return f"{site_of(world.settings)}/s/{article.slug}"


def card(world: World, article: Article) -> dict[str, str]:
    """What the chat shows; the cover by its path, since the page's policy knows no other host."""
    return {
        "title": article.title,
        "description": article.digest,
        "picurl": article.cover_path,
        "url": url_of(world, article),
    }


def permanent(world: World, media_id: Any) -> Material:
    """Raises CallRefused(40007), also for a temporary one: the mistake most people make."""
    found = world.press.materials.get(media_id) if isinstance(media_id, str) else None
    if found is None or found.expires_at is not None:
        raise CallRefused(40007)
    return found


def _cover_of(world: World, given: Mapping[str, Any]) -> Material:
    return permanent(world, given.get("thumb_media_id"))


def _first_picture(world: World, given: Mapping[str, Any]) -> Material:
    info = given.get("image_info")
    pictures = info.get("image_list") if isinstance(info, Mapping) else None
    if not isinstance(pictures, list) or not 1 <= len(pictures) <= PICTURES_MAX:
        raise CallRefused(40007)
    ids = [one.get("image_media_id") if isinstance(one, Mapping) else None for one in pictures]
    materials = [permanent(world, media_id) for media_id in ids]
    return materials[0]


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise CallRefused(47001)
    return value


def _beginning(content: str) -> str:
    text = unescape(nh3.clean(content, tags=set()))
    return " ".join(text.split())[:DIGEST_DEFAULT]
