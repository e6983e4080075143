import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.push import texts
from app.push.channels import LIMITS
from app.push.texts import ELLIPSIS, Notice, cut

LINK = "https://xuetang.example/g/" + "Z" * 19
FAMILY = "👨‍👩‍👧‍👦"
ANY = st.lists(
    st.characters(codec="utf-8") | st.sampled_from([*"学习重点防诈骗", "👍🏽", FAMILY, "🇨🇳", "é"]),
    max_size=400,
).map("".join)


def notice(title: str = "接到电话怎么办", text: str = "先挂断。", **facts: str) -> Notice:
    usual = {"summary": "不轻信。", "link": LINK}
    return Notice(day=date(2026, 11, 24), title=title, text=text, **{**usual, **facts})


@given(ANY, st.integers(0, 1000))
def test_a_cut_text_fits_and_is_a_beginning(text: str, bytes_max: int) -> None:
    short = cut(text, bytes_max)
    assert len(short.encode()) <= bytes_max
    if len(text.encode()) <= bytes_max:
        assert short == text
    else:
        assert text.startswith(short.removesuffix(ELLIPSIS))


@pytest.mark.parametrize("whole", [FAMILY, "👍🏽", "🇨🇳", "é", "학", "学"])
@pytest.mark.parametrize("room", range(12))
def test_nothing_that_people_see_as_one_is_cut_in_two(whole: str, room: int) -> None:
    kept = cut(whole * 30, len(ELLIPSIS.encode()) + 30 + room).removesuffix(ELLIPSIS)
    assert kept == whole * (len(kept) // len(whole))


@given(ANY, ANY, ANY)
def test_every_channel_keeps_its_bytes_and_its_link(title: str, text: str, summary: str) -> None:
    one = notice(title, text, summary=summary)
    plain = {
        "relay": texts.relay_text(one),
        "qq_bot": texts.qq_text(one),
        "console": texts.console_text(one),
        "wecom_customer_group": texts.customer_group_text(one),
        "wecom_robot": texts.robot_message(one, "text")["text"]["content"],
    }
    for channel, said in plain.items():
        assert len(said.encode()) <= LIMITS[channel].text_bytes_max
        # On a line of its own, or what follows would be taken for a part of the address.
        assert said.split("\n")[-1] == LINK
    markdown = texts.robot_message(one, "markdown")["markdown"]["content"]
    assert len(markdown.encode()) <= texts.MARKDOWN_BYTES_MAX
    assert markdown.endswith(f"]({LINK})")
    (article,) = texts.robot_message(one, "news")["news"]["articles"]
    assert len(article["title"].encode()) <= texts.TITLE_BYTES_MAX
    assert len(article["description"].encode()) <= texts.DESCRIPTION_BYTES_MAX
    assert article["url"] == LINK
    card = texts.customer_group_link(one)
    assert len(card["title"].encode()) <= texts.TITLE_BYTES_MAX
    assert len(card["desc"].encode()) <= texts.DESCRIPTION_BYTES_MAX


def test_the_tutor_gets_words_ready_to_forward_within_a_letter() -> None:
    one = notice(text="学" * texts.PUSH_TEXT_MAX)
    said = texts.task_text(one, group="学" * 40, poster=LINK)
    assert texts.relay_text(one) in said
    assert "已转发" in said
    assert len(said.encode()) <= 2048
    assert texts.relay_text(notice()).startswith("【每日一学】11月24日\n接到电话怎么办\n先挂断。\n")


def test_markup_in_a_title_is_shown_and_not_obeyed() -> None:
    content = texts.robot_message(notice("[点我](http://bad.example)"), "markdown")
    assert "](http://bad" not in content["markdown"]["content"]
    assert unicodedata.normalize("NFKC", content["markdown"]["content"])
