from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wechat import messages
from app.wechat.envelope import Malformed, open_callback
from tests.wechat.pushes import NOW, OA, UNHURRIED, event, safe

SECOND = int(NOW.timestamp())


def parse(fields: dict[str, Any]) -> Any:
    return messages.parse(OA.appid, fields)


def message(kind: str, **fields: Any) -> dict[str, Any]:
    return {**event(""), "MsgType": kind, "MsgId": "7", **fields}


def test_a_text() -> None:
    found = parse(message("text", Content="积分", UnionId="u1"))
    assert found == messages.Text(
        appid=OA.appid,
        account_id="gh_0000000000a1",
        openid="o-resident-1",
        created_at=datetime(2026, 11, 23, 6, tzinfo=UTC),
        key="msg:o-resident-1:7",
        unionid="u1",
        content="积分",
    )
    assert parse(message("text")).content == ""
    assert parse(message("text")).unionid is None
    assert parse(message("text", CreateTime=SECOND, MsgId=7)).key == found.key


@pytest.mark.parametrize("kind", ["image", "voice", "video", "Location", "miniprogrampage"])
def test_media(kind: str) -> None:
    found = parse(message(kind))
    assert isinstance(found, messages.Media)
    assert found.kind == kind.lower()


@pytest.mark.parametrize(
    ("name", "fields", "kind", "facts"),
    [
        ("subscribe", {"EventKey": None}, messages.Subscribe, {"scene": None}),
        ("subscribe", {"EventKey": "qrscene_v12"}, messages.Subscribe, {"scene": "v12"}),
        ("subscribe", {"EventKey": "qrscene_"}, messages.Subscribe, {"scene": None}),
        ("subscribe", {"EventKey": "last_trade_no_1"}, messages.Subscribe, {"scene": None}),
        ("unsubscribe", {}, messages.Unsubscribe, {}),
        ("SCAN", {"EventKey": "v12"}, messages.Scan, {"scene": "v12"}),
        ("SCAN", {"EventKey": 12}, messages.Scan, {"scene": "12"}),
        ("CLICK", {"EventKey": "credits"}, messages.Click, {"menu_key": "credits"}),
        ("VIEW", {"EventKey": "https://a.cn/"}, messages.View, {"url": "https://a.cn/"}),
        (
            "user_enter_tempsession",
            {"SessionFrom": "x"},
            messages.EnterSession,
            {"session_from": "x"},
        ),
        ("LOCATION", {"Latitude": "29.5"}, messages.OtherEvent, {"event": "location"}),
        ("verify_expired", {"ExpiredTime": "1"}, messages.OtherEvent, {"event": "verify_expired"}),
    ],
)
@pytest.mark.parametrize("spelling", [str, str.upper, str.lower])
def test_events(
    name: str,
    fields: dict[str, Any],
    kind: type[messages.Message],
    facts: dict[str, Any],
    spelling: Any,
) -> None:
    found = parse(event(spelling(name), **fields))
    assert type(found) is kind
    assert {key: getattr(found, key) for key in facts} == facts
    assert found.key.startswith(f"event:o-resident-1:{SECOND}:{name.lower()}:")


def test_two_events_of_one_second_are_two() -> None:
    keys = {
        parse(event("CLICK", EventKey="a")).key,
        parse(event("CLICK", EventKey="b")).key,
        parse(event("SCAN", EventKey="a")).key,
        parse(event("CLICK", EventKey="a", FromUserName="o-resident-2")).key,
        parse(event("CLICK", EventKey="a", CreateTime=SECOND + 1)).key,
    }
    assert len(keys) == 5


def test_a_long_key_is_hashed() -> None:
    first, second = (parse(event("VIEW", EventKey="https://a.cn/" + "x" * n)) for n in (300, 301))
    assert len(first.key) <= 200
    assert first.key != second.key


def test_erasure_events() -> None:
    found = parse(event("user_authorization_revoke", OpenID="o9", RevokeInfo=301))
    assert (found.revoked_openid, found.info) == ("o9", "301")
    assert found.key.endswith("o9:301")
    closed = parse(event("user_authorization_cancellation", OpenID="o9"))
    assert (closed.revoked_openid, closed.info) == ("o9", "cancellation")
    changed = parse(event("user_info_modified", OpenID="o9", RevokeInfo="1"))
    assert (changed.modified_openid, changed.info) == ("o9", "1")
    assert parse(event("user_authorization_revoke")).revoked_openid == "o-resident-1"


POPUP = [
    {"TemplateId": "t1", "SubscribeStatusString": "accept", "PopupScene": "1"},
    {"TemplateId": "t2", "SubscribeStatusString": "reject", "PopupScene": "1"},
]


@pytest.mark.parametrize("fields", [{"SubscribeMsgPopupEvent": {"List": POPUP}}, {"List": POPUP}])
def test_subscribe_choices(fields: dict[str, Any]) -> None:
    found = parse(event("subscribe_msg_popup_event", **fields))
    assert found.kind == "popup"
    assert found.choices == (("t1", True), ("t2", False))


def test_a_single_choice_through_the_envelope() -> None:
    xml = (
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>o1</FromUserName>"
        f"<CreateTime>{SECOND}</CreateTime><MsgType>event</MsgType>"
        "<Event>subscribe_msg_change_event</Event><SubscribeMsgChangeEvent><List>"
        "<TemplateId>t1</TemplateId><SubscribeStatusString>reject</SubscribeStatusString>"
        "</List></SubscribeMsgChangeEvent></xml>"
    )
    query, body = safe(OA, xml)
    found = parse(open_callback(OA, query=query, body=body, now=NOW).fields)
    assert (found.kind, found.choices) == ("change", (("t1", False),))


def test_subscribe_sent() -> None:
    entry = {"TemplateId": "t1", "MsgID": 5, "ErrorCode": "0", "ErrorStatus": "success"}
    found = parse(event("subscribe_msg_sent_event", SubscribeMsgSentEvent={"List": [entry]}))
    assert found.results == (messages.SentResult("t1", "5", 0, "success"),)
    assert found.key.endswith(":5")


@pytest.mark.parametrize("publish_id", ["2247503051", 2247503051])
def test_publish_finished(publish_id: str | int) -> None:
    item = {"idx": "1", "article_url": "https://mp.weixin.qq.com/s/a"}
    info = {
        "publish_id": publish_id,
        "publish_status": "0",
        "article_id": "A1",
        "article_detail": {"count": "1", "item": item},
    }
    found = parse(event("PUBLISHJOBFINISH", PublishEventInfo=info))
    assert found.publish_id == "2247503051"
    assert (found.status, found.article_id) == (0, "A1")
    assert found.urls == ("https://mp.weixin.qq.com/s/a",)
    assert found.failed_indexes == ()
    assert found.key == "publish:2247503051:0"
    refused = {"publish_id": publish_id, "publish_status": 2, "fail_idx": ["1", "2"]}
    assert parse(event("PUBLISHJOBFINISH", PublishEventInfo=refused)).failed_indexes == (1, 2)
    single = {**refused, "fail_idx": "1"}
    assert parse(event("PUBLISHJOBFINISH", PublishEventInfo=single)).failed_indexes == (1,)


def test_mass_and_template_finished() -> None:
    found = parse(
        event("MASSSENDJOBFINISH", MsgID="9", Status="err(40001)", TotalCount="3", SentCount=2)
    )
    assert (found.msg_id, found.status) == ("9", "err(40001)")
    assert (found.total, found.filtered, found.sent, found.errors) == (3, 0, 2, 0)
    assert found.key == "mass:9:err(40001)"
    sent = parse(event("TEMPLATESENDJOBFINISH", MsgID="9", Status="failed:user block"))
    assert (sent.key, sent.status) == ("template:9", "failed:user block")


@pytest.mark.parametrize(
    ("fields", "suggest", "label"),
    [
        ({"result": {"suggest": "pass", "label": 100}}, "pass", 100),
        ({"result": {"suggest": "risky", "label": "20002"}, "errcode": "0"}, "risky", 20002),
        ({"result": {"suggest": "review"}}, "review", None),
        ({"result": {"suggest": "pass", "label": 100}, "errcode": -1008}, "review", 100),
        ({"result": {"suggest": "novel"}}, "review", None),
        ({}, "review", None),
    ],
)
def test_media_checked(fields: dict[str, Any], suggest: str, label: int | None) -> None:
    found = parse(event("wxa_media_check", trace_id="tr1", **fields))
    assert (found.key, found.suggest, found.label) == ("media_check:tr1", suggest, label)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        message("text", ToUserName=None),
        message("text", FromUserName=""),
        message("text", FromUserName=["a", "b"]),
        message("text", FromUserName="o" * 129),
        message("text", MsgId=None),
        message("text", MsgId=True),
        message("text", CreateTime="soon"),
        message("text", CreateTime=-1),
        message("text", CreateTime="99999999999999"),
        message("text", CreateTime="1" * 5000),
        message("text", CreateTime=1.5),
        message("text", Content={"a": "b"}),
        message("text", Content="a\x00b"),
        message("text", Content="a\ud800"),
        message("", Content="a"),
        event(""),
        event("CLICK", EventKey=["a"]),
        event("PUBLISHJOBFINISH"),
        event("PUBLISHJOBFINISH", PublishEventInfo="x"),
        event("PUBLISHJOBFINISH", PublishEventInfo={"publish_id": "1", "publish_status": "x"}),
        event("MASSSENDJOBFINISH"),
        event("wxa_media_check"),
        event("subscribe_msg_popup_event", List=["x"]),
        event("subscribe_msg_popup_event", List=[{"SubscribeStatusString": "accept"}]),
    ],
)
def test_malformed(fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parse(fields)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["Event", "EventKey", "MsgType", "MsgId", "CreateTime", "List", "OpenID", "result", "trace_id",
     "PublishEventInfo", "SubscribeMsgSentEvent", "MsgID", "Status", "TotalCount", "Content"]
)  # fmt: skip


@UNHURRIED
@given(st.sampled_from([*messages.EVENTS, "other"]), st.dictionaries(names, values, max_size=4))
def test_anything_parses_or_is_malformed(name: str, change: dict[str, Any]) -> None:
    try:
        found = parse({**event(name), **change})
    except Malformed:
        return
    assert len(found.key) <= 200
    found.key.encode()
