"""The only writer of manuscripts: writing, reviewing, and the states after it (三审三校).

Every change of state locks the manuscript's row, refuses a state it does not fit (NotInThisState)
and leaves a step. The same again is the first result.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.editorial import keys
from app.editorial.errors import DigestStale, ManuscriptExists, ReviewerNotIndependent
from app.editorial.models import Manuscript, ManuscriptVersion
from app.editorial.queries import approvers_of, list_steps, writers_of
from app.editorial.rules import CHANGEABLE, REVIEWS, WITHDRAWABLE, Kind, digest_of
from app.editorial.steps import keep_version, leave_step, lock, reason_in, require

Decision = Literal["approve", "return"]
Outcome = Literal["published", "failed", "unknown"]
AGAIN = ("failed", "unknown")
"""What only a person may schedule again: nobody knows better what reached the readers."""


async def write(
    session: AsyncSession,
    *,
    kind: Kind,
    key: str,
    org_id: int,
    author_id: int | None,
    body: Mapping[str, Any],
    flags: Sequence[dict[str, Any]] = (),
    now: datetime,
) -> Manuscript:
    """A new draft. The same key with the same first content is the first one.

    Other content, kind or organisation under the key: ManuscriptExists.
    """
    digest = digest_of(body)
    row = insert(Manuscript).values(
        kind=kind,
        key=key,
        org_id=org_id,
        author_id=author_id,
        state="draft",
        version=1,
        digest=digest,
        flags=list(flags),
        made_at=now,
        changed_at=now,
    )
    made_id = await session.scalar(
        row.on_conflict_do_nothing(index_elements=["key"]).returning(Manuscript.id)
    )
    if made_id is None:
        return await _first_written(session, key, (kind, org_id, digest))
    manuscript = await session.get_one(Manuscript, made_id)
    await keep_version(session, manuscript, body, author_id, now)
    await leave_step(session, manuscript, "write", to="draft", by_id=author_id, now=now)
    return manuscript


async def change(
    session: AsyncSession,
    *,
    manuscript_id: int,
    body: Mapping[str, Any],
    flags: Sequence[dict[str, Any]] = (),
    by_id: int | None,
    based_on: str | None = None,
    key: str | None = None,
    now: datetime,
) -> Manuscript:
    """New content: back to draft, whatever was reviewed. The same content changes nothing.

    A push that was withdrawn before it began comes back this way, for its day has no other.
    `based_on` is the digest of what the writer had before their eyes; DigestStale if somebody else
    changed it since. `key` is another natural key, where the new content asks for one:
    ManuscriptExists if it is taken.
    """
    manuscript = await lock(session, manuscript_id=manuscript_id)
    digest = digest_of(body)
    revived = await _may_come_back(session, manuscript)
    if digest == manuscript.digest and not revived:
        return manuscript
    require(manuscript, (*CHANGEABLE, *(("withdrawn",) if revived else ())))
    if based_on is not None and based_on != manuscript.digest:
        raise DigestStale(digest=manuscript.digest, version=manuscript.version)
    if key is not None:
        await keys.take(session, manuscript, key=key)
    manuscript.version += 1
    manuscript.digest, manuscript.flags = digest, list(flags)
    manuscript.scheduled_at = manuscript.withdrawn_at = None
    await keep_version(session, manuscript, body, by_id, now)
    await leave_step(session, manuscript, "change", to="draft", by_id=by_id, now=now)
    return manuscript


async def submit(
    session: AsyncSession, *, manuscript_id: int, by_id: int | None, now: datetime
) -> Manuscript:
    """To the first review, in a new round; nothing once it is there."""
    manuscript = await lock(session, manuscript_id=manuscript_id)
    if manuscript.state == "first_review":
        return manuscript
    require(manuscript, ("draft",))
    manuscript.round += 1
    await leave_step(session, manuscript, "submit", to="first_review", by_id=by_id, now=now)
    return manuscript


async def review(
    session: AsyncSession,
    *,
    manuscript_id: int,
    by_id: int,
    decision: Decision,
    digest: str,
    remarks: str = "",
    step: str | None = None,
    selves: Collection[int] = (),
    now: datetime,
) -> Manuscript:
    """Approve the review that is due, or send the manuscript back (退回修改, with remarks).

    `step` is the review that the caller means: somebody else may have given it meanwhile, and the
    next one takes another role. `selves` are the ids that were merged into `by_id`. Raises
    DigestStale, NotInThisState, ReviewerNotIndependent, RemarksNeeded.
    """
    manuscript = await lock(session, manuscript_id=manuscript_id)
    due = manuscript.state
    require(manuscript, tuple(REVIEWS) if step is None else (step,))
    require(manuscript, tuple(REVIEWS))
    if digest != manuscript.digest:
        raise DigestStale(digest=manuscript.digest, version=manuscript.version)
    taken = await writers_of(session, manuscript_id=manuscript_id)
    taken |= await approvers_of(session, manuscript_id=manuscript_id, round=manuscript.round)
    if not taken.isdisjoint({by_id, *selves}) or manuscript.author_id in {by_id, *selves}:
        raise ReviewerNotIndependent(step=due)
    if decision == "return":
        remarks = reason_in(remarks)
    to = REVIEWS[due][1] if decision == "approve" else "draft"
    try:
        await leave_step(
            session,
            manuscript,
            due,
            to=to,
            decision=decision,
            by_id=by_id,
            remarks=remarks,
            now=now,
        )
    except IntegrityError as error:
        # The two unique keys of manuscript_step say the same, should the look above ever miss it.
        raise ReviewerNotIndependent(step=due) from error
    return manuscript


async def schedule(
    session: AsyncSession,
    *,
    manuscript_id: int,
    by_id: int | None,
    at: datetime,
    remarks: str = "",
    now: datetime,
) -> Manuscript:
    """Approved, or scheduled for another time. What failed or is in doubt: by a person only."""
    manuscript = await lock(session, manuscript_id=manuscript_id)
    if (manuscript.state, manuscript.scheduled_at) == ("scheduled", at):
        return manuscript
    require(manuscript, ("approved", "scheduled", *(() if by_id is None else AGAIN)))
    manuscript.scheduled_at, manuscript.outcome = at, None
    await leave_step(
        session, manuscript, "schedule", to="scheduled", by_id=by_id, remarks=remarks, now=now
    )
    return manuscript


async def begin(session: AsyncSession, *, manuscript_id: int, now: datetime) -> Manuscript:
    """From here on it may reach readers, so nobody can change it any more."""
    manuscript = await lock(session, manuscript_id=manuscript_id)
    if manuscript.state == "publishing":
        return manuscript
    require(manuscript, ("scheduled",))
    await leave_step(session, manuscript, "publish", to="publishing", by_id=None, now=now)
    return manuscript


async def settle(
    session: AsyncSession,
    *,
    manuscript_id: int,
    state: Outcome,
    outcome: Mapping[str, Any],
    by_id: int | None,
    remarks: str = "",
    now: datetime,
) -> Manuscript:
    """What became of it. What failed or is in doubt may still turn out otherwise."""
    manuscript = await lock(session, manuscript_id=manuscript_id)
    if manuscript.state == state and (state == "published" or manuscript.outcome == outcome):
        return manuscript
    require(manuscript, ("publishing", *AGAIN))
    manuscript.outcome = dict(outcome)
    await leave_step(session, manuscript, "settle", to=state, by_id=by_id, remarks=remarks, now=now)
    return manuscript


async def withdraw(
    session: AsyncSession, *, manuscript_id: int, by_id: int | None, reason: str, now: datetime
) -> Manuscript:
    """It will not be published. What is being published, or was, cannot be withdrawn."""
    manuscript = await lock(session, manuscript_id=manuscript_id)
    if manuscript.state == "withdrawn":
        return manuscript
    require(manuscript, WITHDRAWABLE)
    remarks = reason_in(reason)
    manuscript.scheduled_at, manuscript.withdrawn_at = None, now
    await leave_step(
        session, manuscript, "withdraw", to="withdrawn", by_id=by_id, remarks=remarks, now=now
    )
    return manuscript


async def stop(
    session: AsyncSession, *, manuscript_id: int, by_id: int, reason: str, now: datetime
) -> Manuscript:
    """Withdraw a push that has begun: whom it reached keeps it, and it settles with those."""
    manuscript = await lock(session, manuscript_id=manuscript_id)
    if manuscript.withdrawn_at is not None:
        return manuscript
    require(manuscript, ("publishing",))
    remarks = reason_in(reason)
    manuscript.withdrawn_at = now
    await leave_step(
        session, manuscript, "withdraw", to="publishing", by_id=by_id, remarks=remarks, now=now
    )
    return manuscript


async def _may_come_back(session: AsyncSession, manuscript: Manuscript) -> bool:
    if (manuscript.kind, manuscript.state) != ("push", "withdrawn") or keys.is_freed(
        manuscript.key
    ):
        return False
    steps = await list_steps(session, manuscript_id=manuscript.id)
    return all(one.step != "publish" for one in steps)


async def _first_written(
    session: AsyncSession, key: str, facts: tuple[str, int, str]
) -> Manuscript:
    rows = (
        select(Manuscript, ManuscriptVersion.digest)
        .join(ManuscriptVersion, ManuscriptVersion.manuscript_id == Manuscript.id)
        .where(Manuscript.key == key, ManuscriptVersion.version == 1)
    )
    first, digest = (await session.execute(rows)).one()
    if (first.kind, first.org_id, digest) != facts:
        raise ManuscriptExists(manuscript_id=first.id)
    return first
