"""Dead letters: what WeChat told us and our own code failed on, and running it again.

What people wrote is not shown, nor who they are: a message here is its kind, its time, its error.
"""

from typing import Annotated

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.api.deps import Now, SessionDep, SettingsDep
from app.api.pages.doors import AdminActor
from app.api.pages.office_view import go_on, show
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.flows import inbound
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor
from app.wechat import inbox
from app.wechat.inbox import NothingToReplay

INBOX = "/desk/inbox"
router = page_router(INBOX)
MessageNo = Annotated[int, Path(ge=1, lt=2**63)]
SHOWN = 100
AT_ONCE = 20
"""So many are run again within one answer."""
KINDS = {
    "Text": "文字消息",
    "Media": "图片、语音等消息",
    "Subscribe": "关注",
    "Unsubscribe": "取消关注",
    "Scan": "扫码",
    "Click": "点菜单",
    "View": "点菜单里的网页",
    "SubscribeChoices": "订阅通知的选择",
    "SubscribeSent": "订阅通知的结果",
    "PublishFinished": "发布结果",
    "MassSendFinished": "群发结果",
    "TemplateSendFinished": "模板消息结果",
    "MediaChecked": "内容检查结果",
    "EnterSession": "进入客服会话",
    "Unreadable": "读不懂的消息",
}


@router.get("")
async def list_failed(request: Request, actor: AdminActor, session: SessionDep) -> Response:
    """The oldest first: they are run again in their order."""
    await _require_all(session, actor)
    found = await inbox.list_failed(session, SHOWN + 1)
    rows = [
        {
            "id": one.id,
            "kind": KINDS.get(one.kind, "其他消息"),
            "at": one.received_at,
            "attempts": one.attempts,
            "error": one.error or "",
        }
        for one in found[:SHOWN]
    ]
    return show(request, "inbox.html", rows=rows, more=len(found) > SHOWN, at_once=AT_ONCE)


@router.post("/replay")
@once
async def replay_all(
    request: Request, actor: AdminActor, session: SessionDep, settings: SettingsDep, now: Now
) -> Response:
    """The first AT_ONCE; who presses again takes the next."""
    await _require_all(session, actor)
    left = 0
    for one in await inbox.list_failed(session, AT_ONCE):
        row = await inbound.replay_by(
            session, accounts=settings.wechat, inbound_id=one.id, by_id=actor.person_id, now=now
        )
        left += row.state == "failed"
    return go_on(request, INBOX, "replay-failed" if left else "replayed")


@router.post("/{message_id}/replay")
@once
async def replay(
    request: Request,
    message_id: MessageNo,
    actor: AdminActor,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
) -> Response:
    """Only what failed: one that is being answered at this moment is nobody's to repeat."""
    await _require_all(session, actor)
    failed = {one.id for one in await inbox.list_failed(session, SHOWN)}
    if message_id not in failed:
        raise NothingToReplay(id=message_id)
    row = await inbound.replay_by(
        session, accounts=settings.wechat, inbound_id=message_id, by_id=actor.person_id, now=now
    )
    return go_on(request, INBOX, "replay-failed" if row.state == "failed" else "replayed")


async def _require_all(session: AsyncSession, actor: Actor) -> None:
    """The messages are the whole installation's. Raises NotYourBranch."""
    if not policy.can_set_rules(actor, await people.root_ids(session)):
        raise NotYourBranch
