import hashlib

from hypothesis import given
from hypothesis import strategies as st

from app.wechat.signature import matches, sign
from tests.wechat.pushes import UNHURRIED, signed

any_text = st.text(st.characters())


def test_signs_as_the_platform_does() -> None:
    expected = hashlib.sha1(b"1700000000nonce" + b"token", usedforsecurity=False).hexdigest()
    assert sign("token", "1700000000", "nonce") == expected


@UNHURRIED
@given(st.lists(st.text(min_size=1), min_size=2, max_size=4))
def test_signs_as_wechatpy_does(parts: list[str]) -> None:
    assert sign(*parts) == signed(*parts)


def test_either_token_matches_during_a_rotation() -> None:
    for token in ("new", "old"):
        assert matches(["new", "old"], "1", "2", given=sign(token, "1", "2"))
    assert not matches(["new"], "1", "2", given=sign("old", "1", "2"))
    assert not matches([], "1", given=sign("new", "1"))


@UNHURRIED
@given(any_text, any_text)
def test_any_text_may_be_given(part: str, given_text: str) -> None:
    assert not matches(["token"], part, "\ud800", given=given_text)


def test_upper_case_is_not_the_signature() -> None:
    assert not matches(["token"], "1", given=sign("token", "1").upper())
