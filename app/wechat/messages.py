"""Reading a push: which kind of message it is, and its natural key.

Fields and events: developers.weixin.qq.com …/Receiving_standard_messages.html and
…/Receiving_event_pushes.html; events wechatpy does not know: WxJava WxMpXmlMessage, WxConsts.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Literal

from app.wechat.fields import (
    Fields,
    id_of,
    instant_of,
    number_of,
    numbers_of,
    part_of,
    parts_of,
    text_of,
)
from app.wechat.kinds import (
    AuthorizationRevoked,
    Click,
    EnterSession,
    MassSendFinished,
    Media,
    MediaChecked,
    Message,
    OtherEvent,
    PublishFinished,
    Scan,
    SentResult,
    Subscribe,
    SubscribeChoices,
    SubscribeSent,
    TemplateSendFinished,
    Text,
    Unsubscribe,
    UserInfoModified,
    View,
)

__all__ = [
    "AuthorizationRevoked",
    "Click",
    "EnterSession",
    "MassSendFinished",
    "Media",
    "MediaChecked",
    "Message",
    "OtherEvent",
    "PublishFinished",
    "Scan",
    "SentResult",
    "Subscribe",
    "SubscribeChoices",
    "SubscribeSent",
    "TemplateSendFinished",
    "Text",
    "Unsubscribe",
    "UserInfoModified",
    "View",
    "parse",
]

KEY_LENGTH_MAX = 200

Head = dict[str, Any]
"""The arguments of `Message`, which all its kinds share."""


def parse(appid: str, fields: Fields) -> Message:
    """The message in these fields. Raises Malformed."""
    head: Head = {
        "appid": appid,
        "account_id": id_of(fields, "ToUserName"),
        "openid": id_of(fields, "FromUserName"),
        "created_at": instant_of(fields, "CreateTime"),
        "unionid": id_of(fields, "UnionId", "unionid") if _has_unionid(fields) else None,
    }
    kind = id_of(fields, "MsgType").lower()
    if kind == "event":
        return _parse_event(fields, head)
    # Messages are told apart by MsgId (…/Passive_user_reply_message.html); the sender belongs to
    # the key, since a coarser one loses messages (binarywang/WxJava#333).
    head["key"] = key_of("msg", head["openid"], id_of(fields, "MsgId"))
    if kind == "text":
        return Text(**head, content=text_of(fields, "Content"))
    return Media(**head, kind=kind)


def key_of(*parts: object) -> str:
    key = ":".join(map(str, parts))
    if len(key) <= KEY_LENGTH_MAX:
        return key
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _has_unionid(fields: Fields) -> bool:
    return bool(text_of(fields, "UnionId") or text_of(fields, "unionid"))


def _parse_event(fields: Fields, head: Head) -> Message:
    # Names are written in every case in the documentation: subscribe, SCAN, MASSSENDJOBFINISH.
    event = id_of(fields, "Event").lower()
    read = EVENTS.get(event)
    if read is not None:
        return read(fields, head, event)
    return OtherEvent(**_keyed(head, event, text_of(fields, "EventKey")), event=event)


def _keyed(head: Head, event: str, subject: str) -> Head:
    """The head with an event's key.

    FromUserName + CreateTime, as the documentation says, is too coarse: a popup's answer and a
    click can share a second (WxJava WxMpMessageRouter).
    """
    second = int(head["created_at"].timestamp())
    return {**head, "key": key_of("event", head["openid"], second, event, subject)}


def _subscribe(fields: Fields, head: Head, event: str) -> Message:
    key = text_of(fields, "EventKey")
    scene = key.removeprefix("qrscene_") if key.startswith("qrscene_") else None
    return Subscribe(**_keyed(head, event, key), scene=scene or None)


def _unsubscribe(_: Fields, head: Head, event: str) -> Message:
    return Unsubscribe(**_keyed(head, event, ""))


def _scan(fields: Fields, head: Head, event: str) -> Message:
    key = text_of(fields, "EventKey")
    return Scan(**_keyed(head, event, key), scene=key)


def _click(fields: Fields, head: Head, event: str) -> Message:
    key = text_of(fields, "EventKey")
    return Click(**_keyed(head, event, key), menu_key=key)


def _view(fields: Fields, head: Head, event: str) -> Message:
    key = text_of(fields, "EventKey")
    return View(**_keyed(head, event, key), url=key)


def _revoked(fields: Fields, head: Head, event: str) -> Message:
    openid = id_of(fields, "OpenID", "OpenId", "FromUserName")
    closed = event == "user_authorization_cancellation"
    info = "cancellation" if closed else text_of(fields, "RevokeInfo")
    keyed = _keyed(head, event, f"{openid}:{info}")
    return AuthorizationRevoked(**keyed, revoked_openid=openid, info=info)


def _modified(fields: Fields, head: Head, event: str) -> Message:
    openid = id_of(fields, "OpenID", "OpenId", "FromUserName")
    info = text_of(fields, "RevokeInfo")
    keyed = _keyed(head, event, f"{openid}:{info}")
    return UserInfoModified(**keyed, modified_openid=openid, info=info)


def _list(fields: Fields, wrapper: str) -> list[Fields]:
    """The <List> entries: inside a wrapper in XML, at the top in the mini-program's JSON."""
    return parts_of(part_of(fields, wrapper), "List") or parts_of(fields, "List")


def _choices(fields: Fields, head: Head, event: str) -> Message:
    popup = event == "subscribe_msg_popup_event"
    entries = _list(fields, "SubscribeMsgPopupEvent" if popup else "SubscribeMsgChangeEvent")
    choices = tuple(
        (id_of(one, "TemplateId"), text_of(one, "SubscribeStatusString").lower() == "accept")
        for one in entries
    )
    subject = ",".join(f"{template}={accepted:d}" for template, accepted in choices)
    return SubscribeChoices(
        **_keyed(head, event, subject), kind="popup" if popup else "change", choices=choices
    )


def _sent(fields: Fields, head: Head, event: str) -> Message:
    results = tuple(
        SentResult(
            template_id=id_of(one, "TemplateId"),
            msg_id=id_of(one, "MsgID", "MsgId"),
            error_code=number_of(one, "ErrorCode", 0),
            error_status=text_of(one, "ErrorStatus"),
        )
        for one in _list(fields, "SubscribeMsgSentEvent")
    )
    subject = ",".join(result.msg_id for result in results)
    return SubscribeSent(**_keyed(head, event, subject), results=results)


def _published(fields: Fields, head: Head, _: str) -> Message:
    info = part_of(fields, "PublishEventInfo")  # snake_case inside (…/api_freepublish_submit)
    publish_id, status = id_of(info, "publish_id"), number_of(info, "publish_status")
    items = parts_of(part_of(info, "article_detail"), "item")
    # With the status: the same publication may be deleted or banned later (5, 6).
    head["key"] = key_of("publish", publish_id, status)
    return PublishFinished(
        **head,
        publish_id=publish_id,
        status=status,
        article_id=text_of(info, "article_id"),
        urls=tuple(text_of(item, "article_url") for item in items),
        failed_indexes=numbers_of(info, "fail_idx"),
    )


def _mass_sent(fields: Fields, head: Head, _: str) -> Message:
    msg_id, status = id_of(fields, "MsgID", "MsgId"), text_of(fields, "Status").strip()
    head["key"] = key_of("mass", msg_id, status)
    results = part_of(part_of(fields, "ArticleUrlResult"), "ResultList")
    return MassSendFinished(
        **head,
        msg_id=msg_id,
        status=status,
        total=number_of(fields, "TotalCount", 0),
        filtered=number_of(fields, "FilterCount", 0),
        sent=number_of(fields, "SentCount", 0),
        errors=number_of(fields, "ErrorCount", 0),
        urls=tuple(text_of(item, "ArticleUrl") for item in parts_of(results, "item")),
    )


def _template_sent(fields: Fields, head: Head, _: str) -> Message:
    msg_id = id_of(fields, "MsgID", "MsgId")
    head["key"] = key_of("template", msg_id)
    return TemplateSendFinished(**head, msg_id=msg_id, status=text_of(fields, "Status").strip())


def _media_checked(fields: Fields, head: Head, _: str) -> Message:
    trace_id = id_of(fields, "trace_id")
    head["key"] = key_of("media_check", trace_id)
    result = part_of(fields, "result")
    suggest: Literal["pass", "review", "risky"] = "review"  # An unfinished check is no pass.
    match text_of(result, "suggest"):
        case "pass" | "risky" as said if number_of(fields, "errcode", 0) == 0:
            suggest = said
    label = number_of(result, "label") if text_of(result, "label") else None
    return MediaChecked(**head, trace_id=trace_id, suggest=suggest, label=label)


def _entered(fields: Fields, head: Head, event: str) -> Message:
    origin = text_of(fields, "SessionFrom")
    return EnterSession(**_keyed(head, event, origin), session_from=origin)


EVENTS: dict[str, Callable[[Fields, Head, str], Message]] = {
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "scan": _scan,
    "click": _click,
    "view": _view,
    "user_authorization_revoke": _revoked,
    # From memory, not in wechat-platform.md: the person closed the WeChat account.
    "user_authorization_cancellation": _revoked,
    "user_info_modified": _modified,
    "subscribe_msg_popup_event": _choices,
    "subscribe_msg_change_event": _choices,
    "subscribe_msg_sent_event": _sent,
    "publishjobfinish": _published,
    "masssendjobfinish": _mass_sent,
    "templatesendjobfinish": _template_sent,
    "wxa_media_check": _media_checked,
    "user_enter_tempsession": _entered,
}
