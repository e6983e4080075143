"""The platform's limits, each at its edge, naming the field and the count."""

from typing import Any

import pytest

from app.editorial.errors import ExternalPicture, IssueIncomplete, IssueTooLong
from app.editorial.limits import pictures_at, problems_in
from app.editorial.wechat_html import to_wechat_html
from tests.factories.editorial import article, issue

FRAME = len(to_wechat_html("x", urls={})) - 1
"""What the layout adds to a text of one paragraph."""


def refuse_the_first_of(body: dict[str, Any]) -> None:
    for problem in problems_in(body):
        raise problem


@pytest.mark.parametrize(
    ("facts", "field", "count", "limit"),
    [
        ({"title": "题" * 33}, "title", 33, 32),
        ({"author": "者" * 17}, "author", 17, 16),
        ({"digest": "摘" * 129}, "digest", 129, 128),
        ({"markdown": "文" * (20_000 - FRAME)}, "markdown", 20_000, 19_999),
        ({"markdown": "文" * 20_001}, "markdown", 20_001, 19_999),
    ],
)
def test_one_too_many(facts: dict[str, Any], field: str, count: int, limit: int) -> None:
    with pytest.raises(IssueTooLong) as refused:
        refuse_the_first_of(issue(article(), article(**facts)))
    told = refused.value.facts
    assert (told["field"], told["count"], told["limit"]) == (f"articles.1.{field}", count, limit)
    assert f"有 {count} 字，最多 {limit} 字" in refused.value.detail


def test_the_most_there_may_be() -> None:
    most = article(
        title="题" * 32, author="者" * 16, digest="摘" * 128, markdown="文" * (19_999 - FRAME)
    )
    refuse_the_first_of(issue(*[most] * 8))


def test_too_many_articles_and_none() -> None:
    with pytest.raises(IssueTooLong) as refused:
        refuse_the_first_of(issue(*[article()] * 9))
    assert refused.value.facts["count"] == 9
    with pytest.raises(IssueIncomplete):
        refuse_the_first_of({"articles": []})


@pytest.mark.parametrize("facts", [{"title": "  "}, {"markdown": "\n"}, {"cover": None}])
def test_something_is_missing(facts: dict[str, Any]) -> None:
    with pytest.raises(IssueIncomplete) as refused:
        refuse_the_first_of(issue(article(**facts)))
    assert refused.value.facts["field"] == f"articles.0.{next(iter(facts))}"


def test_every_picture_counts_with_an_address_of_wechat() -> None:
    pictures = "\n\n".join(f"![](/uploads/{number:064x}.jpg)" for number in range(120))
    with pytest.raises(IssueTooLong) as refused:
        refuse_the_first_of(issue(article(markdown=pictures)))
    assert int(str(refused.value.facts["count"])) > 120 * 200


def test_all_problems_are_told_at_once() -> None:
    bad = article(title="题" * 33, cover=None, markdown="![](https://evil.example/x.jpg)")
    found = list(problems_in(issue(bad)))
    assert [type(one) for one in found] == [IssueTooLong, IssueIncomplete, ExternalPicture]
    assert found[-1].facts["field"] == "articles.0.markdown"


def test_which_pictures_an_issue_needs() -> None:
    one, two = "a" * 64, "b" * 64
    body = issue(
        article(cover=7, markdown=f"![](/uploads/{one}.jpg)"),
        article(cover=None, markdown=f"![](/uploads/{two}.png) ![](/uploads/{one}.jpg)"),
        article(cover=8, markdown="![](https://evil.example/x.jpg)"),
    )
    assert pictures_at(body) == [
        ("articles.0.cover", 7),
        ("articles.0.markdown", one),
        ("articles.1.markdown", two),
        ("articles.1.markdown", one),
        ("articles.2.cover", 8),
    ]
