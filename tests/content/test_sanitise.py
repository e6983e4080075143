import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.content.markdown import to_html
from app.content.sanitise import ATTRIBUTES, TAGS, plain_text, sanitise

ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    '<img src="javascript:alert(1)">',
    '<img src="data:image/svg+xml;base64,PHN2Zy8+">',
    '<img src="tel:110">',
    '<img src="http://[" alt="x">',
    '<img """><script>alert(1)</script>">',
    '<img src="/a.png" srcset="javascript:alert(1)" style="x" class="y" id="z" width="9">',
    '<a href="javascript:alert(1)">x</a>',
    '<a href="JaVaScRiPt:alert(1)">x</a>',
    '<a href="java\nscript:alert(1)">x</a>',
    '<a href="java&#x09;script:alert(1)">x</a>',
    '<a href=" &#14; javascript:alert(1)">x</a>',
    '<a href="&#106;&#97;&#118;&#97;script:alert(1)">x</a>',
    '<a href="vbscript:msgbox(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href="/ok" onclick="alert(1)" target="_blank" style="position:fixed">x</a>',
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<style>@import 'javascript:alert(1)';</style>",
    '<p style="background:url(javascript:alert(1))" class="x">x</p>',
    "<iframe src='javascript:alert(1)'></iframe><object data=x></object><embed src=x>",
    "<form action=/x><input name=a><button>x</button></form>",
    "<body onload=alert(1)><link rel=stylesheet href=x><meta http-equiv=refresh content=0>",
    "<base href='https://evil.example/'><marquee onstart=alert(1)>x</marquee>",
    "<textarea></textarea><script>alert(1)</script>",
    "<template><script>alert(1)</script></template>",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]--><!-- x -->",
    "<p>" * 2000 + "<b onclick=1>" * 2000,
    "<ol start='1 onclick=x'><li>x</ol><ol start='99999'></ol>",
    "<details open ontoggle=alert(1)>x</details><video><source onerror=alert(1)></video>",
    "\x00<scr\x00ipt>alert(1)</scr\x00ipt>",
]


class Inventory(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def check_harmless(html: str) -> None:
    inventory = Inventory()
    inventory.feed(html)
    inventory.close()
    for tag, attributes in inventory.tags:
        assert tag in TAGS
        allowed = ATTRIBUTES.get(tag, set()) | ({"rel"} if tag == "a" else set())
        assert set(attributes) <= allowed, attributes
        if tag == "a":
            assert attributes["rel"] == "noopener"
            assert urlsplit(attributes.get("href") or "").scheme in {"", "http", "https", "tel"}
        if tag == "img":
            assert urlsplit(attributes.get("src") or "").scheme in {"", "http", "https"}
        assert re.fullmatch(r"\d{0,4}", attributes.get("start") or "")
    assert sanitise(html) == html


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_come_out_harmless(attack: str) -> None:
    check_harmless(sanitise(attack))
    check_harmless(sanitise(f"<p>前{attack}后</p>"))
    check_harmless(to_html(attack))
    check_harmless(to_html(f"| a |\n|---|\n| {attack} |\n\n> {attack}"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_scripts_and_styles_leave_no_text(attack: str) -> None:
    safe = sanitise(attack).lower()
    for word in (
        "<script",
        "onerror=",
        "javascript:",
        "data:",
        "<svg",
        "<style",
        "style=",
        "<iframe",
    ):
        assert word not in safe


@pytest.mark.parametrize(
    "markdown",
    [
        "[x](javascript:alert(1))",
        "[x](<javascript:alert(1)>)",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](data:image/png;base64,AAAA)",
        "![x](javascript:alert(1))",
        "<javascript:alert(1)>",
        "[x]: javascript:alert(1)\n\n[x]",
        '[x](http://a.cn "onmouseover=alert(1)")',
        '![a"onerror=alert(1) x="](/a.png)',
        "[x](vbscript:x) [y](file:///etc/passwd) [z](mailto:a@b.cn)",
    ],
)
def test_markdown_makes_no_unsafe_links(markdown: str) -> None:
    check_harmless(to_html(markdown))


PIECES = st.sampled_from(
    [
        *("<p>", "</p>", "<script>", "</script>", "<svg>", "<style>", "</style>", "<!--", "-->"),
        *(
            "<a href='javascript:x'>",
            "<img src=x onerror=y>",
            "<table><tr><td>",
            "</table>",
            "&lt;",
        ),
        *(
            "<math>",
            "<mtext>",
            "<title>",
            "<textarea>",
            "]]>",
            "<![CDATA[",
            "'",
            '"',
            ">",
            "<",
            "字",
        ),
        *(
            "**",
            "`",
            "[x](",
            ")",
            "|",
            "\n\n",
            "\n---\n",
            "&#106;avascript:",
            "<em>",
            "<a href=/x>",
        ),
    ]
)


@given(st.lists(PIECES, max_size=25).map("".join))
def test_no_combination_gets_through(html: str) -> None:
    check_harmless(sanitise(html))
    check_harmless(to_html(html))


@given(st.text())
def test_plain_text_comes_back_as_it_was(text: str) -> None:
    seen = plain_text(to_html(text))
    assert "\x00" not in seen
    assert all(line == " ".join(line.split()) for line in seen.split("\n"))


def test_what_lessons_need_stays() -> None:
    html = (
        "<h2>题</h2>\n<p>一<strong>二</strong><em>三</em><br>四</p>\n<hr>\n<blockquote>\n<p>引</p>\n"
        '</blockquote>\n<ol start="3">\n<li>甲</li>\n</ol>\n<ul>\n<li>乙</li>\n</ul>\n'
        '<p><a href="https://a.cn/?b=1&amp;c" rel="noopener">链</a>'
        '<a href="tel:96110" rel="noopener">拨打</a><img src="/media/1.jpg" alt="图"></p>'
    )
    assert sanitise(html) == html


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ("", ""),
        ("<p>一\n二</p><p>三</p>", "一 二\n三"),
        ("<h2>题</h2><ul><li>甲</li><li>乙</li></ul>", "题\n甲\n乙"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<p>1 &lt; 2 &amp;amp; 3</p>", "1 < 2 &amp; 3"),
        ("<p>a<script>b</script>c</p><style>d</style>", "ac"),
        ("<p>a<br>b</p><img alt='图' src='/x'>", "a\nb"),
    ],
)
def test_plain_text_is_what_a_reader_sees(html: str, plain: str) -> None:
    assert plain_text(html) == plain
