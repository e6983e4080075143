"""Mass sends: quotas, idempotency by clientmsgid, the administrator's confirmation, the event.

WD:doc/subscription/guide/product/message/Batch_Sends.md, …/api_sendall; WxJava WxMpMassTagMessage,
WxConsts.MassMsgStatus (wechat-platform.md §1.4, §5.3, §9.8).
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from app.core import clock
from app.core.errors import Conflict
from app.sandbox.articles import card, url_of
from app.sandbox.calls import OK, Call
from app.sandbox.drafts import find_draft
from app.sandbox.errors import CallRefused
from app.sandbox.jobs import begin
from app.sandbox.press import Draft, Mass
from app.sandbox.publications import add_post, tell
from app.sandbox.world import User, World

CLIENT_MSG_ID_BYTES_MAX = 64
REMEMBERED = timedelta(hours=24)
CONFIRM_WITHIN = timedelta(minutes=30)
TO_ALL_PER_MONTH = RECEIVED_PER_MONTH = 4
SENT, REFUSED_BY_ADMIN, NO_CONFIRMATION = "send success", "err(40001)", "err(40002)"
HELPER = "mphelper"
"""The event's sender (公众号群发助手)."""
STATUS = {
    "waiting": "SENDING",
    "sending": "SENDING",
    "sent": "SEND_SUCCESS",
    "failed": "SEND_FAIL",
    "deleted": "DELETE",
}


class Repeated(CallRefused):
    """45065 brings the first msg_id along."""

    def __init__(self, msg_id: int) -> None:
        super().__init__(45065)
        self.msg_id = msg_id

    def body(self) -> dict[str, object]:
        return {**super().body(), "msg_id": self.msg_id}


async def send_to_all(call: Call) -> Mapping[str, object]:
    world, knobs = call.world, call.world.press.knobs
    client_msg_id = _read_client_msg_id(call)
    known = find_repeated(world, client_msg_id)
    if known is not None:
        # Before the draft is looked for: after a success it is gone.
        if (clock.real_now() - known.real_at).total_seconds() < knobs.repeat_seconds:
            raise CallRefused(45066)
        raise Repeated(known.msg_id)
    to_all, tag_id = _read_filter(call)
    draft = _read_message(call)
    if not has_quota(world, to_all=to_all):
        raise CallRefused(45028)
    mass = make_mass(world, draft, client_msg_id, to_all=to_all, tag_id=tag_id)
    mass.outcome, knobs.next_mass_status = knobs.next_mass_status, SENT
    if knobs.admin_confirms and to_all:
        late = partial(finish_mass, world, mass, NO_CONFIRMATION, only_from="waiting")
        begin(world, CONFIRM_WITHIN.total_seconds(), late, patient=True)
    elif knobs.finish_event == "before_answer":
        mass.state = "sending"
        await finish_mass(world, mass, mass.outcome)
    else:
        go(world, mass)
    return {**OK, "msg_id": mass.msg_id, "msg_data_id": next(world.msg_ids)}


async def preview(call: Call) -> Mapping[str, object]:
    """To one follower only; the draft stays, no quota is used."""
    world, body = call.world, call.body
    user = world.openids.get((call.caller.appid, str(body.get("touser", ""))))
    if user is None:
        user = next((u for u in world.users.values() if u.name == body.get("towxname")), None)
    if user is None or user.following is None:
        raise CallRefused(40003)
    cards = [card(world, one) for one in _read_message(call).articles]
    world.say(user, "account", type="news", by="preview", articles=cards)
    return {**OK, "msg_id": next(world.msg_ids)}


async def get_mass(call: Call) -> Mapping[str, object]:
    mass = _find(call)
    return {"msg_id": mass.msg_id, "msg_status": STATUS[mass.state]}


async def delete_mass(call: Call) -> Mapping[str, object]:
    """Takes the page away, or one article of it; the bubble stays on the phones."""
    mass, index = _find(call), call.body.get("article_idx", 0)
    if mass.post is None:
        raise CallRefused(40059)
    if not isinstance(index, int) or not 0 <= index <= len(mass.articles):
        raise CallRefused(40060)
    mass.post.deleted |= {index - 1} if index else set(range(len(mass.articles)))
    if not mass.post.visible:
        mass.state = "deleted"
    return OK


def find_repeated(world: World, client_msg_id: str) -> Mass | None:
    after = clock.utcnow() - REMEMBERED
    for mass in world.press.masses.values():
        if mass.client_msg_id == client_msg_id and mass.made_at > after and not mass.by_hand:
            return mass
    return None


def has_quota(world: World, *, to_all: bool) -> bool:
    """A public account: one a day. A service account: to all, one a day and four a month.

    What failed or was refused gives its chance back [R].
    """
    day = clock.local_day(clock.utcnow())
    month = clock.period_of("month", day)[0]
    used = [mass for mass in world.press.masses.values() if mass.state != "failed"]
    if world.oa.profile.startswith("service"):
        if not to_all:
            return True
        used = [mass for mass in used if mass.to_all]
        days = [clock.local_day(mass.made_at) for mass in used]
        return day not in days and sum(one >= month for one in days) < TO_ALL_PER_MONTH
    return all(clock.local_day(mass.made_at) != day for mass in used)


def make_mass(
    world: World, draft: Draft, client_msg_id: str, *, to_all: bool, tag_id: int | None
) -> Mass:
    mass = Mass(
        msg_id=next(world.msg_ids),
        media_id=draft.media_id,
        articles=list(draft.articles),
        client_msg_id=client_msg_id,
        to_all=to_all,
        tag_id=tag_id,
        outcome=SENT,
        made_at=clock.utcnow(),
        real_at=clock.real_now(),
    )
    world.press.masses[mass.msg_id] = mass
    return mass


def go(world: World, mass: Mass) -> None:
    mass.state = "sending"
    begin(world, world.press.knobs.mass_seconds, partial(finish_mass, world, mass, mass.outcome))


async def decide(world: World, mass: Mass, *, confirm: bool) -> None:
    """The administrator's thumb on the phone. Raises Conflict when nothing waits for it."""
    if mass.state != "waiting":
        raise Conflict("这次群发不在等待管理员确认")
    if confirm:
        go(world, mass)
    else:
        await finish_mass(world, mass, REFUSED_BY_ADMIN, only_from="waiting")


async def finish_mass(
    world: World, mass: Mass, status: str, *, only_from: str = "sending", event: bool = True
) -> None:
    """It reaches the followers or fails; MASSSENDJOBFINISH tells the counts."""
    if mass.state != only_from:
        return
    receivers = _receivers_of(world, mass)
    ready = [user for user in receivers if _may_receive(world, user)]
    mass.status, mass.total = status, len(receivers)
    mass.state = "sent" if status == SENT else "failed"
    if status == SENT:
        world.press.drafts.pop(mass.media_id, None)
        mass.post = add_post(world, mass.articles, "mass")
        mass.received_by = [user.id for user in ready]
        cards = [card(world, one) for one in mass.articles]
        for user in ready:
            world.say(user, "account", type="news", by="mass", articles=cards)
    if event:
        await _tell(world, mass, filtered=len(ready))


async def _tell(world: World, mass: Mass, *, filtered: int) -> None:
    """FilterCount is what the filter left over, about SentCount + ErrorCount (event's page)."""
    items = [
        {"ArticleIdx": index, "ArticleUrl": url_of(world, one)}
        for index, one in enumerate(mass.articles if mass.post else [], 1)
    ]
    await tell(
        world,
        "MASSSENDJOBFINISH",
        HELPER,
        MsgID=mass.msg_id,
        Status=mass.status,
        TotalCount=mass.total,
        FilterCount=filtered,
        SentCount=len(mass.received_by),
        ErrorCount=0,
        ArticleUrlResult={"Count": len(items), "ResultList": {"item": items}},
    )


def _receivers_of(world: World, mass: Mass) -> list[User]:
    members = None if mass.to_all else world.press.tags.get(mass.tag_id or 0, set())
    followers = [user for user in world.users.values() if user.following is not None]
    return [user for user in followers if members is None or user.id in members]


def _may_receive(world: World, user: User) -> bool:
    """Followers of a service account get four a month, by site and API together."""
    if not world.oa.profile.startswith("service"):
        return True
    month = clock.period_of("month", clock.local_day(clock.utcnow()))[0]
    sent = [one for one in world.press.masses.values() if clock.local_day(one.made_at) >= month]
    return sum(user.id in one.received_by for one in sent) < RECEIVED_PER_MONTH


def _read_filter(call: Call) -> tuple[bool, int | None]:
    given = call.body.get("filter")
    if not isinstance(given, Mapping):
        raise CallRefused(47001)
    if given.get("is_to_all") is True:
        return True, None
    tag_id = given.get("tag_id")
    if not isinstance(tag_id, int) or tag_id not in call.world.press.tags:
        raise CallRefused(45159)
    return False, tag_id


def _read_message(call: Call) -> Draft:
    """Of all the types only articles, which is what this account sends."""
    if call.body.get("msgtype") != "mpnews":
        raise CallRefused(40008)
    message = call.body.get("mpnews")
    return find_draft(call.world, message.get("media_id") if isinstance(message, dict) else None)


def _read_client_msg_id(call: Call) -> str:
    """Without one the platform takes a digest of who and what."""
    given: Any = call.body.get("clientmsgid")
    if given is None or given == "":
        seed = json.dumps([call.body.get("filter"), call.body.get("mpnews")], sort_keys=True)
        return hashlib.sha256(seed.encode()).hexdigest()
    if not isinstance(given, str):
        raise CallRefused(47001)
    if len(given.encode()) > CLIENT_MSG_ID_BYTES_MAX:
        raise CallRefused(45067)
    return given


def _find(call: Call) -> Mass:
    given = str(call.body.get("msg_id", ""))
    mass = call.world.press.masses.get(int(given)) if given.isdecimal() else None
    if mass is None:
        raise CallRefused(40059)
    return mass
