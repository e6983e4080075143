"""Is the service's answer one that WeChat shows, and what does the follower then see?

WD:doc/subscription/guide/product/message/Passive_user_reply_message.html (§1.5, §9.9).
"""

from collections.abc import Callable, Mapping
from typing import Any

from app.sandbox.accounts import Account, Push
from app.sandbox.documents import NotADocument, read_json, read_xml
from app.sandbox.envelope import BadEnvelope, is_signed, unseal

TEXT_BYTES_MAX = 2048
CARDS_MAX, CARDS_MAX_FOR_EVENT = 1, 8
Reply = dict[str, Any]


class BadAnswer(Exception):
    """The follower sees 「该公众号暂时无法提供服务」; the text says why."""


def read_answer(account: Account, push: Push, answer: str) -> Reply | None:
    """What the follower sees: None for nothing. Raises BadAnswer."""
    text = answer.strip()
    if text in {"", "success"}:
        return None
    try:
        fields = _open(account, text)
    except (NotADocument, BadEnvelope) as error:
        raise BadAnswer(str(error)) from error
    _check_envelope(push, fields)
    kind = fields.get("MsgType", "")
    if kind not in READERS:
        raise BadAnswer(f"不支持的 MsgType：{kind or '缺失'}")
    try:
        return {"type": kind, **READERS[kind](push, fields)}
    except (KeyError, TypeError, AttributeError) as error:
        raise BadAnswer(f"{kind} 回复缺少字段：{error}") from error


def _open(account: Account, text: str) -> dict[str, Any]:
    """In safe mode only a sealed answer counts; in plain mode only an open one."""
    fields = read_json(text) if account.format == "json" else read_xml(text)
    if account.mode == "plain" or (account.mode == "compatible" and "Encrypt" not in fields):
        return fields
    missing = {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"} - fields.keys()
    if missing:
        raise BadEnvelope(f"安全模式的回复缺少 {'、'.join(sorted(missing))}")
    sealed = str(fields["Encrypt"])
    parts = (account.token, str(fields["TimeStamp"]), str(fields["Nonce"]), sealed)
    if not is_signed(str(fields["MsgSignature"]), *parts):
        raise BadEnvelope("MsgSignature 不正确")
    message = unseal(account.aes_key, account.appid, sealed)
    return read_json(message) if account.format == "json" else read_xml(message)


def _check_envelope(push: Push, fields: Mapping[str, Any]) -> None:
    swapped = (("ToUserName", "FromUserName"), ("FromUserName", "ToUserName"))
    for ours, theirs in swapped:
        if fields.get(ours) != push.fields[theirs]:
            raise BadAnswer(f"{ours} 应当是来信的 {theirs}")
    if not str(fields.get("CreateTime", "")).isdecimal():
        raise BadAnswer("CreateTime 不是整数")


def _text(_: Push, fields: Mapping[str, Any]) -> Reply:
    content = fields["Content"]
    if not content:
        raise BadAnswer("Content 为空")
    if len(content.encode()) > TEXT_BYTES_MAX:
        raise BadAnswer("Content 超过 2048 字节")
    return {"text": content}


def _media(name: str) -> Callable[[Push, Mapping[str, Any]], Reply]:
    def read(_: Push, fields: Mapping[str, Any]) -> Reply:
        return {"media_id": fields[name]["MediaId"], "title": fields[name].get("Title", "")}

    return read


def _music(_: Push, fields: Mapping[str, Any]) -> Reply:
    music = fields["Music"]
    return {"title": music.get("Title", ""), "media_id": music["ThumbMediaId"]}


def _news(push: Push, fields: Mapping[str, Any]) -> Reply:
    """One card in answer to a message [R], eight in answer to an event."""
    items = fields["Articles"]["item"]
    if str(fields["ArticleCount"]) != str(len(items)):
        raise BadAnswer("ArticleCount 与图文条数不符")
    limit = CARDS_MAX if push.is_message else CARDS_MAX_FOR_EVENT
    if not 1 <= len(items) <= limit:
        raise BadAnswer(f"图文条数应为 1 到 {limit}")
    articles = [
        {
            "title": item["Title"],
            "description": item.get("Description", ""),
            "picurl": item.get("PicUrl", ""),
            "url": item.get("Url", ""),
        }
        for item in items
    ]
    return {"articles": articles}


def _transfer(_: Push, __: Mapping[str, Any]) -> Reply:
    return {"text": "已转人工客服"}


READERS: Mapping[str, Callable[[Push, Mapping[str, Any]], Reply]] = {
    "text": _text,
    "image": _media("Image"),
    "voice": _media("Voice"),
    "video": _media("Video"),
    "music": _music,
    "news": _news,
    "transfer_customer_service": _transfer,
}
