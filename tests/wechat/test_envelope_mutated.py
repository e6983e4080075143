import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.settings import OfficialAccount
from app.wechat.envelope import Forged, Malformed, open_callback
from tests.wechat.pushes import (
    NOW,
    OA,
    OTHER_KEY,
    PLAIN,
    TEXT,
    UNHURRIED,
    enclosed,
    opened,
    padded,
    raw_sealed,
    safe,
)


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed)) if changed else 0
        match chance.randrange(4):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[at : at + chance.randint(1, 40)]
            case 2:
                changed[at:at] = chance.randbytes(chance.randint(1, 8))
            case _:
                changed[at:at] = changed[at : at + chance.randint(1, 40)]
    return bytes(changed)


def test_a_thousand_mutations_never_surprise() -> None:
    account = OfficialAccount(previous_token="old", previous_aes_key=OTHER_KEY)
    chance = random.Random(20261123)  # noqa: S311  the same thousand each time
    query, body = safe(account, TEXT)
    good = opened((query, body), account)
    for _ in range(1000):
        try:
            same = open_callback(account, query=query, body=mutated(body, chance), now=NOW)
        except (Forged, Malformed):
            continue
        assert same == good


def test_a_thousand_signed_mutations_never_surprise() -> None:
    """What a stranger with the token, or a bug of the platform's, could send."""
    chance = random.Random(20261124)  # noqa: S311  the same thousand each time
    for _ in range(1000):
        message = mutated(TEXT.encode(), chance)
        content = b"r" * 16 + len(message).to_bytes(4, "big") + message + OA.appid.encode()
        whole = padded(content, 32 - len(content) % 32)
        if chance.random() < 0.3:
            whole = mutated(whole, chance)
            whole = whole[: len(whole) // 16 * 16]
        try:
            push = opened(enclosed(OA.token, raw_sealed(whole)))
        except (Forged, Malformed):
            continue
        json.dumps(push.fields, ensure_ascii=False).encode()


@UNHURRIED
@given(st.dictionaries(st.text(), st.text()), st.binary(max_size=200))
def test_anything_at_all_is_refused(query: dict[str, str], body: bytes) -> None:
    for account in (OA, PLAIN):
        with pytest.raises((Forged, Malformed)):
            open_callback(account, query=query, body=body, now=NOW)


def test_nothing_of_a_push_is_shown() -> None:
    assert "学习" not in repr(opened(safe(OA, TEXT)))
