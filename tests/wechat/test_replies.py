import unicodedata
from typing import Any

import pytest
import xmltodict
from hypothesis import given
from hypothesis import strategies as st

from app.wechat.replies import NOT_XML, NewsReply, Reply, TextReply, cut, render
from tests.wechat.pushes import NOW, UNHURRIED


def read(reply: Reply, *, to: str = "o1", sender: str = "gh_1") -> Any:
    xml = render(reply, to=to, sender=sender, now=NOW)
    return xmltodict.parse(xml, strip_whitespace=False)["xml"]


def test_a_text() -> None:
    assert read(TextReply("您好，本周积分 12")) == {
        "ToUserName": "o1",
        "FromUserName": "gh_1",
        "CreateTime": str(int(NOW.timestamp())),
        "MsgType": "text",
        "Content": "您好，本周积分 12",
    }


def test_one_card() -> None:
    found = read(NewsReply("第四十七期", "本周学习", "https://a.cn/?a=1&b=2", "https://a.cn/p.png"))
    assert (found["MsgType"], found["ArticleCount"]) == ("news", "1")
    assert found["Articles"]["item"] == {
        "Title": "第四十七期",
        "Description": "本周学习",
        "PicUrl": "https://a.cn/p.png",
        "Url": "https://a.cn/?a=1&b=2",
    }


@pytest.mark.parametrize(
    "text", ["x]]><evil/>", "]]>", "]]]]>>", "]]]>]]>", "a]]", "<![CDATA[a]]>", "&lt;"]
)
def test_cdata_stays_closed(text: str) -> None:
    assert read(TextReply(text))["Content"] == text
    assert read(TextReply("a"), to=text, sender=text)["ToUserName"] == text


@UNHURRIED
@given(st.text(st.sampled_from("]>a<![CDATA&;\x00\x0b\ud800\ufffe 学"), max_size=40))
def test_any_text_comes_back_without_what_xml_forbids(text: str) -> None:
    # A reader of XML makes one line end of both.
    expected = NOT_XML.sub("", text)
    assert (read(TextReply(text))["Content"] or "") == expected


@UNHURRIED
@given(st.text(st.characters(codec="utf-8"), max_size=1500))
def test_a_cut_ends_after_a_whole_character(text: str) -> None:
    short = cut(text)
    clean = NOT_XML.sub("", text)
    assert len(short.encode()) <= 2048
    assert clean.startswith(short)
    assert short == clean or len(clean[: len(short) + 1].encode()) > 2048


def test_a_long_chinese_text() -> None:
    short = read(TextReply("学" * 1000))["Content"]
    assert short == "学" * 682
    assert unicodedata.category(short[-1]) == "Lo"
