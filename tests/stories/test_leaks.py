"""The search of the logs finds what it is there to find."""

import base64
from hashlib import sha256, shake_256

import pytest

from tests.stories.leaks import leaks


def noise(size: int) -> bytes:
    """Bytes that look like chance and are the same in every process of a run."""
    return shake_256(b"leaks").digest(size)


def spelled(size: int) -> str:
    return base64.urlsafe_b64encode(noise(size)).decode().rstrip("=")


TOKEN = spelled(32)


def found(line: str) -> list[str]:
    return [
        one.partition(":")[0]
        for one in leaks(
            f"first line\n{line}\nlast line",
            digests=[sha256(TOKEN.encode()).digest()],
            values={"oWx-somebody": "an openid", "a+b/c=": "a key"},
        )
    ]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f"Authorization: Bearer {TOKEN}", "a token, a cookie or a sign-in link"),
        (f"GET /login/link/{TOKEN}?x=1", "a token, a cookie or a sign-in link"),
        (f"session_{TOKEN}_of", "a token, a cookie or a sign-in link"),
        (f"value={noise(256).hex()}", "an access token, refresh token or media id"),
        (f"value={spelled(80)}", "an access token, refresh token or media id"),
        (f"{base64.b64encode(noise(16)).decode()}", "a session key"),
        ("GET /cgi-bin/draft/add?access_token=short", "an access token in an address"),
        ("person=oWx-somebody", "an openid"),
        ("q=a%2Bb%2Fc%3D", "a key"),
    ],
)
def test_every_kind_of_secret_is_found(line: str, kind: str) -> None:
    assert kind in found(line)


@pytest.mark.parametrize(
    "line",
    [
        f"digest={sha256(b'x').hexdigest()} request_id=0123456789abcdef",
        "/cgi-bin/draft/add?access_token=…",
        "[info     ] request.done  method=GET ms=1.2 route=/api/v1/lessons/{lesson_id}/beats",
        "-" * 200,
    ],
)
def test_what_is_no_secret_is_left_alone(line: str) -> None:
    assert found(line) == []
