"""What comes out is what WeChat takes, whatever goes in."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.editorial.errors import ExternalPicture
from app.editorial.wechat_html import STYLES, TAGS, pictures_in, to_wechat_html

ONE, TWO = "a" * 64, "b" * 64
URLS = {ONE: "https://mmbiz.qpic.cn/one", TWO: "https://mmbiz.qpic.cn/two?wx_fmt=png&from=x"}
HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<style>p{}</style>",
    "<svg onload=x>", "[x](javascript:alert(1))", "[x](data:text/html,x)", "<iframe src=x>",
    "![x](javascript:alert(1))", "[](https://evil.example)", f'![x](/uploads/{ONE}.jpg "t")',
    "[a](https://mp.weixin.qq.com/s/x)", '](https://mp.weixin.qq.com/" onclick=alert(1))',
    '<p class="x" style="position:fixed">', "<!-- x -->", "| a | b |\n|:-:|--|\n| 1 | 2 |\n",
    "1. a\n", "> 引\n", "**重点。**", "```\nx\n```", "    x", "\n\n", "# 题\n", "&lt;script&gt;",
    "&#x6a;avascript:", "<https://evil.example>", "文字", "\\", "`x`", "---\n", "\u202e",
)  # fmt: skip
written = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=12))).map("".join)


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags_of(html: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader.tags


@given(markdown=written)
@example(markdown="".join(HOSTILE))
@example(markdown="\n\n".join(HOSTILE))
def test_no_script_no_handler_no_class_no_foreign_picture(markdown: str) -> None:
    try:
        html = to_wechat_html(markdown, urls=URLS)
    except ExternalPicture:
        return
    for tag, attributes in tags_of(html):
        assert tag in TAGS, tag
        assert set(attributes) <= {"style", "href", "src", "alt", "start"}, (tag, attributes)
        for declared in (attributes.get("style") or "").split(";"):
            assert declared.partition(":")[0] in {*STYLES, ""}, declared
        if tag == "img":
            assert attributes["src"] in URLS.values()
        if tag == "a":
            assert (attributes.get("href") or "").startswith("https://mp.weixin.qq.com/")


def test_one_section_holds_all_and_the_children_inherit() -> None:
    html = to_wechat_html("# 题\n\n一\n二\n\n- 甲\n- 乙\n", urls={})
    assert html.startswith('<section style="')
    assert html.endswith("</section>")
    assert "font-size:18px" in html
    assert "line-height:1.75" in html
    assert "<h2 style=" in html
    assert "一二</p>" in html
    # The platform counts the styles too: an ordinary paragraph carries next to nothing.
    assert '<p style="margin:0 0 18px">' in html


def test_pictures_are_named_by_their_content() -> None:
    markdown = f"![甲](/uploads/{ONE}.jpg)\n\n- ![](/uploads/{TWO}.png)\n- ![](/uploads/{ONE}.jpg)"
    assert pictures_in(markdown) == [ONE, TWO]
    html = to_wechat_html(markdown, urls=URLS)
    sources = [attributes["src"] for tag, attributes in tags_of(html) if tag == "img"]
    assert sources == [URLS[ONE], URLS[TWO], URLS[ONE]]
    assert 'alt="甲"' in html
    with pytest.raises(KeyError):
        to_wechat_html(markdown, urls={})


@pytest.mark.parametrize(
    "source",
    [
        "https://evil.example/x.jpg",
        "//evil.example/x.jpg",
        f"https://evil.example/uploads/{ONE}.jpg",
        f"/uploads/{ONE}.gif",
        f"/uploads/{ONE}.jpg?x=1",
        f"/uploads/../{ONE}.jpg",
        f"/uploads/{ONE.upper()}.jpg",
        "https://mmbiz.qpic.cn/one",
        "x.jpg",
    ],
)
def test_any_other_picture_is_refused(source: str) -> None:
    for run in (pictures_in, lambda markdown: to_wechat_html(markdown, urls=URLS)):
        with pytest.raises(ExternalPicture) as refused:
            run(f"文 ![图]({source})")
        assert str(refused.value.facts["source"]) in source


def test_links_lead_only_to_articles_of_the_platform() -> None:
    html = to_wechat_html(
        "[上一期](https://mp.weixin.qq.com/s/x) [官网](https://www.cq.gov.cn/) <https://a.example/>",
        urls={},
    )
    assert [a["href"] for tag, a in tags_of(html) if tag == "a"] == ["https://mp.weixin.qq.com/s/x"]
    assert "官网（https://www.cq.gov.cn/）" in html
    assert re.search(r"(?<!（)https://a\.example/(?!）)", html)


def test_html_in_the_text_is_text() -> None:
    assert "&lt;b&gt;粗&lt;/b&gt;" in to_wechat_html("<b>粗</b>", urls={})
