import pytest

from app.content.markdown import to_html


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("一段", "<p>一段</p>\n"),
        ("# 一\n## 二\n###### 六", "<h2>一</h2>\n<h2>二</h2>\n<h4>六</h4>\n"),
        ("他说**“挂断”**后", "<p>他说<strong>“挂断”</strong>后</p>\n"),
        ("**不转账。**然后走", "<p><strong>不转账。</strong>然后走</p>\n"),
        ("打**（110）**和*96110*。", "<p>打<strong>（110）</strong>和<em>96110</em>。</p>\n"),
        ("**“安全账户”**VIP", "<p><strong>“安全账户”</strong>VIP</p>\n"),
        ("2 * 3 * 4，甲 ** 乙", "<p>2 * 3 * 4，甲 ** 乙</p>\n"),
        ("a\nb", "<p>a\nb</p>\n"),
        ("第一行，\n“第二行”\n**三**\n四", "<p>第一行，“第二行”<strong>三</strong>四</p>\n"),
        ("甲  \n乙", "<p>甲<br>\n乙</p>\n"),
        ("    缩进的段落", "<p>缩进的段落</p>\n"),
        (
            "<b>粗</b><script>x</script>",
            "<p>&lt;b&gt;粗&lt;/b&gt;&lt;script&gt;x&lt;/script&gt;</p>\n",
        ),
        ("3. 三\n4. 四", '<ol start="3">\n<li>三</li>\n<li>四</li>\n</ol>\n'),
        ("![图](/a.png)", '<p><img src="/a.png" alt="图"></p>\n'),
        ("[打](tel:110)", '<p><a href="tel:110" rel="noopener">打</a></p>\n'),
    ],
)
def test_chinese_markdown(markdown: str, html: str) -> None:
    assert to_html(markdown) == html


def test_tables_are_on() -> None:
    html = to_html("| 项 | 数 |\n|:---|---:|\n| 甲 | 1 |")
    assert "<table>" in html
    assert "<td>甲</td>" in html
    assert "style" not in html


@pytest.mark.timeout(30)
@pytest.mark.parametrize("piece", ["中\n", "**中", "[", "![[", "> ", "`a", "&", "*a_ "])
def test_a_hostile_text_takes_no_hostile_time(piece: str) -> None:
    to_html(piece * (50_000 // len(piece)))
