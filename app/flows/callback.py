"""What happens when WeChat tells us something: one small function per kind of message.

Runs inside the transaction that holds the inbox rows, well under the platform's five seconds, and
calls nobody: whatever takes time is deferred.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import DomainError, NotFound
from app.core.jobs import Job, defer
from app.core.logging import get_logger
from app.core.metrics import LETTERS
from app.flows import chat, computer_sign_in, weekly_issue
from app.flows.erasure import erase
from app.flows.meeting import meet
from app.learning import activities
from app.learning.activities import ActivityNotFound, NotOpenForSignIn
from app.people import persons
from app.people import queries as people
from app.people.models import Organisation, Person
from app.people.senders import Address, Sender, find_known, touch
from app.people.sign_in_tickets import SCENE
from app.push import permits
from app.wechat import kinds

log = get_logger()
CANNOT_READ = "谢谢您的消息。这里只看得懂文字，回复「帮助」看看能做什么。"

MENU_WORDS = {"today": "今日", "credits": "学分", "ranking": "排行", "help": "帮助"}
"""The menu's keys, each standing for the word it saves typing."""
CHATTING = kinds.Text | kinds.Media | kinds.Click
Messages = Mapping[int, kinds.Message]
"""Messages by their numbers in the inbox."""


async def find_senders(session: AsyncSession, *, messages: Messages) -> dict[int, Sender]:
    """Who sent those that chat with us, if we know them and nothing about them is new.

    That they wrote is noted. Such messages can be answered together and in any order: they concern
    nobody but their sender.
    """
    addresses: dict[int, Address] = {}
    wrote: dict[Address, datetime | None] = {}
    for number, message in messages.items():
        if isinstance(message, CHATTING):
            address = addresses[number] = (message.appid, message.openid)
            at, before = _opens_window(message), wrote.get(address)
            wrote[address] = max(at, before) if at and before else at or before
    known = await find_known(session, wrote=wrote)
    return {
        number: known[address]
        for number, address in addresses.items()
        if address in known and messages[number].unionid in {None, known[address].unionid}
    }


def _opens_window(message: kinds.Message) -> datetime | None:
    """Since when we may answer for 48 hours: only a message of theirs opens them.

    A click or a scan opens one minute
    (developers.weixin.qq.com/doc/subscription/guide/product/kf/intro).
    """
    return message.created_at if isinstance(message, kinds.Text | kinds.Media) else None


def needs_nothing(message: kinds.Message) -> str | None:
    """What to say to a message whose answer is the same for everybody, at any time."""
    if isinstance(message, kinds.Media):
        return CANNOT_READ
    return chat.HELP if chat.command_of(_said(message)) == "help" else None


def only_asks(message: kinds.Message) -> bool:
    """Whether the answer to it changes nothing: it may be worked out and then not be wanted."""
    return isinstance(message, CHATTING) and not (
        isinstance(message, kinds.Text) and computer_sign_in.is_confirmation(message.content)
    )


async def answer_known(
    session: AsyncSession, *, messages: Messages, senders: Mapping[int, Sender], now: datetime
) -> dict[int, str]:
    """What to say to these, as found by `find_senders`."""
    return {
        number: await _chat(session, message, senders[number].person_id, now)
        for number, message in messages.items()
    }


async def answer(
    session: AsyncSession, *, messages: Messages, senders: Mapping[int, Sender], now: datetime
) -> dict[int, str | None]:
    """What to say to each of these messages; None where nobody waits for an answer.

    `senders`: who sent them, as found by `find_senders`; the others are met.
    """
    met = dict(senders)
    seen: dict[int, datetime] = {}
    for number, message in messages.items():
        if isinstance(message, CHATTING) and number not in met:
            met[number] = await _sender(session, message, now)
            if at := _opens_window(message):
                seen[met[number].identity_id] = at
    await touch(session, seen=seen)
    return {
        number: await _chat(session, message, met[number].person_id, now)
        if isinstance(message, CHATTING)
        else await _react(session, message, now)
        for number, message in messages.items()
    }


def _said(message: kinds.Message) -> str:
    """The word in it; a menu's key stands for the word that it saves typing."""
    match message:
        case kinds.Click():
            return MENU_WORDS.get(message.menu_key, message.menu_key)
        case kinds.Text():
            return message.content
    return ""


async def _chat(
    session: AsyncSession, message: kinds.Message, person_id: int, now: datetime
) -> str:
    if (same := needs_nothing(message)) is not None:
        return same
    if not only_asks(message):
        return await computer_sign_in.confirmed(session, person_id=person_id, now=now)
    return await chat.reply_to(session, person_id=person_id, said=_said(message), now=now)


async def _react(session: AsyncSession, message: kinds.Message, now: datetime) -> str | None:
    reply: str | None = None
    match message:
        case kinds.AuthorizationRevoked():
            await _erase(session, message.appid, message.revoked_openid, now)
        case kinds.Unsubscribe():
            await _left(session, message, now)
        case kinds.Subscribe():
            reply = await _welcome(session, message, now)
        case kinds.Scan():
            person = (await _meet(session, message, now)).person
            reply = await _scanned(session, person, message.scene, now)
        case kinds.SubscribeChoices():
            await _chose(session, message, now)
        case kinds.SubscribeSent():
            _count_unseen(message)
        case kinds.PublishFinished() | kinds.MassSendFinished():
            await _hear_end(session, message, now)
        case _:
            pass  # The inbox keeps it; nobody waits for an answer.
    return reply


async def _meet(session: AsyncSession, message: kinds.Message, now: datetime) -> persons.Resolved:
    return await meet(
        session, appid=message.appid, openid=message.openid, unionid=message.unionid, now=now
    )


async def _sender(session: AsyncSession, message: kinds.Message, now: datetime) -> Sender:
    met = await _meet(session, message, now)
    return Sender(met.person.id, met.identity.id, met.identity.unionid)


async def _hear_end(
    session: AsyncSession, message: kinds.PublishFinished | kinds.MassSendFinished, now: datetime
) -> None:
    if isinstance(message, kinds.PublishFinished):
        await weekly_issue.hear_publish_finished(session, message=message, now=now)
    else:
        await weekly_issue.hear_mass_finished(session, message=message, now=now)


async def _chose(session: AsyncSession, message: kinds.SubscribeChoices, now: datetime) -> None:
    """Each accept in a popup allows one message more; refusing in the settings forgets them all.

    One accept is one message and accepts add up (wechat-platform.md §4.4). A refusal in a popup
    only says "not this time"; accepting in the settings answers no popup, and is not counted [R].
    """
    accepted = [one for one in enumerate(message.choices) if message.kind == "popup" and one[1][1]]
    if accepted:
        met = await _meet(session, message, now)
        for index, (template_id, _) in accepted:
            # Hashed, since the inbox's key names the openid.
            named = f"{message.appid}:{message.key}:{template_id}:{index}"
            await permits.give(
                session,
                key=hashlib.sha256(named.encode()).hexdigest(),
                identity_id=met.identity.id,
                template_id=template_id,
                now=message.created_at,
            )
    refused = {name for name, said in message.choices if message.kind == "change" and not said}
    known = await people.find_identity(session, appid=message.appid, openid=message.openid)
    if known is not None:
        for template_id in sorted(refused):
            await permits.withdraw_all(
                session,
                identity_id=known.id,
                template_id=template_id,
                now=message.created_at,
            )


def _count_unseen(message: kinds.SubscribeSent) -> None:
    """Accepted by the API and not shown all the same: nothing to do but to know how often."""
    for result in message.results:
        if result.error_code:
            LETTERS.labels("notice", "not_shown").inc()
            log.warning(
                "notice.not_shown", template_id=result.template_id, errcode=result.error_code
            )


async def _left(session: AsyncSession, message: kinds.Unsubscribe, now: datetime) -> None:
    """Found, not met: a stranger who leaves is not worth a row."""
    known = await people.find_person_by_identity(
        session, appid=message.appid, openid=message.openid
    )
    if known is not None:
        met = await _meet(session, message, now)
        await persons.unfollow(session, identity_id=met.identity.id, now=message.created_at)


async def _welcome(session: AsyncSession, message: kinds.Subscribe, now: datetime) -> str:
    met = await _meet(session, message, now)
    returning = met.identity.unsubscribed_at is not None
    await persons.follow(session, identity_id=met.identity.id, now=message.created_at)
    if message.unionid is None:
        await defer(
            session,
            Job.FETCH_UNIONID,
            dedupe=f"unionid:{met.identity.id}",
            identity_id=met.identity.id,
        )
    if message.scene is None:
        return chat.welcome(returning=returning)
    said = await _scanned(session, met.person, message.scene, now)
    return f"{said}\n\n{chat.welcome(returning=returning)}"


async def _scanned(session: AsyncSession, person: Person, scene: str, now: datetime) -> str:
    """A parametric code: of a village, of an activity, or on a computer's screen."""
    code = scene.removeprefix("v:")
    if scene.startswith(SCENE):
        code = scene.removeprefix(SCENE)
        return await computer_sign_in.scanned(session, person=person, code=code, now=now)
    try:
        if code.startswith("act-"):
            return await _signed_in(session, person, code, now)
        organisation = await people.org_by_code(session, code)
        return await _came_from(session, person, organisation, now)
    except (NotFound, ActivityNotFound):
        return "这个码已经停用，或不是首善学堂的码。"


async def _came_from(
    session: AsyncSession, person: Person, organisation: Organisation, now: datetime
) -> str:
    """Scanning her village's code is a resident's own declaration, but does not overrule one."""
    shown = await people.shown_org(session, person)
    if shown is not None and shown.id != organisation.id:
        return (
            f"您登记的是{shown.name}，这是{organisation.name}的码。"
            "要改登记，请在小程序「我的」里改。"
        )
    try:
        await persons.declare(session, person_id=person.id, org_code=organisation.code, now=now)
    except DomainError as error:
        return error.title
    return f"已为您登记：{organisation.name}。"


async def _signed_in(session: AsyncSession, person: Person, code: str, now: datetime) -> str:
    try:
        activity, first = await activities.sign_in(session, code=code, person_id=person.id, now=now)
    except NotOpenForSignIn as error:
        return f"{error.title}。"
    again = "" if first else "（您已签过到）"
    return f"已登记您参加「{activity.title}」{again}，辅导员确认到场后计入学分。"


async def _erase(session: AsyncSession, appid: str, openid: str, now: datetime) -> None:
    person = await people.find_person_by_identity(session, appid=appid, openid=openid)
    if person is not None:
        await erase(session, person_id=person.id, now=now)
