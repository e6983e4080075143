"""Content security of the mini-program: msg_sec_check, version 2 (wechat-platform.md §7, §9.13).

The judgement is a word list, so that a test knows the answer beforehand.
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta

from app.core import clock
from app.sandbox.calls import OK, Call
from app.sandbox.errors import CallRefused

SCENES = (1, 2, 3, 4)
CONTENT_MAX = 2500
ACTIVE = timedelta(hours=2)
"""The openid must have used the mini-program within two hours."""
NORMAL = 100
WORDS: Mapping[str, tuple[str, int]] = {
    "赌博": ("risky", 20006),
    "代开发票": ("risky", 10001),
    "刷单返利": ("risky", 20008),
    "脏话": ("risky", 20003),
    "祖传秘方": ("review", 21000),
    "包治百病": ("review", 10001),
}


async def check_message(call: Call) -> Mapping[str, object]:
    body = call.body
    if body.get("version") != 2:  # noqa: PLR2004  version 1 has not been updated since September 2021
        raise CallRefused(40097)
    if body.get("scene") not in SCENES:
        raise CallRefused(40129)
    content = body.get("content")
    if not isinstance(content, str) or not content:
        raise CallRefused(44004)
    if len(content) > CONTENT_MAX:
        raise CallRefused(45002)
    _check_openid(call, str(body.get("openid", "")))
    texts = [content, *(str(body.get(name, "")) for name in ("title", "nickname", "signature"))]
    return {**OK, "trace_id": secrets.token_hex(16), **_judge("\n".join(texts))}


def _check_openid(call: Call, openid: str) -> None:
    user = call.world.openids.get((call.caller.appid, openid))
    if user is None:
        elsewhere = any(known == openid for _, known in call.world.openids)
        raise CallRefused(43104 if elsewhere else 40003)
    if user.mini_active_at is None or clock.utcnow() - user.mini_active_at > ACTIVE:
        raise CallRefused(61010)


def _judge(text: str) -> dict[str, object]:
    found = [(word, *verdict) for word, verdict in WORDS.items() if word in text]
    worst = next((row for row in found if row[1] == "risky"), found[0] if found else None)
    _, suggest, label = worst or ("", "pass", NORMAL)
    model = {"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label}
    keywords = [
        {"strategy": "keyword", "errcode": 0, "suggest": how, "label": which, "keyword": word}
        for word, how, which in found
    ]
    return {
        "result": {"suggest": suggest, "label": label},
        "detail": [{**model, "prob": 90}, *keywords],
    }
