from datetime import timedelta

import pytest

from app.core.settings import OfficialAccount
from app.wechat.envelope import Forged, Malformed, answer_echo
from tests.wechat.pushes import NOW, OA, plain


@pytest.mark.parametrize(
    ("echo", "error"),
    [
        ("5927782489442352469", None),
        ("", Malformed),
        ("<script>", Malformed),
        ("1" * 129, Malformed),
    ],
)
def test_echo(echo: str, error: type[Exception] | None) -> None:
    query = plain(OA, echostr=echo)
    if error is None:
        assert answer_echo(OA, query, NOW) == echo
        return
    with pytest.raises(error):
        answer_echo(OA, query, NOW)


def test_echo_needs_a_fresh_signature() -> None:
    for query in ({}, plain(OA, echostr="1", signature="a"), plain(OA, echostr="1", nonce="2")):
        with pytest.raises(Forged):
            answer_echo(OA, query, NOW)
    with pytest.raises(Forged):
        answer_echo(OA, plain(OA, echostr="1"), NOW + timedelta(hours=1))
    rotating = OfficialAccount(token="new", previous_token=OA.token)
    assert answer_echo(rotating, plain(OA, echostr="1"), NOW) == "1"
