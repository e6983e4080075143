"""The text of a lesson: a form with the editor; every save is a version, none of them on show."""

import re

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData

from app.api.deps import Now, SessionDep, SettingsDep
from app.api.pages.doors import StudioPerson, go
from app.api.pages.forgery import Form
from app.api.pages.repeats import BadRequestKey
from app.api.pages.router import page_router
from app.api.pages.studio_editor import CSP, Body, editor_facts, read_body
from app.api.pages.studio_lessons import KINDS, editable
from app.api.pages.studio_scope import Id, place_for, places_of, show, text_in
from app.content import rules, shelf
from app.content.errors import LessonChanged
from app.content.lesson_draft import SUMMARY_LENGTH
from app.content.lesson_form import LessonForm, LessonFormFaulty, draft_of
from app.content.platforms import PLATFORMS
from app.content.sanitise import plain_text
from app.content.shelf import ShelfLesson
from app.core.rich_text import to_markdown
from app.flows import lesson_desk
from app.people.models import Organisation
from app.people.policy import Actor

router = page_router("/studio/lessons")
ONCE = re.compile(r"[0-9a-f]{32}")
FIELDS = (
    *("title", "kind", "platform", "audience", "summary", "source"),
    *("media_url", "required_seconds"),
)


@router.get("/new")
async def new_lesson(request: Request, actor: StudioPerson, session: SessionDep) -> Response:
    typed = dict.fromkeys(FIELDS, "") | {"kind": "article", "platform": "微讲堂"}
    return await _form(request, session, actor, typed, Body(""))


@router.post("/new")
async def write_lesson(
    request: Request,
    form: Form,
    actor: StudioPerson,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
) -> Response:
    place = await place_for(session, actor, text_in(form, "org")[:64])
    made = text_in(form, "once")
    if not ONCE.fullmatch(made):
        raise BadRequestKey
    written = await read_body(
        request, session, form, settings=settings, by_id=actor.person_id, now=now
    )
    typed, errors = _typed(form), dict(written.errors)
    key = f"w{actor.person_id}-{made}"
    try:
        draft = draft_of(LessonForm(**typed, markdown=written.markdown), key=key)
    except LessonFormFaulty as problem:
        errors = {**problem.faults, **errors}
    if errors:
        return await _form(request, session, actor, typed, written, place=place, errors=errors)
    # Sent twice it is the same lesson: its key is this form's own.
    lesson = await lesson_desk.keep(
        session, draft=draft, org_id=place.id, by_id=actor.person_id, based_on=None, now=now
    )
    return go(request, _where(form, lesson.id, written))


@router.get("/{lesson_id}/edit")
async def edit_lesson(
    request: Request, lesson_id: Id, actor: StudioPerson, session: SessionDep
) -> Response:
    lesson = await editable(session, actor, lesson_id)
    return await _form(
        request, session, actor, typed_of(lesson), Body(to_markdown(lesson.html)), lesson=lesson
    )


@router.post("/{lesson_id}/edit")
async def change_lesson(
    request: Request,
    lesson_id: Id,
    form: Form,
    actor: StudioPerson,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
) -> Response:
    """Who was second sees both: the other's lesson, and their own text still in the form."""
    lesson = await editable(session, actor, lesson_id)
    written = await read_body(
        request, session, form, settings=settings, by_id=actor.person_id, now=now
    )
    typed, errors = _typed(form), dict(written.errors)
    stale = text_in(form, "digest") != lesson.digest
    try:
        draft = draft_of(
            LessonForm(**typed, markdown=written.markdown),
            key=lesson.key,
            questions=lesson.questions,
        )
    except LessonFormFaulty as problem:
        errors = {**problem.faults, **errors}
    if not errors and (not stale or draft.digest == lesson.digest):
        try:
            async with session.begin_nested():
                await lesson_desk.keep(
                    session,
                    draft=draft,
                    org_id=lesson.org_id,
                    by_id=actor.person_id,
                    based_on=lesson.digest,
                    now=now,
                )
        except LessonChanged:
            stale, lesson = True, await shelf.get_shelf_lesson(session, lesson_id=lesson_id)
        else:
            return go(request, _where(form, lesson_id, written))
    return await _form(
        request, session, actor, typed, written, lesson=lesson, errors=errors,
        stale=stale and not errors, digest=text_in(form, "digest") if errors else None,
    )  # fmt: skip


def typed_of(lesson: ShelfLesson) -> dict[str, str]:
    """As it would be typed: what follows from the text by itself is left out."""
    plain = plain_text(lesson.html)
    seconds = "" if lesson.required_seconds == rules.reading_seconds(plain, lesson.kind) else None
    usual = " ".join(plain.split())[:SUMMARY_LENGTH]
    return {
        "title": lesson.title,
        "kind": lesson.kind,
        "platform": lesson.platform,
        "audience": "、".join(lesson.audience),
        "summary": "" if lesson.summary == usual else lesson.summary,
        "source": lesson.source,
        "media_url": lesson.media_url or "",
        "required_seconds": str(lesson.required_seconds) if seconds is None else seconds,
    }


def _typed(form: FormData) -> dict[str, str]:
    return {name: text_in(form, name) for name in FIELDS}


def _where(form: FormData, lesson_id: int, written: Body) -> str:
    if written.came_in or text_in(form, "do") == "stay":
        return f"/studio/lessons/{lesson_id}/edit?said=saved"
    if text_in(form, "do") == "questions":
        return f"/studio/lessons/{lesson_id}/questions?said=saved"
    return f"/studio/lessons/{lesson_id}?said=saved"


async def _form(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    typed: dict[str, str],
    written: Body,
    *,
    place: Organisation | None = None,
    lesson: ShelfLesson | None = None,
    errors: dict[str, str] | None = None,
    stale: bool = False,
    digest: str | None = None,
) -> Response:
    return show(
        request,
        "lesson_form.html",
        status=409 if stale else 400 if errors else 200,
        headers={"Content-Security-Policy": CSP},
        typed=typed,
        lesson=lesson,
        theirs=typed_of(lesson) | {"markdown": to_markdown(lesson.html)}
        if lesson and stale
        else None,
        digest=digest or (lesson.digest if lesson else ""),
        errors=errors or {},
        place=place,
        orgs=await places_of(session, actor),
        platforms=[(one.name, one.name) for one in PLATFORMS],
        kinds=KINDS,
        **editor_facts(request, written),
    )
