"""A day's push in three minutes: the day, a lesson, a few words, and off to the first review."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData

from app.api.deps import EmptyIsAbsent, Now, SessionDep
from app.api.pages.doors import StudioPerson, go
from app.api.pages.forgery import Form
from app.api.pages.router import page_router
from app.api.pages.studio_scope import Id, number_in, place_for, places_of, show, text_in
from app.api.review_steps import manuscript_for
from app.content import queries as content
from app.content.errors import LessonNotFound
from app.content.queries import LessonSummary
from app.core.clock import local_day
from app.core.errors import DomainError
from app.editorial import queries
from app.editorial.errors import DigestStale, ManuscriptExists, NotInThisState
from app.editorial.models import Manuscript
from app.editorial.rules import CHANGEABLE
from app.flows import editorial, push_drafts
from app.flows.push_drafts import PushDateUnsuitable, PushTextUnsuitable
from app.people import policy
from app.people import queries as people
from app.people.models import Organisation
from app.people.policy import Actor
from app.push import planning, plans
from app.push.planner import monday_of
from app.push.texts import PUSH_TEXT_MAX

router = page_router("/studio/manuscripts")
DAYS_SHOWN, LESSONS_SHOWN = 14, 6
FIELDS: dict[type[DomainError], str] = {
    PushDateUnsuitable: "day",
    ManuscriptExists: "day",
    PushTextUnsuitable: "text",
    LessonNotFound: "lesson",
}


@dataclass(frozen=True)
class Typed:
    """The form as it is. `digest` is of the content it was opened with; "" for a new push."""

    org: Organisation
    day: date | None
    lesson_id: int | None
    text: str
    q: str = ""
    digest: str = ""


@router.get("/new-push")
async def new_push(
    request: Request,
    actor: StudioPerson,
    session: SessionDep,
    now: Now,
    org: Annotated[str | None, Query(max_length=64), EmptyIsAbsent] = None,
    day: Annotated[date | None, Query(), EmptyIsAbsent] = None,
    lesson: Annotated[int | None, Query(ge=1, lt=2**63), EmptyIsAbsent] = None,
) -> Response:
    """Filled in as far as can be: the next free day, the lesson that was never pushed."""
    place = await place_for(session, actor, org)
    taken = await taken_days(session, place, local_day(now))
    free = [one for one in days_from(local_day(now)) if one not in taken]
    chosen = day if day in free else next(iter(free[1:] or free), None)
    lesson_id = lesson or await planning.next_lesson_id(session, org_id=place.id)
    text = ""
    if lesson_id is not None:
        text = (await content.get_lesson(session, lesson_id=lesson_id)).summary[:PUSH_TEXT_MAX]
    typed = Typed(org=place, day=chosen, lesson_id=lesson_id, text=text)
    return await _form(request, session, actor, typed, now=now)


@router.post("/new-push")
async def write_push(
    request: Request, form: Form, actor: StudioPerson, session: SessionDep, now: Now
) -> Response:
    typed = await _typed(session, actor, form)
    if text_in(form, "do") == "search":
        return await _form(request, session, actor, typed, now=now)
    errors = _missing(typed)
    if errors:
        return await _form(request, session, actor, typed, errors=errors, now=now)
    assert typed.day is not None
    assert typed.lesson_id is not None
    try:
        async with session.begin_nested():
            made = await push_drafts.write(
                session,
                day=typed.day,
                org_id=typed.org.id,
                lesson_id=typed.lesson_id,
                text=typed.text,
                author_id=actor.person_id,
                now=now,
            )
    except tuple(FIELDS) as problem:
        errors = {FIELDS[type(problem)]: _said(problem)}
        return await _form(request, session, actor, typed, errors=errors, now=now)
    return await _then(request, session, form, made, actor, now=now)


@router.get("/{manuscript_id}/push")
async def edit_push(
    request: Request, manuscript_id: Id, actor: StudioPerson, session: SessionDep, now: Now
) -> Response:
    manuscript = await _push(session, actor, manuscript_id)
    typed = await _current(session, manuscript)
    return await _form(request, session, actor, typed, manuscript=manuscript, now=now)


@router.post("/{manuscript_id}/push")
async def change_push(
    request: Request,
    manuscript_id: Id,
    form: Form,
    actor: StudioPerson,
    session: SessionDep,
    now: Now,
) -> Response:
    """Who was second sees both: what the other wrote, and their own words still in the form."""
    manuscript = await _push(session, actor, manuscript_id)
    current = await _current(session, manuscript)
    typed = replace(await _typed(session, actor, form, org=current.org), day=current.day)
    if text_in(form, "do") == "search":
        return await _form(request, session, actor, typed, manuscript=manuscript, now=now)
    errors = _missing(typed)
    theirs = None
    if not errors:
        assert typed.lesson_id is not None
        try:
            async with session.begin_nested():
                manuscript = await push_drafts.change(
                    session,
                    manuscript_id=manuscript_id,
                    lesson_id=typed.lesson_id,
                    text=typed.text,
                    by_id=actor.person_id,
                    based_on=typed.digest,
                    now=now,
                )
        except DigestStale:
            theirs, typed = current, replace(typed, digest=current.digest)
        except tuple(FIELDS) as problem:
            errors = {FIELDS[type(problem)]: _said(problem)}
        else:
            return await _then(request, session, form, manuscript, actor, now=now)
    return await _form(
        request, session, actor, typed, manuscript=manuscript, errors=errors, theirs=theirs, now=now
    )


async def taken_days(session: AsyncSession, place: Organisation, today: date) -> set[date]:
    """The days of the next weeks on which this place has a push that was not withdrawn."""
    taken = set()
    for week in range(DAYS_SHOWN // 7 + 1):
        monday = monday_of(today) + timedelta(weeks=week)
        for one, code, day in await plans.pushes_of_week(session, monday=monday, org_id=place.id):
            if code == place.code and one.state != "withdrawn":
                taken.add(date.fromisoformat(day))
    return taken


def days_from(today: date) -> list[date]:
    return [today + timedelta(days=number) for number in range(DAYS_SHOWN)]


async def _push(session: AsyncSession, actor: Actor, manuscript_id: int) -> Manuscript:
    manuscript = await manuscript_for(
        session, kind="push", manuscript_id=manuscript_id, actor=actor, may=policy.can_write
    )
    if manuscript.state not in CHANGEABLE:
        raise NotInThisState(state=manuscript.state)
    return manuscript


async def _current(session: AsyncSession, manuscript: Manuscript) -> Typed:
    body = await queries.body_of(session, manuscript_id=manuscript.id)
    return Typed(
        org=await people.get_organisation(session, manuscript.org_id),
        day=date.fromisoformat(body["date"]),
        lesson_id=body["lesson_id"],
        text=body["text"],
        digest=manuscript.digest,
    )


async def _typed(
    session: AsyncSession, actor: Actor, form: FormData, org: Organisation | None = None
) -> Typed:
    try:
        day = date.fromisoformat(text_in(form, "day"))
    except ValueError:
        day = None
    return Typed(
        org=org or await place_for(session, actor, text_in(form, "org")[:64]),
        day=day,
        lesson_id=number_in(form, "lesson"),
        text=text_in(form, "text"),
        q=text_in(form, "q")[:64],
        digest=text_in(form, "digest"),
    )


def _missing(typed: Typed) -> dict[str, str]:
    errors = {}
    if typed.day is None:
        errors["day"] = "请选一天"
    if typed.lesson_id is None:
        errors["lesson"] = "请选一课"
    return errors


def _said(problem: DomainError) -> str:
    if isinstance(problem, ManuscriptExists):
        return "这一天已经有推送了，请换一天，或者打开那一份来改"
    return problem.detail


async def _then(
    request: Request,
    session: AsyncSession,
    form: FormData,
    manuscript: Manuscript,
    actor: Actor,
    *,
    now: Now,
) -> Response:
    said = "saved"
    # Unchanged, it is as far on its way as it was.
    if text_in(form, "do") == "submit" and manuscript.state in ("draft", "first_review"):
        await editorial.submit(session, manuscript_id=manuscript.id, by_id=actor.person_id, now=now)
        said = "submitted"
    return go(request, f"/studio/manuscripts/{manuscript.id}?said={said}")


async def _lessons(session: AsyncSession, typed: Typed) -> list[LessonSummary]:
    """What was found, and what is chosen already at its head."""
    found = (await content.list_lessons(session, q=typed.q, limit=LESSONS_SHOWN)).items
    if typed.lesson_id is None or typed.lesson_id in {one.id for one in found}:
        return found
    try:
        chosen = await content.get_lesson(session, lesson_id=typed.lesson_id)
    except LessonNotFound:
        return found
    return [chosen, *found]


async def _form(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    typed: Typed,
    *,
    manuscript: Manuscript | None = None,
    errors: dict[str, str] | None = None,
    theirs: Typed | None = None,
    now: Now,
) -> Response:
    today = local_day(now)
    taken = await taken_days(session, typed.org, today) if manuscript is None else set()
    return show(
        request,
        "push.html",
        status=409 if theirs else 400 if errors else 200,
        typed=typed,
        manuscript=manuscript,
        errors=errors or {},
        theirs=theirs,
        orgs=await places_of(session, actor),
        days=[one for one in days_from(today) if one not in taken],
        lessons=await _lessons(session, typed),
        theirs_lesson=theirs and await _title(session, theirs.lesson_id),
        text_max=PUSH_TEXT_MAX,
    )


async def _title(session: AsyncSession, lesson_id: int | None) -> str:
    try:
        assert lesson_id is not None
        return (await content.get_lesson(session, lesson_id=lesson_id)).title
    except LessonNotFound:
        return "（已下架的课）"
