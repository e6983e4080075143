"""公众号主页 as followers see it: its history, its articles, and their pictures."""

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from app.core import clock
from app.sandbox.admin_users import Here
from app.sandbox.articles import site_of, split_styles
from app.sandbox.pages import HEADERS, render_page
from app.sandbox.press import Article, Post
from app.sandbox.world import World

router = APIRouter(include_in_schema=False)
KINDS = {
    "service_verified": "服务号 · 已认证",
    "service": "服务号",
    "subscription_verified": "公众号 · 已认证",
    "subscription": "公众号",
    "personal": "个人公众号",
}
GONE = "该内容已被发布者删除，或已被平台停止访问。"


@router.get("/account")
async def show_account(world: Here) -> HTMLResponse:
    newest = [post for post in reversed(world.press.posts) if post.visible]
    sections = [
        ("群发消息", "关注者都会收到通知", [post for post in newest if post.how == "mass"]),
        ("已发表", "有永久地址，不通知关注者", [post for post in newest if post.how == "publish"]),
    ]
    return render_page(
        "account.html",
        account=world.oa,
        kind=KINDS.get(world.oa.profile, "公众号"),
        followers=sum(user.following is not None for user in world.users.values()),
        sections=sections,
        when=clock.local_text,
    )


@router.get("/s/{slug}")
async def show_article(world: Here, slug: str) -> HTMLResponse:
    post, article = _find(world, slug)
    if article not in post.visible:
        response = render_page("article_gone.html", sentence=GONE)
        response.status_code = 404
        return response
    html, _ = split_styles(site_of(world.settings), article.content)
    return render_page(
        "article.html",
        account=world.oa,
        article=article,
        html=html,
        at=clock.local_text(post.at),
        source=article.source_url if article.source_url.startswith(("http://", "https://")) else "",
    )


@router.get("/s/{slug}/style.css")
async def show_style(world: Here, slug: str) -> Response:
    _, article = _find(world, slug)
    _, sheet = split_styles(site_of(world.settings), article.content)
    return Response(sheet, media_type="text/css", headers=HEADERS)


@router.get("/mmbiz_{kind}/{name}/0")
async def show_image(world: Here, kind: str, name: str) -> Response:
    image = world.press.images.get(name)
    if image is None or image.kind != kind:
        raise HTTPException(404)
    return Response(image.content, media_type=f"image/{kind}", headers=HEADERS)


def _find(world: World, slug: str) -> tuple[Post, Article]:
    for post in world.press.posts:
        for article in post.articles:
            if article.slug == slug:
                return post, article
    raise HTTPException(404)
