"""Nonsense inside what only a real draft, send or consent lets the stand-in look at."""

from typing import Any

from app.wechat import materials
from app.wechat.client import WeChatClient
from tests.sandbox.platform import Platform
from tests.sandbox.press import PNG, ask, make_draft
from tests.sandbox.test_dispatch import ODD


async def test_odd_articles(platform: Platform, wechat: WeChatClient) -> None:
    cover = await materials.add_cover(wechat, name="c.png", content=PNG)
    good: dict[str, Any] = {"title": "a", "content": "b", "thumb_media_id": cover}
    names = ["article_type", "title", "author", "digest", "content", "content_source_url"]
    for name in [*names, "thumb_media_id", "image_info"]:
        for value in ODD:
            body = {"articles": [good | {name: value}]}
            answer = await platform.post("/cgi-bin/draft/add", body)
            assert "media_id" in answer or answer["errcode"], (name, value)


async def test_odd_sends(platform: Platform, wechat: WeChatClient) -> None:
    media_id = await make_draft(wechat)
    good: dict[str, Any] = {
        "filter": {"is_to_all": True},
        "msgtype": "mpnews",
        "mpnews": {"media_id": media_id},
    }
    path = "/cgi-bin/message/mass/sendall"
    for value in ODD:
        for odd in ({"filter": {"tag_id": value}}, {"mpnews": {"media_id": value}}):
            assert (await platform.post(path, good | odd))["errcode"], odd
    sent = await platform.post(path, good)
    for value in ODD[:8]:  # a day has ten
        body = {"msg_id": sent["msg_id"], "article_idx": value}
        assert (await platform.post("/cgi-bin/message/mass/delete", body))["errcode"] == 40059


async def test_odd_notices(platform: Platform) -> None:
    user = await platform.resident()
    await ask(platform, f"users/{user['id']}/subscribe", choices={"t": True})
    openid = user["openids"][platform.settings.wechat.mini.appid]
    for value in [one for one in ODD if one != "http://["]:
        for data in ({"thing1": value}, {"thing1": {"value": value}}):
            body = {"touser": openid, "template_id": "t", "data": data}
            answer = await platform.post("/cgi-bin/message/subscribe/send", body, "mini")
            assert answer["errcode"] == 47003, value


async def test_odd_deletions(platform: Platform, wechat: WeChatClient) -> None:
    media_id = await make_draft(wechat)
    post = await ask(platform, "publications/by-hand", media_id=media_id)
    path = "/cgi-bin/freepublish/delete"
    odd: list[Any] = [-1, 2, 10**30, 1.5, "", [], {}]
    for value in odd:
        body = {"article_id": post["article_id"], "index": value}
        assert (await platform.post(path, body))["errcode"] == 40060, value
