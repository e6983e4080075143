"""Which routes to a person are open at this moment, and why the others are not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import clock
from app.people.queries import selves
from app.push import permits
from app.push.models import Letter

WINDOW = timedelta(hours=48)
WINDOW_LETTERS = 5
"""Within 48 hours of a person's message the account may send 5 customer-service messages
(developers.weixin.qq.com/doc/subscription/guide/product/kf/intro)."""
MINUTE = timedelta(minutes=1)
MINUTE_LETTERS = 3
"""What the same page allows within the minute after a click: slow enough for every window."""
ROUTE_NAMES = {"custom": "客服消息", "notice": "订阅消息", "wecom_app": "企业微信"}


@dataclass(frozen=True)
class Ways:
    """How a person may be reached at this moment.

    `window_opened_at` is their last message to the account, `identity_ids` those of the
    mini-program, `template_id` that of the letter's kind, `wecom` whether they are a member.
    """

    window_opened_at: datetime | None = None
    identity_ids: Sequence[int] = ()
    template_id: str | None = None
    wecom: bool = False


async def why_window_closed(
    session: AsyncSession, person_id: int, opened_at: datetime | None, now: datetime
) -> str | None:
    """Why the 48 hours are closed; None: they are open."""
    if opened_at is None or now - opened_at >= WINDOW:
        return "48 小时窗口未开"
    if await _sent_since(session, person_id, opened_at) >= WINDOW_LETTERS:
        return "48 小时内已发满 5 条"
    return None


async def minute_is_full(session: AsyncSession, person_id: int, now: datetime) -> bool:
    since = now - clock.machine_span(MINUTE)
    return await _sent_since(session, person_id, since) >= MINUTE_LETTERS


async def _sent_since(session: AsyncSession, person_id: int, since: datetime) -> int:
    """Customer-service messages that may have reached this person since."""
    asked = select(func.count()).where(
        Letter.person_id.in_(select(selves(person_id).c.id)),
        # Letters of before there were routes have none.
        or_(Letter.route == "custom", Letter.route.is_(None)),
        Letter.state.in_(("claimed", "sent", "unknown")),
        Letter.claimed_at >= since,
    )
    return int(await session.scalar(asked) or 0)


async def take_permit(
    session: AsyncSession, letter: Letter, ways: Ways, now: datetime
) -> tuple[str | None, int | None]:
    """Why no notice can be sent, or whose permit was taken for it."""
    if ways.template_id is None:
        return "没有配置模板", None
    if not letter.values:
        return "没有模板要的内容", None
    permit = await permits.take(
        session,
        identity_ids=ways.identity_ids,
        template_id=ways.template_id,
        letter_id=letter.id,
        now=now,
    )
    return ("没有可用的授权", None) if permit is None else (None, permit.identity_id)
