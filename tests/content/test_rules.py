import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.content.rules import (
    CONTROL,
    QUERY_LENGTH_MAX,
    SECONDS_MAX,
    SECONDS_MIN,
    WORDS_MAX,
    AnswerKey,
    BadAnswer,
    Kind,
    digest,
    grade,
    like_pattern,
    reading_seconds,
    search_words,
)

SINGLE = AnswerKey(7, "single", ("甲", "乙", "丙"), (1,), "")
MULTIPLE = AnswerKey(8, "multiple", ("甲", "乙", "丙"), (0, 2), "")


@pytest.mark.parametrize(
    ("plain", "kind", "seconds"),
    [
        ("", "article", 30),
        ("字" * 80, "article", 30),
        ("字" * 160, "article", 60),
        ("字" * 161, "article", 61),
        ("字" * 240, "video", 60),
        ("字" * 240, "audio", 60),
        ("字" * 100_000, "article", 600),
        ("，。！\n " * 1000, "article", 30),  # punctuation is not read
        ("96110 " * 160, "article", 60),  # a number is one unit
        ("WeChat登录" * 160, "article", 180),  # so is a Latin word
        ("𠮷" * 160, "article", 60),
    ],
)
def test_reading_takes_an_old_readers_time(plain: str, kind: Kind, seconds: int) -> None:
    assert reading_seconds(plain, kind) == seconds


@given(st.text(), st.text(), st.sampled_from(["article", "video", "audio"]))
def test_a_longer_text_never_takes_less(text: str, more: str, kind: Kind) -> None:
    assert SECONDS_MIN <= reading_seconds(text, kind) <= SECONDS_MAX
    assert reading_seconds(text, kind) <= reading_seconds(f"{text} {more}", kind)


@pytest.mark.parametrize(
    ("key", "chosen", "right"),
    [
        (SINGLE, [1], True),
        (SINGLE, [0], False),
        (SINGLE, [], False),
        (SINGLE, [1, 2], False),
        (SINGLE, [1, 1], True),
        (MULTIPLE, [0, 2], True),
        (MULTIPLE, [2, 0, 2], True),
        (MULTIPLE, (0, 2), True),
        (MULTIPLE, {0, 2}, True),
        (MULTIPLE, [0], False),
        (MULTIPLE, [0, 1, 2], False),
    ],
)
def test_only_exactly_the_right_options_are_right(
    key: AnswerKey, chosen: object, right: bool
) -> None:
    assert grade(key, chosen) is right


@pytest.mark.parametrize(
    "chosen",
    [None, 1, "1", {1: 1}, ["1"], [1.0], [True], [None], [[1]], [-1], [3], [10**30], [1, "x"]],
)
def test_no_answer_at_all_is_refused(chosen: object) -> None:
    with pytest.raises(BadAnswer):
        grade(SINGLE, chosen)


@given(st.sets(st.integers(0, 7), min_size=1), st.lists(st.integers(0, 7)))
def test_grading_compares_sets(answer: set[int], chosen: list[int]) -> None:
    key = AnswerKey(1, "multiple", tuple("abcdefgh"), tuple(answer), "")
    assert grade(key, chosen) is (set(chosen) == answer)


JSON = st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5)


@given(st.dictionaries(st.text(), JSON), st.randoms())
def test_a_digest_does_not_depend_on_the_order_of_keys(
    content: dict[str, object], rnd: object
) -> None:
    names = list(content)
    rnd.shuffle(names)  # type: ignore[attr-defined]
    assert digest({name: content[name] for name in names}) == digest(content)


def test_digests_tell_contents_apart() -> None:
    contents: list[dict[str, object]] = [
        {},
        {"a": "1"},
        {"a": 1},
        {"a": [1]},
        {"a": None},
        {"b": 1},
    ]
    digests = {digest(content) for content in contents}
    assert len(digests) == len(contents)
    assert all(len(each) == 64 for each in digests)


@pytest.mark.parametrize(
    ("q", "words"),
    [
        ("", ()),
        ("  　 ", ()),
        ("防骗", ("防骗",)),
        ("防骗　电话\t老人", ("防骗", "电话", "老人")),
        ("a b c d e f", ("a", "b", "c", "d", "e")),
        ("骗\x00子\ud800", ("骗", "子")),
        ("长" * 99, ("长" * 64,)),
    ],
)
def test_a_search_is_a_few_words(q: str, words: tuple[str, ...]) -> None:
    assert search_words(q) == words


@given(st.text(st.characters()))
def test_search_words_are_few_and_storable(q: str) -> None:
    words = search_words(q)
    assert len(words) <= WORDS_MAX
    assert sum(map(len, words)) <= QUERY_LENGTH_MAX
    assert all(word and not CONTROL.search(word) for word in words)


@pytest.mark.parametrize(
    ("word", "pattern"), [("骗", "%骗%"), ("100%", r"%100\%%"), ("a_b", r"%a\_b%"), ("\\", r"%\\%")]
)
def test_a_word_is_searched_for_as_it_is(word: str, pattern: str) -> None:
    assert like_pattern(word) == pattern
