"""No secret, token, openid or phone number is logged, wherever it stands."""

import json
import subprocess
import sys
from typing import Any

import pytest

from app.core.logging import pseudonym, redact
from app.core.settings import get_settings


def redacted(**fields: Any) -> dict[str, Any]:
    return dict(redact(None, "info", {"event": "a.thing_happened", "level": "info", **fields}))


@pytest.mark.parametrize(
    "name",
    [
        "secret",
        "app_secret",
        "access_token",
        "Token",
        "openid",
        "from_openid",
        "unionid",
        "phone",
        "session_key",
        "aes_key",
        "password",
        "Authorization",
        "cookie",
        "msg_signature",
        "echostr",
        "code",
        "name",
        "text",
        "body",
    ],
)
def test_fields_that_may_carry_a_secret_are_left_out(name: str) -> None:
    assert redacted(**{name: "sEcReT"})[name] == "…"
    assert redacted(facts={"a": {name: "sEcReT"}})["facts"]["a"][name] == "…"


def test_other_fields_stay() -> None:
    found = redacted(error_code="KeyUsedOtherwise", person_id=13812345678, facts={"key": "k"})
    assert found["error_code"] == "KeyUsedOtherwise"
    assert found["person_id"] == 13812345678
    assert found["facts"] == {"key": "k"}


@pytest.mark.parametrize(
    "text",
    [
        "https://api.weixin.qq.com/cgi-bin/x?access_token=sEcReT&type=1",
        "…/sns/jscode2session?appid=wx1&secret=sEcReT&js_code=0",
        "GET /?signature=sEcReT",
        "openid=sEcReT",
        "Ticket=sEcReT",
        "DETAIL:  Key (appid, openid)=(wx1, sEcReT) already exists.",
        "POST https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=sEcReT",
        "…/cgi-bin/webhook/upload_media?type=file&key=sEcReT",
        "…/cgi-bin/gettoken?corpid=ww1&corpsecret=sEcReT",
        '{"appId": "1", "clientSecret": "sEcReT"}',
        "{'appId': '1', 'clientSecret': 'sEcReT'}",
        '{"access_token": "sEcReT", "expires_in": "7200"}',
        "Authorization: QQBot sEcReT",
        "authorization: Bearer sEcReT-_x",
        '{"session_key": "sEcReT", "openid": "sEcReT"}',
        "GET /wechat/wx1?signature=a&echostr=sEcReT",
        "Cookie: shoushan_visit=sEcReT; shoushan=sEcReT",
        "GET /login/link/sEcReT?next=/me",
        "cannot reach postgresql+psycopg://shoushan:sEcReT@db:5432/shoushan",
        "ring 13800sEcReT".replace("sEcReT", "138000"),
    ],
)
def test_secrets_inside_a_text_are_blanked(text: str) -> None:
    for found in (redacted(url=text)["url"], redacted(facts={"url": text})["facts"]["url"]):
        assert "sEcReT" not in found
        assert "13800138000" not in found
        assert "…" in found


def test_numbers_that_are_no_phones_stay_in_a_text() -> None:
    assert redacted(said="order 2013800138000 of 12800138000")["said"] == (
        "order 2013800138000 of 12800138000"
    )


def test_texts_in_a_list_are_blanked() -> None:
    found = redacted(urls=["?access_token=sEcReT"], pairs=[{"openid": "sEcReT"}])
    assert "sEcReT" not in str(found)


def test_a_pseudonym_is_stable_and_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first = pseudonym("o-zhang")
    assert first == pseudonym("o-zhang")
    assert first != pseudonym("o-li")
    assert len(first) == 12
    assert int(first, 16) >= 0
    monkeypatch.setenv("SHOUSHAN_SECRET_KEY", "another")
    get_settings.cache_clear()
    assert pseudonym("o-zhang") != first


PROGRAM = """
import logging
from app.core.logging import configure, get_logger
from app.core.settings import Settings
settings = Settings(_env_file=None).model_copy(update={"env": "production"})
configure(settings, process="test")
get_logger().info("letter.sent", openid="sEcReT", letter_id=7)
logging.getLogger("library").warning("GET /x?access_token=%s of 13800138000", "sEcReT")
logging.getLogger("httpx").info("GET https://x?secret=sEcReT")
try:
    raise ValueError("openid=sEcReT is unknown")
except ValueError:
    get_logger().exception("callback.failed")
    logging.getLogger("library").exception("it failed for openid=sEcReT")
"""


def test_every_line_of_every_library_goes_through_the_same_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines[0]["event"] == "letter.sent"
    assert len(lines) == 4
    assert {line["process"] for line in lines} == {"test"}
    assert lines[0]["letter_id"] == 7
    assert "Traceback" in lines[2]["exception"]
    assert "Traceback" in lines[3]["exception"]
    assert "sEcReT" not in done.stderr
    assert "13800138000" not in done.stderr
