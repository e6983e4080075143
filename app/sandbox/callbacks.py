"""The callback driver: pushes messages and events to the service and judges its answers.

Five seconds, three tries with the same MsgId, `Mozilla/4.0`, text/xml:
WD:doc/subscription/guide/product/message/Passive_user_reply_message.html and
GH:littlecodersh/itchatmp#61 (wechat-platform.md §1, §9.9). Every try is signed anew [R].
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from app.core import clock
from app.core.logging import get_logger
from app.sandbox.accounts import Account, Push
from app.sandbox.documents import to_json, to_xml
from app.sandbox.envelope import seal, sign
from app.sandbox.replies import BadAnswer, Reply, read_answer
from app.sandbox.world import CallbackRecord, World

log = get_logger()
TRIES_MAX = 3
ANSWER_SECONDS = 5
SORRY = "该公众号暂时无法提供服务，请稍后再试"
AGENT = {"User-Agent": "Mozilla/4.0", "Accept": "*/*", "Pragma": "no-cache"}
SILENT = {"unsubscribe", "VIEW", "view_miniprogram"}
"""After these the follower expects no answer, so a failure shows nothing."""


@dataclass(frozen=True)
class Outcome:
    """What became of one push."""

    callback: int | None
    """Its number in the list of callbacks; None while it is held back."""
    delivered: bool
    tries: int
    ms: int
    reply: Reply | None
    error: str | None


async def deliver(world: World, push: Push) -> Outcome:
    """Push it, show the answer (or the sentence of regret) in the chat, and tell what happened."""
    account = world.accounts[push.appid]
    if account.holding:
        account.held.append(push)
        return Outcome(None, delivered=False, tries=0, ms=0, reply=None, error="held")
    record = _record(world, push)
    started = clock.monotonic()
    reply, error = None, None
    if account.url_verified or await verify_url(world, account):
        error = await _try_thrice(world, account, push, record)
    else:
        record.outcome = error = "url_not_verified"
    if error is None:
        try:
            reply = read_answer(account, push, record.answer)
            record.outcome = "reply" if reply else "success"
        except BadAnswer as bad:
            record.outcome, error = "garbage", str(bad)
    record.ms = round((clock.monotonic() - started) * 1000)
    record.reply, record.error = reply, error
    _show(world, push, reply, error)
    return Outcome(record.number, error is None, record.tries, record.ms, reply, error)


async def verify_url(world: World, account: Account) -> bool:
    """As when the address is entered in the console: the raw `echostr` must come back."""
    echo = str(secrets.randbelow(10**19))
    query = _stamp(account) | {"echostr": echo}
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await world.http.get(callback_url(world, account), params=query, headers=AGENT)
    except (TimeoutError, httpx.HTTPError) as error:
        log.warning("sandbox.verify_failed", appid=account.appid, error=type(error).__name__)
        return False
    account.url_verified = answer.status_code == httpx.codes.OK and answer.text == echo
    return account.url_verified


def callback_url(world: World, account: Account) -> str:
    return f"{world.settings.base_url}/wechat/{account.appid}"


def make_request(world: World, account: Account, fields: Mapping[str, object]) -> httpx.Request:
    """One signed POST in the account's mode."""
    query = _stamp(account) | {"openid": str(fields["FromUserName"])}
    write = to_json if account.format == "json" else to_xml
    body = write(fields)
    if account.mode != "plain":
        sealed = seal(account.aes_key, account.appid, body)
        shown = fields if account.mode == "compatible" else {"ToUserName": fields["ToUserName"]}
        body = write({**shown, "Encrypt": sealed})
        signature = sign(account.token, query["timestamp"], query["nonce"], sealed)
        query |= {"encrypt_type": "aes", "msg_signature": signature}
    return build_request(world, account, query, body.encode())


def build_request(
    world: World, account: Account, query: Mapping[str, str], body: bytes
) -> httpx.Request:
    kind = "application/json" if account.format == "json" else "text/xml"
    return world.http.build_request(
        "POST",
        callback_url(world, account),
        params=dict(query),
        content=body,
        headers=AGENT | {"Content-Type": kind},
    )


def stamped(account: Account, openid: str) -> dict[str, str]:
    """Genuine query arguments, which a forger could have captured."""
    return _stamp(account) | {"openid": openid}


def _stamp(account: Account) -> dict[str, str]:
    timestamp = str(int(clock.utcnow().timestamp()))
    nonce = str(secrets.randbelow(9 * 10**8) + 10**8)
    signature = sign(account.token, timestamp, nonce)
    return {"signature": signature, "timestamp": timestamp, "nonce": nonce}


def _record(world: World, push: Push) -> CallbackRecord:
    record = CallbackRecord(
        number=next(world.sequence),
        at=clock.utcnow(),
        appid=push.appid,
        user_id=push.user_id,
        label=push.label,
        message=push.fields,
    )
    world.callbacks.append(record)
    return record


async def _try_thrice(
    world: World, account: Account, push: Push, record: CallbackRecord
) -> str | None:
    """Send until the service answers 200; None then, or what went wrong at last."""
    error = None
    for attempt in range(1, TRIES_MAX + 1):
        record.tries = attempt
        record.request = make_request(world, account, push.fields)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await world.http.send(record.request)
        except TimeoutError:
            error = record.outcome = "timeout"
        except httpx.HTTPError as problem:
            error, record.outcome = f"connection: {type(problem).__name__}", "connection"
        else:
            record.answer = answer.text
            if answer.status_code == httpx.codes.OK:
                return None
            error = record.outcome = f"HTTP {answer.status_code}"
    return error


def _show(world: World, push: Push, reply: Reply | None, error: str | None) -> None:
    if push.appid != world.oa.appid:
        return
    user = world.users.get(push.user_id)
    if user is None:
        return
    if reply is not None:
        world.say(user, "account", by="reply", **reply)
    elif error is not None and push.label not in SILENT:
        world.say(user, "system", type="error", text=SORRY, reason=error)
