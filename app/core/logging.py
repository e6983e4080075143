"""One line of JSON (or of text, in development) per event, with the request's or job's id.

Event names are `noun.verb`; facts are fields. No secret, token, openid, phone number or name of a
person is ever logged: `redact` drops the fields that could carry one, and `pseudonym` gives a
stable stand-in where two lines about the same person must be told to belong together.
"""

import hashlib
import hmac
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from app.core import clock
from app.core.settings import Settings, get_settings

SENSITIVE = re.compile(
    r"secret|token|openid|unionid|phone|session_key|aes|password|authorization|cookie|"
    r"signature|echostr|^code$|^name$|^text$|^body$",
    re.IGNORECASE,
)
IN_TEXT = re.compile(
    # In an address, `key` is a WeCom robot's: whoever has it writes into the group.
    r"(access_token|secret|js_code|code|openid|unionid|signature|ticket|token|(?<=[?&])key|"
    r"echostr|session_key|password|\bshoushan(?:_\w+)?)=[^&;\s'\"]+"
    # …and as JSON spells them: QQ asks for appId and clientSecret in a body.
    r"|((?:client|corp)?secret|(?:access|refresh)_token|session_key|openid|unionid)"
    r"['\"]?: ?['\"][^'\"]*['\"]"
    # Headers: Authorization: QQBot ACCESS_TOKEN, and our own residents'.
    r"|(QQBot|Bearer) [\w.~+/=-]+"
    # A one-time link signs in whoever has it; a database's address may hold its password.
    r"|(/login/(?:link|scan)/)[\w-]+"
    r"|(postgres(?:ql)?(?:\+\w+)?://[^:/\s@]*):[^@\s]+(?=@)"
    r"|(?<!\d)1[3-9]\d{9}(?!\d)"
    # PostgreSQL tells a broken key with its values: Key (appid, openid)=(…, …) already exists.
    r"|(?<=\))=\([^)]*\)",
    re.IGNORECASE,
)


def pseudonym(value: str) -> str:
    """Twelve hex digits that stand for an openid in logs; not reversible without the key."""
    key = get_settings().secret_key.encode()
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:12]


def _conceal(found: re.Match[str]) -> str:
    return f"{next((name for name in found.groups() if name), '')}=…"


def _clean(value: object) -> object:
    if isinstance(value, str):
        return IN_TEXT.sub(_conceal, value)
    if isinstance(value, Mapping):
        return {k: "…" if SENSITIVE.search(str(k)) else _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(one) for one in value]
    return value


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in list(event):
        hidden = key != "event" and SENSITIVE.search(key)
        event[key] = "…" if hidden else _clean(event[key])
    return event


def _stamp(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event.pop("color_message", None)  # uvicorn's second copy of the event, with terminal codes
    event["timestamp"] = clock.utcnow().isoformat(timespec="milliseconds")
    return event


def configure(settings: Settings, *, process: str) -> None:
    """Send everything, the libraries' records too, through one pipeline to stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _stamp,
        structlog.processors.format_exc_info,
        redact,
    ]
    last: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.env == "production"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        # First, since most of what is said is not to be written at all.
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    # httpx logs whole URLs, and WeChat's carry secrets; the access log is ours (with request ids).
    for noisy in ("httpx", "httpcore", "uvicorn.access", "procrastinate", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(process=process)


def current_request_id() -> str | None:
    """The id of the request this is done for, as bound by the edge; None outside of one."""
    found: str | None = structlog.contextvars.get_contextvars().get("request_id")
    return found


def get_logger() -> Any:
    return structlog.stdlib.get_logger()
