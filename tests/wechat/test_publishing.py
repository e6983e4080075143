"""What is sent and how answers are read; the whole dance: tests/sandbox/test_publishing_*.py."""

from dataclasses import replace
from typing import Any

import pytest

from app.core.settings import OfficialAccount
from app.wechat import drafts, errors, freepublish, mass, materials, notices
from app.wechat.capability import NotOffered
from app.wechat.client import WeChatClient
from tests.wechat.server import Server, refused

PNG = b"\x89PNG" + b"x" * 1000
ARTICLE = drafts.Article("题", "作者", "摘要", "<p>文</p>", "https://a.cn/1", "cover-1")
UNVERIFIED = OfficialAccount(kind="service", verified=False)


async def every_call(client: WeChatClient) -> Any:
    yield materials.upload_body_image(client, name="a.png", content=PNG)
    yield materials.add_cover(client, name="a.png", content=PNG)
    yield drafts.add_draft(client, [ARTICLE])
    yield freepublish.submit(client, media_id="d")
    yield freepublish.get_publication(client, publish_id="1")
    yield freepublish.find_published(client, source_url="u")
    yield mass.send_to_all(client, media_id="d", client_msg_id="k", tag_id=None)
    yield mass.get_mass_status(client, msg_id="1")


async def test_what_the_account_lacks_is_not_called() -> None:
    server = Server([{}])
    async for call in every_call(server.client(UNVERIFIED)):
        with pytest.raises(NotOffered):
            await call
    assert server.requests == []


async def test_an_answer_without_what_was_asked_for_is_none() -> None:
    server = Server([{"errcode": 0}])
    client = server.client()
    unread = {"has_draft", "delete_draft", "find_published"}
    async for call in every_call(client):
        if call.__name__ in unread:
            assert not await call or call.__name__ == "has_draft"
            continue
        with pytest.raises(errors.WeChatUnavailable):
            await call


@pytest.mark.parametrize(
    ("content", "kind"), [(PNG, b"image/png"), (b"\xff\xd8\xffx", b"image/jpeg")]
)
async def test_a_picture_is_uploaded_whole_also_when_the_token_dies(
    content: bytes, kind: bytes
) -> None:
    server = Server([refused(42001), {"url": "https://mmbiz.qpic.cn/a", "media_id": "m1"}])
    url = await materials.upload_body_image(server.client(), name="槐花.png", content=content)
    assert url == "https://mmbiz.qpic.cn/a"
    assert server.used_tokens() == ["token-1", "token-2"]
    for request in server.requests:
        assert request.method == "POST"
        assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
        assert content in request.content
        assert b'name="media"; filename="' in request.content
        assert b"Content-Type: " + kind in request.content
        assert int(request.headers["content-length"]) == len(request.content)


async def test_a_cover_is_a_permanent_image() -> None:
    server = Server([{"media_id": "m1", "url": "https://mmbiz.qpic.cn/a"}])
    assert await materials.add_cover(server.client(), name="a.png", content=PNG) == "m1"
    assert server.requests[0].url.path == "/cgi-bin/material/add_material"
    assert server.requests[0].url.params["type"] == "image"


async def test_a_draft() -> None:
    server = Server([{"media_id": "d1"}])
    articles = [ARTICLE, replace(ARTICLE, title="二")]
    assert await drafts.add_draft(server.client(), articles) == "d1"
    first, second = server.body()["articles"]
    assert first == {
        "article_type": "news",
        "title": "题",
        "author": "作者",
        "digest": "摘要",
        "content": "<p>文</p>",
        "content_source_url": "https://a.cn/1",
        "thumb_media_id": "cover-1",
        "need_open_comment": 0,
        "only_fans_can_comment": 0,
    }
    assert second["title"] == "二"
    assert "作者".encode() in server.requests[0].content


@pytest.mark.parametrize("given", ["100000001", 100000001])
async def test_a_publish_id_is_text(given: Any) -> None:
    server = Server([{"errcode": 0, "publish_id": given, "msg_data_id": 5}])
    assert await freepublish.submit(server.client(), media_id="d1") == "100000001"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            {
                "publish_status": 0,
                "article_id": "a1",
                "article_detail": {"count": 1, "item": [{"idx": 1, "article_url": "u1"}]},
                "fail_idx": [],
            },
            freepublish.Publication(0, "a1", ("u1",), ()),
        ),
        ({"publish_status": 1, "fail_idx": []}, freepublish.Publication(1, "", (), ())),
        ({"publish_status": "2", "fail_idx": [1, "2"]}, freepublish.Publication(2, "", (), (1, 2))),
        ({"publish_status": 4, "article_detail": None}, freepublish.Publication(4, "", (), ())),
    ],
)
async def test_a_publication(answer: dict[str, Any], expected: freepublish.Publication) -> None:
    server = Server([{"publish_id": "1"} | answer])
    assert await freepublish.get_publication(server.client(), publish_id="1") == expected
    assert server.body() == {"publish_id": "1"}


def page_of(*sources: str) -> dict[str, Any]:
    items = [
        {
            "article_id": f"id-{source}",
            "content": {"news_item": [{"content_source_url": source, "url": f"u-{source}"}]},
        }
        for source in sources
    ]
    return {"total_count": 1000, "item_count": len(items), "item": items}


async def test_a_published_article_is_sought_on_three_pages_at_most() -> None:
    other = page_of(*"abcdefghijklmnopqrst")
    server = Server([other, other, page_of("x")])
    found = await freepublish.find_published(server.client(), source_url="x")
    assert found == freepublish.Publication(0, "id-x", ("u-x",), ())
    asked = [server.body(index) for index in range(3)]
    assert [one["offset"] for one in asked] == [0, 20, 40]
    assert all((one["count"], one["no_content"]) == (20, 0) for one in asked)
    server = Server([other])
    assert await freepublish.find_published(server.client(), source_url="x") is None
    assert len(server.requests) == 3
    server = Server([page_of("a")])
    assert await freepublish.find_published(server.client(), source_url="x") is None
    assert len(server.requests) == 1


async def test_a_deleted_article_is_not_found() -> None:
    page = page_of("x")
    page["item"][0]["content"]["news_item"][0]["is_deleted"] = True
    assert await freepublish.find_published(Server([page]).client(), source_url="x") is None


@pytest.mark.parametrize(
    ("tag_id", "to"), [(None, {"is_to_all": True}), (2, {"is_to_all": False, "tag_id": 2})]
)
async def test_a_mass_send(tag_id: int | None, to: dict[str, Any]) -> None:
    server = Server([{"errcode": 0, "msg_id": 34182, "msg_data_id": 206227730}])
    sent = await mass.send_to_all(
        server.client(), media_id="d1", client_msg_id="issue-7", tag_id=tag_id
    )
    assert sent == "34182"
    assert server.body() == {
        "filter": to,
        "mpnews": {"media_id": "d1"},
        "msgtype": "mpnews",
        "send_ignore_reprint": 0,
        "clientmsgid": "issue-7",
    }


async def test_a_repeated_mass_send_is_the_first_one() -> None:
    server = Server([{"errcode": 45065, "errmsg": "clientmsgid exist", "msg_id": 34182}])
    client = server.client()
    again = await mass.send_to_all(client, media_id="d1", client_msg_id="k", tag_id=None)
    assert again == "34182"


async def test_a_notice() -> None:
    server = Server([{"errcode": 0, "errmsg": "ok", "msgid": 294440}])
    client = server.client()
    sent = await notices.send_notice(
        client, openid="m1", template_id="t1", page="pages/home", values={"thing1": "学一点"}
    )
    assert sent == "294440"
    assert server.body() == {
        "touser": "m1",
        "template_id": "t1",
        "page": "pages/home",
        "data": {"thing1": {"value": "学一点"}},
        "miniprogram_state": "formal",
        "lang": "zh_CN",
    }
    quiet = Server([{"errcode": 0}]).client()
    assert (
        await notices.send_notice(quiet, openid="m1", template_id="t", page="", values={}) is None
    )


@pytest.mark.parametrize(
    ("errcode", "kind"),
    [
        (40007, errors.MediaInvalid),
        (40009, errors.ImageRefused),
        (40113, errors.ImageRefused),
        (40137, errors.ImageRefused),
        (45001, errors.ImageRefused),
        (41005, errors.PayloadMissing),
        (44001, errors.PayloadMissing),
        (44003, errors.PayloadMissing),
        (45002, errors.ContentTooLong),
        (45003, errors.ContentTooLong),
        (45004, errors.ContentTooLong),
        (45110, errors.ContentTooLong),
        (40039, errors.ContentTooLong),
        (45166, errors.ContentRefused),
        (45028, errors.MassQuotaUsed),
        (45065, errors.AlreadySent),
        (45066, errors.RepeatedTooSoon),
        (45067, errors.ClientMsgIdInvalid),
        (45159, errors.TagInvalid),
        (53503, errors.PublishRefused),
        (53600, errors.ArticleInvalid),
        (48001, errors.NotGranted),
    ],
)
def test_codes_of_publishing_have_names(errcode: int, kind: type[Exception]) -> None:
    assert type(errors.refusal(errcode)) is kind
