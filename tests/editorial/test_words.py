from pathlib import Path

import pytest

from app.core.settings import get_settings
from app.editorial.words import OWN_LIST, WordListBroken, flag_passages, read_words


@pytest.fixture
def own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "words.txt"
    monkeypatch.setenv("SHOUSHAN_PUSH__WORDS_FILE", str(path))
    get_settings.cache_clear()
    return path


def test_the_own_list_can_be_read_and_says_why() -> None:
    words = read_words(OWN_LIST, 0)
    assert len(words) > 50
    assert all(len(word) >= 2 and len(why) >= 4 for word, why in words.items())


def test_a_passage_is_told_with_its_place_and_its_reason() -> None:
    flags = flag_passages({"articles.0.title": "双槐最佳柑橘", "articles.0.markdown": "平常话"})
    assert flags == [
        {
            "where": "articles.0.title",
            "word": "最佳",
            "why": "广告法第九条：绝对化用语，请核对是否必要",
            "passage": "双槐最佳柑橘",
        }
    ]


def test_another_file_replaces_the_list_and_is_read_again(own_words: Path) -> None:
    own_words.write_text("# 说明\n\nABC词\t只在本镇用\n", "utf-8")
    assert [one["word"] for one in flag_passages({"t": "最佳 abc词"})] == ["abc词"]
    own_words.write_text("最佳\t另一个原因\n", "utf-8")
    # A file system may not tell two writes in a row apart.
    read_words.cache_clear()
    assert [one["why"] for one in flag_passages({"t": "最佳 abc词"})] == ["另一个原因"]


@pytest.mark.parametrize("line", ["没有原因", "没有原因\t", "\t没有词"])
def test_a_broken_list_names_its_line(own_words: Path, line: str) -> None:
    own_words.write_text(f"好\t好的\n{line}\n", "utf-8")
    with pytest.raises(WordListBroken) as broken:
        flag_passages({"t": "好"})
    assert broken.value.facts["line"] == 2


def test_a_list_that_is_not_there_is_told(own_words: Path) -> None:
    with pytest.raises(WordListBroken):
        flag_passages({"t": "好"})
    own_words.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(WordListBroken):
        flag_passages({"t": "好"})
