"""Every status the platform knows (wechat-platform.md §1.4, §5.1) means something to a person."""

import pytest

from app.push.outcomes import meaning_of

ERRORS = (10001, 20001, 20002, 20004, 20006, 20008, 20013, 21000, 22000, 30001, 30002, 30003)


@pytest.mark.parametrize(
    ("status", "state"),
    [("0", "published"), ("1", "waiting"), ("2", "failed"), ("3", "failed"), ("4", "failed"),
     ("5", "gone"), ("6", "gone"), ("7", "unknown"), ("", "unknown")],
)  # fmt: skip
def test_publications(status: str, state: str) -> None:
    assert meaning_of("freepublish", status).state == state


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("send success", "published"),
        ("SEND_SUCCESS", "published"),
        ("sendsuccess", "published"),
        ("SENDING", "waiting"),
        ("send fail", "failed"),
        ("SEND_FAIL", "failed"),
        ("DELETE", "gone"),
        ("err (10001)", "failed"),
        ("err(40001)", "failed"),
        ("err(40002)", "failed"),
        *((f"err({code})", "failed") for code in ERRORS),
        ("err(99999)", "unknown"),
    ],
)
def test_mass_sends(status: str, state: str) -> None:
    assert meaning_of("mass", status).state == state


def test_the_administrators_no_and_silence_are_told_apart() -> None:
    meanings = [meaning_of("mass", f"err({code})") for code in (40001, 40002)]
    assert "拒绝" in meanings[0].reason
    assert "30 分钟" in meanings[1].reason


def test_who_fails_is_told_why_and_what_to_do() -> None:
    statuses = [("freepublish", str(n)) for n in range(2, 8)]
    statuses += [("mass", f"err({code})") for code in (*ERRORS, 40001, 40002, 5)]
    for kind, status in statuses:
        meaning = meaning_of("mass" if kind == "mass" else "freepublish", status)
        assert meaning.reason, status
        assert meaning.advice, status
        assert meaning.task, status
    reasons = [meaning_of("mass", f"err({code})").reason for code in (*ERRORS, 40001, 40002)]
    assert len(set(reasons)) == len(reasons), "all told apart"
