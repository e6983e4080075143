"""The server callback of the official account and of the mini-program."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from app.api.deps import public
from app.core import clock
from app.core.db import transaction
from app.core.errors import NotFound
from app.core.settings import Account, Settings
from app.flows import inbound
from app.wechat import envelope, messages
from app.wechat.envelope import BODY_BYTES_MAX, Malformed
from app.wechat.inbox import Arrival
from app.wechat.replies import SUCCESS

router = APIRouter(prefix="/wechat", tags=["wechat"], include_in_schema=False)


class NoSuchAccount(NotFound):
    title = "没有这个公众号或小程序"


def account_of(settings: Settings, appid: str) -> Account:
    for account in (settings.wechat.oa, settings.wechat.mini):
        if account.appid == appid:
            return account
    raise NoSuchAccount


@router.get("/{appid}", summary="Verification of the callback's address")  # noqa: FAST003
@public
async def verify(request: Request) -> Response:
    settings: Settings = request.app.state.settings
    account = account_of(settings, request.path_params["appid"])
    echo = envelope.answer_echo(account, _query(request), clock.utcnow())
    return PlainTextResponse(echo)


@router.post("/{appid}", summary="A message or an event")  # noqa: FAST003
@public
async def receive(request: Request) -> Response:
    """Answered after the commit; what WeChat sends again gets the answer of the first time.

    Forged and malformed input is refused (403, 400); a genuine message that our own code fails on
    is kept, counted and answered with `success`, and `shoushan inbox replay` runs it again.
    """
    settings: Settings = request.app.state.settings
    appid, now = request.path_params["appid"], clock.utcnow()
    account = account_of(settings, appid)
    body = await _body(request)
    opened = envelope.open_callback(account, query=_query(request), body=body, now=now)
    try:
        message = messages.parse(appid, opened.fields)
    except Malformed:
        # Genuine, so WeChat would only send it again: ours to mend.
        async with transaction() as session:
            await inbound.keep_unreadable(session, appid=appid, fields=opened.fields, now=now)
        return PlainTextResponse(SUCCESS)
    reply_xml = await request.app.state.together.arrivals.ask(Arrival(message, opened.fields))
    if reply_xml is None:
        return PlainTextResponse(SUCCESS)
    sealed = envelope.seal(account, reply_xml, now=now) if opened.encrypted else reply_xml
    return Response(sealed, media_type="application/xml")


def _query(request: Request) -> Mapping[str, str]:
    """The address's parameters; nothing in those of a push is ever escaped but a Base64 echo."""
    raw: bytes = request.scope["query_string"]
    if b"%" in raw or b"+" in raw or not raw.isascii():
        return request.query_params
    pairs = (part.partition("=") for part in raw.decode("ascii").split("&"))
    return {name: value for name, _, value in pairs}


async def _body(request: Request) -> bytes:
    """The body, refused as soon as it is longer than any genuine one."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise Malformed(limit=BODY_BYTES_MAX)
    return bytes(body)
