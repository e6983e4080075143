"""The driver's two transactions: which step an issue's publication takes next, and what came of it.

Between them the worker calls the platform (app/worker/publishing.py). What is in doubt after a
crash is settled as app/push/publications.py says; nothing here is ever submitted twice unless the
platform itself recognises the repetition.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.errors import DomainError
from app.editorial import desk, steps
from app.editorial.models import Manuscript
from app.flows import settling
from app.flows.settling import Way
from app.push import media, plans, publications, quotas
from app.push.models import Publication
from app.push.outcomes import REFUSALS, Meaning, advice_for, meaning_of
from app.push.outlets import Outlet, method_of, source_url
from app.push.planner import OBSTACLES, obstacle_to
from app.push.steps import Check, FindPublished, Step

LATE = timedelta(hours=4)
"""Later than this nobody expects the issue any more today: it waits for another day."""
LOOK_FOR_DAYS = timedelta(days=7)
"""How long a draft handed to a person is looked for among the published ones."""
TOO_LATE = "到点后四小时内没有条件发布"
GOING_ON = ("publishing", "unknown")
NO_QUOTA = Meaning("failed", "本月群发次数已用完", REFUSALS["MonthlyQuotaUsed"], "publish_failed")


async def next_step(
    session: AsyncSession, *, manuscript_id: int, outlet: Outlet, now: datetime
) -> Step | None:
    """Claim what is to be done outside; None: nothing now, or somebody else is at it.

    A manuscript that was changed, withdrawn or unscheduled meanwhile is left alone.
    """
    manuscript = await steps.lock(session, manuscript_id=manuscript_id)
    if manuscript.kind != "issue":
        return None
    if manuscript.state == "scheduled":
        publication = await _begin(session, outlet, manuscript, now)
    else:
        publication = await publications.lock(session, manuscript_id=manuscript.id)
    if publication is None:
        return None
    way = Way(manuscript, publication, outlet)
    if publication.state in publications.ENDS:
        await _hear_late(session, way, now)
    if not is_going_on(way):
        publication.next_at = None
    if publication.next_at is None or publication.next_at > now or publication.state not in FROM:
        return None
    return await FROM[publication.state](session, way, now)


def is_going_on(way: Way) -> bool:
    """Whether the platform's answers still are about this manuscript.

    Who gave up a doubt still learns that followers have it after all.
    """
    manuscript, publication = way.manuscript, way.publication
    given_up = manuscript.state == "withdrawn" and publication.state == "unknown"
    return publication.version == manuscript.version and (given_up or manuscript.state in GOING_ON)


async def _begin(
    session: AsyncSession, outlet: Outlet, manuscript: Manuscript, now: datetime
) -> Publication | None:
    """At the time, and if nothing has come in between since it was scheduled."""
    if manuscript.scheduled_at is None or manuscript.scheduled_at > now:
        return None
    short = await quotas.shortage(session, outlet=outlet, day=local_day(now))
    method = method_of(outlet, month_left=short != "month")
    why = await _hindrance(session, outlet, manuscript, method=method, now=now)
    if why is not None:
        await settling.postpone(session, outlet, manuscript, why, now=now)
        return None
    await desk.begin(session, manuscript_id=manuscript.id, now=now)
    return await publications.open_for(
        session, manuscript=manuscript, outlet=outlet, method=method, now=now
    )


async def _hindrance(
    session: AsyncSession, outlet: Outlet, manuscript: Manuscript, *, method: str, now: datetime
) -> str | None:
    """Why it may not go out at this instant: the same rules as when it was scheduled."""
    if manuscript.scheduled_at is not None and now - manuscript.scheduled_at > LATE:
        return TOO_LATE
    plan = await plans.plan_of(session, outlet=outlet)
    calendar = await plans.calendar_of(
        session, outlet=outlet, plan=plan, without=manuscript.id, since=local_day(now)
    )
    found = obstacle_to(plans.rhythm_of(plan), calendar, now)
    if found is None or (found == "day_full" and method != "mass"):
        return None
    return OBSTACLES[found]


async def _prepare(session: AsyncSession, way: Way, now: datetime) -> Step | None:
    if not way.outlet.may_draft:
        why = f"{way.outlet.capability.account}不能通过接口新建图文草稿"
        await settling.hand_over(session, way, why, now=now)
        return None
    if await _out_of_time(session, way, now):
        return None
    try:
        step = await media.preparation_of(session, outlet=way.outlet, manuscript=way.manuscript)
    except DomainError as error:
        meaning = Meaning("failed", error.title, advice_for(error.code), "publish_failed")
        await settling.fail(session, way, meaning, now=now)
        return None
    publications.take(way.publication, now=now)
    return step


async def _submit(session: AsyncSession, way: Way, now: datetime) -> Step | None:
    """The last look before followers see it: day, week and quota as of this instant."""
    publication = way.publication
    if publication.method == "hand":
        await settling.hand_over(session, way, "这个公众号由专人手工发表", now=now)
        return None
    if await _out_of_time(session, way, now):
        return None
    why = await _hindrance(session, way.outlet, way.manuscript, method=publication.method, now=now)
    if why is not None:
        await settling.postpone(session, way.outlet, way.manuscript, why, now=now)
        return None
    if publication.method == "mass":
        key = publications.client_msg_id(publication)
        short = await quotas.reserve(session, outlet=way.outlet, key=key, now=now)
        if short is not None:
            await no_quota(session, way, short, now=now)
            return None
    return publications.take_submit(publication, outlet=way.outlet, now=now)


async def no_quota(
    session: AsyncSession, way: Way, short: Literal["day", "month"], *, now: datetime
) -> None:
    """Tomorrow is another day; next month is too far away for nobody to decide."""
    if short == "month":
        await settling.fail(session, way, NO_QUOTA, now=now)
    else:
        why = OBSTACLES["day_full"]
        await settling.postpone(session, way.outlet, way.manuscript, why, now=now)


async def _out_of_time(session: AsyncSession, way: Way, now: datetime) -> bool:
    """The platform was in the way for hours: a person is told, instead of another day's wait."""
    at, reason = way.manuscript.scheduled_at, way.publication.detail
    if reason is None or at is None or now - at <= LATE:
        return False
    advice = "请排除原因后「重试」，或到公众平台手工发表后登记"
    why = f"四小时内多次尝试都没有成功：{reason}"
    await settling.fail(session, way, Meaning("failed", why, advice, "publish_failed"), now=now)
    return True


async def _resolve(session: AsyncSession, way: Way, now: datetime) -> Step | None:
    """A submission whose answer nobody has."""
    publication = way.publication
    assert publication.claimed_at is not None
    if publication.status not in {publications.UNANSWERED, publications.NOT_FOUND}:
        # Its process died, so nobody has looked yet.
        publication.status, publication.checks = publications.UNANSWERED, 0
    looked = publication.status == publications.NOT_FOUND
    if (looked or publication.method == "mass") and await publications.adopt_outcome(
        session, publication=publication
    ):
        publications.go_on(publication, "submitted", now=now)
        return await _check(session, way, now)
    age = now - publication.claimed_at
    if publication.method == "mass" and age < publications.REPEATABLE:
        return publications.take_submit(publication, outlet=way.outlet, now=now)
    patience = publications.LOOK_FOR if looked else publications.LOOK_IN_VAIN
    # On a fast clock the patience is over before the first look.
    if publication.method == "mass" or (age >= patience and publication.checks > 0):
        await settling.doubt(session, way, "提交后没有收到微信的答复，也没有找到这一期", now=now)
        return None
    return _find(way, now)


async def _check(session: AsyncSession, way: Way, now: datetime) -> Step | None:
    publication = way.publication
    told = await publications.latest_outcome(session, publication=publication)
    if told is not None and await apply(session, way, told.status, _urls(told.facts), now=now):
        return None
    assert publication.submitted_at is not None
    assert publication.job_id is not None
    if now - publication.submitted_at >= publications.TOLD_WITHIN and publication.checks > 0:
        await settling.doubt(session, way, "提交 24 小时后仍没有结果", now=now)
        return None
    publications.take(publication, now=now)
    return Check(publications.job_kind(publication), publication.job_id)


async def _look(_: AsyncSession, way: Way, now: datetime) -> Step | None:
    if now - (way.manuscript.scheduled_at or now) > LOOK_FOR_DAYS:
        way.publication.next_at = None
        return None
    return _find(way, now)


def _find(way: Way, now: datetime) -> Step:
    publications.take(way.publication, now=now)
    one = way.publication
    return FindPublished(
        source_url(way.outlet, manuscript_id=one.manuscript_id, version=one.version, index=0)
    )


FROM: dict[str, Callable[[AsyncSession, Way, datetime], Awaitable[Step | None]]] = {
    "preparing": _prepare,
    "drafted": _submit,
    "submitting": _resolve,
    "submitted": _check,
    "by_hand": _look,
    # Over, unless something was published since that may be ours.
    "unknown": _look,
}
"""State → what leads on from it."""


async def apply(
    session: AsyncSession, way: Way, status: str, urls: tuple[str, ...], *, now: datetime
) -> bool:
    """What the platform says of the job, however often; False while it is not over."""
    publication = way.publication
    meaning = meaning_of(publications.job_kind(publication), status)
    if meaning.state == "waiting":
        return False
    publication.status, publication.urls = status, list(urls) or list(publication.urls or [])
    match meaning.state:
        case "published":
            await settling.publish(session, way, now=now)
        case "gone":
            # Whoever takes it away knows that it was there.
            if way.manuscript.state != "published":
                await settling.publish(session, way, now=now)
            await settling.gone(session, way, meaning, now=now)
        case "failed":
            await settling.fail(session, way, meaning, now=now)
        case "unknown":
            await settling.doubt(session, way, f"{meaning.reason}（{status}）", now=now)
    return True


async def _hear_late(session: AsyncSession, way: Way, now: datetime) -> None:
    """News of a job whose end is booked already: it was taken away, or the doubt is over."""
    publication, manuscript = way.publication, way.manuscript
    if manuscript.state not in {*publications.ENDS, "withdrawn"}:
        return
    told = await publications.latest_outcome(session, publication=publication)
    if told is None or told.status == publication.status:
        return
    meaning = meaning_of(publications.job_kind(publication), told.status)
    news = {"published": ("gone",), "withdrawn": ("published", "gone")}
    if meaning.state in news.get(manuscript.state, ("published", "failed", "gone")):
        await apply(session, way, told.status, _urls(told.facts), now=now)


def _urls(facts: dict[str, object]) -> tuple[str, ...]:
    urls = facts.get("urls")
    return tuple(str(one) for one in urls) if isinstance(urls, list) else ()
