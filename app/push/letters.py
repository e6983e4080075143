"""One letter from claim to record. The call itself is between the two, outside any transaction."""

from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.jobs import Job, defer
from app.core.metrics import LETTERS
from app.people.queries import selves
from app.push.models import Letter

WINDOW = timedelta(hours=48)
WINDOW_LETTERS = 5
"""Within 48 hours of a person's message the account may send 5 customer-service messages
(developers.weixin.qq.com/doc/subscription/guide/product/kf/intro)."""
CLAIM_LOST = timedelta(minutes=5)
"""A claim older than this belongs to a process that died between call and record."""


async def write(
    session: AsyncSession, *, key: str, person_id: int, kind: str, text: str, now: datetime
) -> Letter | None:
    """Leave a letter and its job; None if one with this key was left before."""
    row = insert(Letter).values(
        key=key, person_id=person_id, kind=kind, text=text, state="waiting", made_at=now
    )
    letter: Letter | None = await session.scalar(row.on_conflict_do_nothing().returning(Letter))
    if letter is not None:
        await defer(session, Job.DELIVER_LETTER, dedupe=f"letter:{letter.id}", letter_id=letter.id)
    return letter


async def claim(
    session: AsyncSession, *, letter_id: int, window_opened_at: datetime | None, now: datetime
) -> Letter | None:
    """Take a waiting letter for sending; None if there is nothing to send (any more).

    It is skipped where the window is closed or its five messages are used up: attempting it would
    only cost the account a refusal (45015, 45047). Claims of one person queue up, so that two
    workers cannot both take the fifth message.
    """
    letter = await session.get(Letter, letter_id, with_for_update=True)
    if letter is None or letter.state != "waiting":
        return None
    queue = func.hashtextextended(f"letters:{letter.person_id}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(queue)))
    if window_opened_at is None or now - window_opened_at >= WINDOW:
        _skip(letter, "48 小时窗口未开")
        return None
    used = await session.scalar(
        select(func.count()).where(
            Letter.person_id == letter.person_id,
            Letter.state.in_(("claimed", "sent", "unknown")),
            Letter.claimed_at >= window_opened_at,
        )
    )
    if (used or 0) >= WINDOW_LETTERS:
        _skip(letter, "48 小时内已发满 5 条")
        return None
    letter.state, letter.claimed_at = "claimed", now
    return letter


async def record(
    session: AsyncSession, *, letter_id: int, state: str, detail: str | None, now: datetime
) -> None:
    """Write down what became of a claimed letter: sent, refused or unknown."""
    assert state in {"sent", "refused", "unknown"}, state
    await session.execute(
        update(Letter)
        .where(Letter.id == letter_id, Letter.state == "claimed")
        .values(state=state, detail=detail, sent_at=now if state == "sent" else None)
    )
    LETTERS.labels("custom", state).inc()


async def put_back(session: AsyncSession, *, letter_id: int) -> None:
    """Nothing was sent, and that is certain: the claimed letter waits again."""
    await session.execute(
        update(Letter)
        .where(Letter.id == letter_id, Letter.state == "claimed")
        .values(state="waiting", claimed_at=None)
    )


async def settle_lost_claims(session: AsyncSession, *, now: datetime) -> int:
    """Claims of processes that died are in doubt: a person decides, nobody sends again."""
    rows = await session.scalars(
        update(Letter)
        .where(Letter.state == "claimed", Letter.claimed_at < now - CLAIM_LOST)
        .values(state="unknown", detail="发送途中进程中断，是否送达未知")
        .returning(Letter.id)
    )
    return len(list(rows))


async def forget(session: AsyncSession, *, person_id: int) -> None:
    """Erasure: the words go, the fact that something was sent stays."""
    whose = select(selves(person_id).c.id)
    await session.execute(
        update(Letter)
        .where(Letter.person_id.in_(whose))
        .values(text="")
        .execution_options(synchronize_session="fetch")
    )


def _skip(letter: Letter, why: str) -> None:
    letter.state, letter.detail = "skipped", why
    LETTERS.labels("custom", "skipped").inc()
