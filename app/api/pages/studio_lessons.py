"""Lessons in the studio: the shelf, one lesson as residents will see it, and its going out."""

from typing import Annotated

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.api.deps import Cursor, EmptyIsAbsent, Now, SessionDep
from app.api.pages.doors import StudioPerson, go
from app.api.pages.forgery import Form
from app.api.pages.prose import shown_html
from app.api.pages.router import page_router
from app.api.pages.studio_scope import Id, places_of, show, text_in
from app.content import shelf
from app.content.shelf import ShelfLesson
from app.core.errors import Invalid
from app.flows import lesson_desk
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor

router = page_router("/studio/lessons")
KINDS = (("article", "文章"), ("video", "视频"), ("audio", "音频"))
STATES = (
    ("draft", "草稿"),
    ("changed", "有改动未发布"),
    ("on_show", "已发布"),
    ("withdrawn", "已下架"),
)


@router.get("")
async def list_lessons(
    request: Request,
    actor: StudioPerson,
    session: SessionDep,
    q: Annotated[str, Query(max_length=64)] = "",
    state: Annotated[str | None, Query(max_length=20), EmptyIsAbsent] = None,
    cursor: Cursor = None,
) -> Response:
    page = await shelf.list_shelf(
        session,
        org_ids=[one.id for one in await places_of(session, actor)],
        common=policy.can_write(actor, await people.root_ids(session)),
        state=state if state in dict(STATES) else None,
        q=q,
        cursor=cursor,
    )
    return show(
        request, "lessons.html", rows=page.items, next_cursor=page.next, q=q, state=state,
        states=STATES,
    )  # fmt: skip


@router.get("/{lesson_id}")
async def show_lesson(
    request: Request, lesson_id: Id, actor: StudioPerson, session: SessionDep
) -> Response:
    lesson = await shelf.get_shelf_lesson(session, lesson_id=lesson_id)
    return await shown(request, session, actor, lesson)


@router.post("/{lesson_id}/publish")
async def publish_lesson(
    request: Request, lesson_id: Id, form: Form, actor: StudioPerson, session: SessionDep, now: Now
) -> Response:
    """By an editor or an administrator of its place, of exactly the version they looked at."""
    await _publishable(session, actor, lesson_id)
    await lesson_desk.publish(
        session,
        lesson_id=lesson_id,
        digest=text_in(form, "digest"),
        by_id=actor.person_id,
        now=now,
    )
    return go(request, f"/studio/lessons/{lesson_id}?said=published")


@router.post("/{lesson_id}/withdraw")
async def withdraw_lesson(
    request: Request, lesson_id: Id, form: Form, actor: StudioPerson, session: SessionDep, now: Now
) -> Response:
    lesson = await _publishable(session, actor, lesson_id)
    try:
        async with session.begin_nested():
            await lesson_desk.withdraw(
                session,
                lesson_id=lesson_id,
                reason=text_in(form, "reason"),
                by_id=actor.person_id,
                now=now,
            )
    except Invalid as problem:
        return await shown(request, session, actor, lesson, refused=problem.detail, status=400)
    return go(request, f"/studio/lessons/{lesson_id}?said=unshown")


async def editable(session: AsyncSession, actor: Actor, lesson_id: int) -> ShelfLesson:
    """For who may write at its place. Raises LessonNotFound, NotYourBranch."""
    lesson = await shelf.get_shelf_lesson(session, lesson_id=lesson_id)
    if not policy.can_write(actor, await lesson_desk.lineage_of(session, lesson.org_id)):
        raise NotYourBranch
    return lesson


async def _publishable(session: AsyncSession, actor: Actor, lesson_id: int) -> ShelfLesson:
    lesson = await shelf.get_shelf_lesson(session, lesson_id=lesson_id)
    if not policy.can_publish(actor, await lesson_desk.lineage_of(session, lesson.org_id)):
        raise NotYourBranch
    return lesson


async def shown(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    lesson: ShelfLesson,
    *,
    refused: str = "",
    status: int = 200,
) -> Response:
    """Drafts are for who writes or publishes at their place; what is on show is everybody's."""
    lineage = await lesson_desk.lineage_of(session, lesson.org_id)
    writes = policy.can_write(actor, lineage)
    if lesson.state != "on_show" and not writes:
        raise NotYourBranch
    names = await people.names_of(session, [lesson.author_id] if lesson.author_id else [])
    place = None if lesson.org_id is None else await people.get_organisation(session, lesson.org_id)
    return show(
        request,
        "lesson.html",
        status=status,
        lesson=lesson,
        prose=shown_html(request, lesson.html),
        place=place,
        author=names.get(lesson.author_id or 0),
        writes=writes,
        publishes=policy.can_publish(actor, lineage),
        kinds=dict(KINDS),
        states=dict(STATES),
        refused=refused,
    )
