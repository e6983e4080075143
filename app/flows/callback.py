"""What happens when WeChat tells us something: one small function per kind of message.

Runs inside the transaction that holds the inbox row, well under the platform's five seconds, and
calls nobody: whatever takes time is deferred.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import DomainError, NotFound
from app.core.jobs import Job, defer
from app.flows import chat, computer_sign_in
from app.flows.erasure import erase
from app.flows.meeting import meet
from app.learning import activities
from app.learning.activities import ActivityNotFound, NotOpenForSignIn
from app.people import persons
from app.people import queries as people
from app.people.models import Organisation, Person
from app.people.sign_in_tickets import SCENE
from app.wechat import kinds
from app.wechat.replies import TextReply

CANNOT_READ = "谢谢您的消息。这里只看得懂文字，回复「帮助」看看能做什么。"

MENU_WORDS = {"today": "今日", "credits": "学分", "ranking": "排行", "help": "帮助"}
"""The menu's keys, each standing for the word it saves typing."""


async def answer(
    session: AsyncSession, *, message: kinds.Message, is_official_account: bool, now: datetime
) -> TextReply | None:
    """The passive reply to a message, or None for `success`.

    The mini-program's customer service has no passive replies
    (developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push).
    """
    reply: str | None = None
    match message:
        case kinds.AuthorizationRevoked():
            await _erase(session, message.appid, message.revoked_openid, now)
        case kinds.Unsubscribe():
            await _left(session, message, now)
        case kinds.Subscribe():
            reply = await _welcome(session, message, now)
        case kinds.Scan():
            person = (await _sender(session, message, now)).person
            reply = await _scanned(session, person, message.scene, now)
        case kinds.Click():
            person = (await _sender(session, message, now)).person
            said = MENU_WORDS.get(message.menu_key, message.menu_key)
            reply = await chat.reply_to(session, person=person, said=said, now=now)
        case kinds.Text() | kinds.Media():
            reply = await _heard(session, message, now)
        case _:
            pass  # The inbox keeps it; nobody waits for an answer.
    return TextReply(reply) if reply and is_official_account else None


async def _sender(session: AsyncSession, message: kinds.Message, now: datetime) -> persons.Resolved:
    return await meet(
        session, appid=message.appid, openid=message.openid, unionid=message.unionid, now=now
    )


async def _heard(session: AsyncSession, message: kinds.Text | kinds.Media, now: datetime) -> str:
    met = await _sender(session, message, now)
    # Only a message of theirs opens the 48 hours; a click or a scan opens one minute
    # (developers.weixin.qq.com/doc/subscription/guide/product/kf/intro).
    await persons.touch(session, identity_id=met.identity.id, now=message.created_at)
    if not isinstance(message, kinds.Text):
        return CANNOT_READ
    if computer_sign_in.is_confirmation(message.content):
        return await computer_sign_in.confirmed(session, person=met.person, now=now)
    return await chat.reply_to(session, person=met.person, said=message.content, now=now)


async def _left(session: AsyncSession, message: kinds.Unsubscribe, now: datetime) -> None:
    """Found, not met: a stranger who leaves is not worth a row."""
    known = await people.find_person_by_identity(
        session, appid=message.appid, openid=message.openid
    )
    if known is not None:
        met = await _sender(session, message, now)
        await persons.unfollow(session, identity_id=met.identity.id, now=message.created_at)


async def _welcome(session: AsyncSession, message: kinds.Subscribe, now: datetime) -> str:
    met = await _sender(session, message, now)
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
