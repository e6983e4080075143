"""The way of one issue through the account, step by claimed step. Rows only: no manuscript's state.

`next_at` is the claim and the clock in one: nobody touches a publication before it. A process that
takes a step moves it beyond any call's end, and the record moves it back; if the process dies, the
step is free again after CLAIM_LOST. Uploads and drafts may be repeated: followers do not see them.
`submitting` then is in doubt, and settled so:

mass         the same call with the same clientmsgid, which the platform knows for a day
             (45065 brings the first msg_id: WxJava WxMpMassTagMessage)
freepublish  has no such key, so it is never repeated: our article is looked for among the published
             ones. If it is not there, a job that came to nothing and belongs to nobody is ours,
             provided that only this one is in doubt. After half an hour a person decides; whatever
             is published later without an owner is a reason to look once more, never an answer
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import clock
from app.editorial.models import Manuscript
from app.push.account_models import JobOutcome
from app.push.models import Publication
from app.push.outcomes import meaning_of
from app.push.outlets import Outlet
from app.push.rules import Method
from app.push.steps import Submit

BY_HAND_WITHIN = timedelta(hours=2)
"""How long after its hour a person may take to publish an issue."""
CLAIM_LOST = timedelta(minutes=5)
CALL_BEGINS_WITHIN = timedelta(minutes=2)
"""Both of the machine's clock. Whoever slept longer between claim and call lets it be."""
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 30, 60))
LOOK_FOR, LOOK_IN_VAIN = timedelta(minutes=30), timedelta(hours=2)
"""How long a publication in doubt is looked for; the latter where nobody answers our looking."""
REPEATABLE = timedelta(hours=23)
"""The platform remembers a clientmsgid for 24 hours (R: reported, not documented)."""
TOLD_WITHIN = timedelta(hours=24)
"""What has not ended by then is for a person. 30 minutes are the administrator's (api_sendall)."""
UNANSWERED, NOT_FOUND = "unanswered", "not found"
"""`status` of a submission in doubt: since its first call, and once it has been looked for."""
JobKind = Literal["freepublish", "mass"]
IN_DOUBT = ("submitting", "unknown")
ENDS = ("published", "failed", "unknown")


def job_kind(publication: Publication) -> JobKind:
    """The kind of job that it is handed in as; one in a person's hands counts as published."""
    return "mass" if publication.method == "mass" else "freepublish"


def client_msg_id(publication: Publication) -> str:
    return f"issue-{publication.manuscript_id}-{publication.version}-{publication.attempt}"


async def lock(session: AsyncSession, *, manuscript_id: int) -> Publication | None:
    """Locked; always after its manuscript, so that no two wait for each other."""
    row = select(Publication).where(Publication.manuscript_id == manuscript_id).with_for_update()
    found: Publication | None = await session.scalar(row.execution_options(populate_existing=True))
    return found


async def is_by_hand(session: AsyncSession, *, manuscript_id: int) -> bool:
    """Whether it waits for a person who publishes it."""
    row = select(Publication.state).where(Publication.manuscript_id == manuscript_id)
    return await session.scalar(row) == "by_hand"


async def open_for(
    session: AsyncSession, *, manuscript: Manuscript, outlet: Outlet, method: Method, now: datetime
) -> Publication:
    """The publication of this version; one of an older version that never got out starts anew."""
    found = await lock(session, manuscript_id=manuscript.id)
    if found is None:
        row = insert(Publication).values(
            manuscript_id=manuscript.id,
            version=manuscript.version,
            appid=outlet.appid,
            method=method,
            state="preparing",
            next_at=now,
            made_at=now,
        )
        await session.execute(row.on_conflict_do_nothing())
        found = await lock(session, manuscript_id=manuscript.id)
        assert found is not None
    elif found.version != manuscript.version or found.next_at is None or found.state in ENDS:
        if found.version != manuscript.version:
            found.version, found.draft_media_id = manuscript.version, None
        found.method = method
        restart(found, now=now)
    return found


def restart(publication: Publication, *, now: datetime) -> None:
    """From the draft if there is one, else from the pictures."""
    publication.state = "drafted" if publication.draft_media_id else "preparing"
    publication.claimed_at = publication.submitted_at = publication.settled_at = None
    publication.job_id = publication.status = publication.detail = None
    publication.checks, publication.next_at = 0, now


def take(publication: Publication, *, now: datetime) -> None:
    """Claim the next step."""
    publication.next_at = now + clock.machine_span(CLAIM_LOST)


def take_submit(publication: Publication, *, outlet: Outlet, now: datetime) -> Submit:
    """Claim the one step that followers may see; `claimed_at` stays that of the first claim."""
    assert publication.draft_media_id is not None
    if publication.state == "submitting":
        publication.status = UNANSWERED
    else:
        publication.state, publication.claimed_at = "submitting", now
    take(publication, now=now)
    return Submit(
        method=job_kind(publication),
        media_id=publication.draft_media_id,
        client_msg_id=client_msg_id(publication),
        tag_id=outlet.tag_id,
        attempt=publication.attempt,
        before=now + clock.machine_span(CALL_BEGINS_WITHIN),
    )


def go_on(publication: Publication, state: str, *, now: datetime) -> None:
    """A step is done; the next may be taken at once."""
    publication.state, publication.checks, publication.next_at = state, 0, now
    publication.status = publication.detail = None


def back_off(publication: Publication, *, now: datetime) -> None:
    """The same step later; on the service's clock, since it waits for the platform."""
    publication.next_at = now + BACK_OFF[min(publication.checks, len(BACK_OFF) - 1)]
    publication.checks += 1


def end(publication: Publication, state: str, *, now: datetime) -> None:
    publication.state, publication.settled_at, publication.next_at = state, now, None


async def keep_outcome(
    session: AsyncSession,
    *,
    appid: str,
    kind: JobKind,
    job_id: str,
    status: str,
    facts: Mapping[str, object],
    now: datetime,
) -> list[int]:
    """Write down what the platform told of a job; the manuscripts that it may be about."""
    row = insert(JobOutcome).values(
        appid=appid, kind=kind, job_id=job_id, status=status, facts=dict(facts), told_at=now
    )
    await session.execute(row.on_conflict_do_nothing())
    ours = select(Publication.manuscript_id).where(Publication.appid == appid)
    known = list(await session.scalars(ours.where(Publication.job_id == job_id)))
    if known:
        return known
    doubtful = ours.where(
        Publication.job_id.is_(None),
        Publication.method == kind,
        Publication.state.in_(IN_DOUBT),
    )
    concerned = list(await session.scalars(doubtful))
    if kind == "freepublish":
        # Whose it is only our article can tell: given up long ago, it is looked for once more.
        await session.execute(
            update(Publication)
            .where(Publication.manuscript_id.in_(concerned), Publication.state == "unknown")
            .values(next_at=now, checks=0)
        )
    return concerned


async def latest_outcome(session: AsyncSession, *, publication: Publication) -> JobOutcome | None:
    """What the platform told last about this publication's job."""
    rows = select(JobOutcome).where(
        JobOutcome.appid == publication.appid,
        JobOutcome.kind == publication.method,
        JobOutcome.job_id == publication.job_id,
    )
    found: JobOutcome | None = await session.scalar(
        rows.order_by(JobOutcome.told_at.desc()).limit(1)
    )
    return found


async def adopt_outcome(session: AsyncSession, *, publication: Publication) -> bool:
    """Take the one job that ended soon after the claim and is nobody's, if only we are in doubt.

    Of publications only one that failed: a published one is known by its article alone.
    """
    if publication.claimed_at is None or publication.job_id is not None:
        return False
    mine = (Publication.appid == publication.appid, Publication.method == publication.method)
    in_doubt = await session.scalar(
        select(func.count()).where(
            *mine, Publication.state.in_(IN_DOUBT), Publication.job_id.is_(None)
        )
    )
    owned = select(Publication.job_id).where(*mine, Publication.job_id.is_not(None))
    rows = select(JobOutcome.job_id, JobOutcome.status).where(
        JobOutcome.appid == publication.appid,
        JobOutcome.kind == publication.method,
        JobOutcome.told_at.between(publication.claimed_at, publication.claimed_at + LOOK_FOR),
        JobOutcome.job_id.not_in(owned),
    )
    told = (await session.execute(rows)).all()
    orphans = {job_id for job_id, _ in told}
    if in_doubt != 1 or len(orphans) != 1:
        return False
    kind = job_kind(publication)
    if kind == "freepublish" and any(meaning_of(kind, one).state != "failed" for _, one in told):
        return False
    publication.job_id = orphans.pop()
    publication.submitted_at = publication.claimed_at
    return True


async def due(session: AsyncSession, *, now: datetime) -> list[int]:
    """The manuscripts whose publication may take its next step, lost claims among them."""
    rows = select(Publication.manuscript_id).where(Publication.next_at <= now)
    return list(await session.scalars(rows.order_by(Publication.next_at)))


async def hasten(session: AsyncSession, *, manuscript_id: int, job_id: str, now: datetime) -> None:
    """Its job has ended: no need to wait for the next poll."""
    await session.execute(
        update(Publication)
        .where(
            Publication.manuscript_id == manuscript_id,
            Publication.job_id == job_id,
            Publication.state == "submitted",
        )
        .values(next_at=now)
    )
