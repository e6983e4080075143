"""What a reviewer is shown of a change: nothing that stayed, everything that did not."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.editorial.changes import Change, changes
from tests.factories.editorial import article, issue


def of(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    return changes(issue(article(**before)), issue(article(**after)))


def test_only_what_is_different_is_shown() -> None:
    assert of({}, {}) == []
    (found,) = of({"markdown": "甲\n\n打 110。"}, {"markdown": "甲\n\n打 96110。"})
    assert found.where == "第 1 篇正文"
    assert ("new", "96") in found.pieces
    assert not any(kind == "gone" and text for kind, text in found.pieces)


def test_an_article_that_came_or_went_is_shown_whole() -> None:
    two = issue(article(), article(title="第二篇"))
    titles = [one.where for one in changes(issue(article()), two)]
    assert titles == ["第 2 篇标题", "第 2 篇封面", "第 2 篇正文"]
    assert len(changes(two, issue(article()))) == 3


def test_a_push_is_compared_by_its_words_and_lesson() -> None:
    before = {"date": "2026-11-24", "lesson_id": 1, "lesson_version_id": 1, "text": "挂断。"}
    found = changes(before, {**before, "lesson_version_id": 2, "text": "先挂断。"})
    assert [one.where for one in found] == ["推送语", "课程版本"]


@given(st.lists(st.text(alphabet="甲乙 a\n", max_size=60), min_size=2, max_size=2))
def test_the_pieces_tell_the_new_wording(texts: list[str]) -> None:
    old, new = texts
    for change in of({"markdown": old}, {"markdown": new}):
        told = "".join(text for kind, text in change.pieces if kind == "new")
        assert set(told) <= set(new) | {"\n"}


def test_a_hostile_text_is_compared_in_time() -> None:
    (found,) = of({"markdown": "\n" * 20_000}, {"markdown": "a\n" * 20_000})
    assert found.pieces == (("same", "改动太多，请通读全文。\n"),)
    of({"markdown": "ab" * 10_000}, {"markdown": "ba" * 10_000})
