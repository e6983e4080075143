"""What editors and Word give, as Markdown; and that the way back gives the same again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.content.markdown import to_html
from app.content.sanitise import plain_text
from app.core.markdown import make_parser
from app.core.rich_text import to_markdown

LESSONS = sorted(Path(__file__).parents[2].glob("content/*.md"))
WORD = (
    "<!--[if gte mso 9]><xml>x</xml><![endif]--><style>p{color:red}</style>"
    "<p class=MsoNormal style='mso-pagination:none'>　　先<b>挂断</b><o:p></o:p></p>"
    "<p class=MsoNormal><span lang=EN-US>&nbsp;</span></p>"
)


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        (WORD, "先**挂断**"),
        ("<p>a<br>b</p>", "a\\\nb"),
        ("<p><br></p><p></p>", ""),
        ("<h1>大</h1><h5>小</h5>", "## 大\n\n#### 小"),
        ("<p>1. 甲</p><p># 乙</p><p>- 丙</p>", "1\\. 甲\n\n\\# 乙\n\n\\- 丙"),
        ("<ul><li>x<ul><li>y</li></ul></li></ul>", "- x\n  - y"),
        ("<table><tr><td>甲|乙</td><td>丙</td></tr></table>", "| 甲\\|乙 | 丙 |\n| --- | --- |"),
        ('<img src="/uploads/a.jpg" alt="][x](y)">', "![\\]\\[x\\](y)](/uploads/a.jpg)"),
        ('<img src="file:///c:/a.png"><img src="data:image/png;base64,x">', ""),
        ('<a href="javascript:alert(1)">x</a>', "x"),
        ('<a href="https://a.example/(b) c">x</a>', "[x](https://a.example/%28b%29%20c)"),
        ("<script>alert(1)</script><p onclick=x>安</p>", "安"),
        ("<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>", "\\<script>alert(1)\\</script>"),
        ("<div>" * 3000 + "深" + "</div>" * 3000, "深"),
    ],
)
def test_what_it_becomes(html: str, markdown: str) -> None:
    assert to_markdown(html) == markdown


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_lesson_of_ours_survives_the_editor(path: Path) -> None:
    body = path.read_text("utf-8").partition("\n---\n")[2]
    html = to_html(body)
    assert to_html(to_markdown(html)) == html


@given(st.text(alphabet="甲乙 *_`[]()#>-+=|~\\<&!1.\n：a", max_size=40))
def test_typed_text_stays_what_was_typed(typed: str) -> None:
    """Whatever means something in Markdown: as a paragraph's text it comes back as text."""
    from html import escape  # noqa: PLC0415

    html = f"<p>{escape(' '.join(typed.split()))}</p>"
    back = make_parser().render(to_markdown(html))
    assert plain_text(back) == plain_text(html)
