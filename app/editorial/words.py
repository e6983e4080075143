"""Passages that a person should look at before the first review. They flag; nothing is blocked."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from app.core.errors import Unavailable
from app.core.settings import get_settings

OWN_LIST = Path(__file__).with_name("words.txt")
AROUND = 12
"""Characters shown on either side of a word."""
FLAGS_MAX = 200
"""A text of nothing but listed words is told in fewer."""


class WordListBroken(Unavailable):
    """Facts: `line`, or none if there is no such file."""

    title = "敏感词表读不出来：每行应是一个词、一个 Tab、一句原因"


def flag_passages(texts: Mapping[str, str]) -> list[dict[str, str]]:
    """`texts` by where they stand → [{"where", "word", "why", "passage"}], a word once a text.

    The list is `words.txt`, or the file of the setting push.words_file, which is read again
    whenever it changes.
    """
    path = get_settings().push.words_file or OWN_LIST
    try:
        words = read_words(path, path.stat().st_mtime_ns)
    except (OSError, UnicodeError) as error:
        raise WordListBroken from error
    return list(_flags(texts, words))[:FLAGS_MAX]


@lru_cache(maxsize=4)
def read_words(path: Path, changed: int) -> Mapping[str, str]:
    """Word → why. `changed` is the file's time, so that another version is another entry."""
    del changed
    words = {}
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        word, tab, why = line.partition("\t")
        if not (tab and word.strip() and why.strip()):
            raise WordListBroken(line=number)
        words[word.strip().casefold()] = why.strip()
    return words


def _flags(texts: Mapping[str, str], words: Mapping[str, str]) -> Iterator[dict[str, str]]:
    for where, text in texts.items():
        folded = text.casefold()
        for word, why in words.items():
            at = folded.find(word)
            if at < 0:
                continue
            passage = folded[max(0, at - AROUND) : at + len(word) + AROUND]
            yield {"where": where, "word": word, "why": why, "passage": passage}
