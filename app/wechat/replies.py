"""Passive replies: the XML that answers a message in its own HTTP response.

Forms and the bare word `success`: developers.weixin.qq.com …/Passive_user_reply_message.html. A
user's words may come back in a reply, so CDATA is kept closed (wechatpy leaves `]]>` in it).
"""

import re
from dataclasses import dataclass
from datetime import datetime

SUCCESS = "success"
"""Heard and nothing to say; anything else that is no XML shows 该公众号暂时无法提供服务."""
TEXT_BYTES_MAX = 2048
"""The longest text seen to pass (MamaShip/Observer#77, on wechat-platform.md §1.3)."""
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""The characters outside XML 1.0's production Char."""


@dataclass(frozen=True)
class TextReply:
    text: str


@dataclass(frozen=True)
class NewsReply:
    """One card: more than one article is refused as the answer to a message."""

    title: str
    description: str
    url: str
    picture_url: str


Reply = TextReply | NewsReply


def render(reply: Reply, *, to: str, sender: str, now: datetime) -> str:
    """The reply as XML, `to` an openid, `sender` the account's original id."""
    match reply:
        case TextReply(text):
            kind, content = "text", element("Content", cut(text))
        case NewsReply():
            kind, content = "news", _news(reply)
    return (
        f"<xml>{element('ToUserName', to)}{element('FromUserName', sender)}"
        f"<CreateTime>{int(now.timestamp())}</CreateTime>{element('MsgType', kind)}{content}</xml>"
    )


def cut(text: str, bytes_max: int = TEXT_BYTES_MAX) -> str:
    """The text without what XML forbids, as much of it as fits, ending after a whole character."""
    return NOT_XML.sub("", text).encode()[:bytes_max].decode("utf-8", "ignore")


def element(name: str, text: str) -> str:
    """An element with this text in CDATA; a `]]>` in the text is split over two sections."""
    safe = NOT_XML.sub("", text).replace("]]>", "]]]]><![CDATA[>")
    return f"<{name}><![CDATA[{safe}]]></{name}>"


def _news(reply: NewsReply) -> str:
    item = (
        element("Title", reply.title)
        + element("Description", reply.description)
        + element("PicUrl", reply.picture_url)
        + element("Url", reply.url)
    )
    return f"<ArticleCount>1</ArticleCount><Articles><item>{item}</item></Articles>"
