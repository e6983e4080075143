"""A lesson to read: the text, the time that only the server counts, the questions, what it earned.

Without JavaScript a button takes the place of the beats; everything else is links and forms.
"""

from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Header, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Now, SessionDep, SettingsDep, public
from app.api.lessons import LessonId, Via, delivery_of
from app.api.pages.doors import MaybeVisit, WebVisit, go, here, with_next
from app.api.pages.forgery import Form
from app.api.pages.frame import CSP, render
from app.api.pages.prose import shown_html
from app.api.pages.purse import promised, purse_of, signed
from app.api.pages.repeats import KEY_LENGTH_MAX, KEY_LENGTH_MIN, once
from app.api.pages.router import page_router
from app.content import queries as content
from app.content.queries import LessonView, QuestionView
from app.content.rules import BadAnswer
from app.core import clock
from app.core import once as keys
from app.core.clock import local_day
from app.credit_bank.statements import duration_text
from app.flows import completion
from app.flows.lesson_results import earned_by, last_try
from app.flows.lessons import open_lesson
from app.learning import queries as learning
from app.recognition.certificates import number_of
from app.recognition.rules import BY_CODE

router = page_router("/lessons")
BEAT_SECONDS = 15
"""Of the service's clock, which may run faster than the phone's while one develops."""
OPTIONS_MAX = 100
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=KEY_LENGTH_MIN,
        max_length=KEY_LENGTH_MAX,
        pattern=r"^[\x21-\x7e]*$",
    ),
]


@router.get("/{lesson_id}")
@public
async def show_lesson(
    request: Request,
    lesson_id: LessonId,
    visit: MaybeVisit,
    session: SessionDep,
    now: Now,
    via: Via = None,
) -> Response:
    """To be read by everybody; who is signed in learns and earns."""
    if visit is not None:
        person_id = visit.actor.person_id
        return await _page(
            request, session, person_id=person_id, lesson_id=lesson_id, via=via, now=now
        )
    if via is not None:
        # By a group's link, where the text has just been read: what is left to do is to earn.
        return go(request, with_next("/login", here(request)))
    lesson = await content.get_lesson(session, lesson_id=lesson_id)
    worth = await promised(session, seconds=lesson.required_seconds, day=local_day(now))
    return render(
        request,
        "resident/lesson_public.html",
        headers=headers_for(lesson),
        lesson=lesson,
        prose=shown_html(request, lesson.html),
        worth=worth,
        login=with_next("/login", here(request)),
    )


@router.post("/{lesson_id}/beat")
async def beat(
    request: Request,
    lesson_id: LessonId,
    visit: WebVisit,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
    key: Key = None,
    via: Via = None,
) -> Response:
    """Somebody is reading this right now. A beat that arrives twice counts no time twice.

    One that earned something is remembered by its key: if its answer got lost, it is told again.
    """
    person_id = visit.actor.person_id
    told = None if key is None else await session.get(keys.RequestKey, (person_id, key))
    if told is not None and told.answer is not None and told.asked == _asked(request):
        return JSONResponse(told.answer)
    outcome = await completion.beat(
        session, person_id=person_id, lesson_id=lesson_id, via=delivery_of(via, settings), now=now
    )
    if "application/json" not in request.headers.get("accept", ""):
        return go(request, _address(lesson_id, via))
    progress = learning.progress_of(outcome.study)
    said: dict[str, Any] = {
        "seconds": progress.seconds,
        "required_seconds": outcome.required_seconds,
        "said": _time_said(progress.seconds, outcome.required_seconds),
        "passed": outcome.passed,
        "completed": outcome.completed,
        "awards": len(outcome.awards),
    }
    if key is not None and outcome.awards:
        row = await keys.begin(
            session, person_id=person_id, key=key, asked=_asked(request), now=now
        )
        row.answer = said
    return JSONResponse(said)


@router.post("/{lesson_id}/answers")
@once
async def answer(
    request: Request,
    lesson_id: LessonId,
    form: Form,
    visit: WebVisit,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
    via: Via = None,
) -> Response:
    """An attempt with a question left out is none: the form comes back as it was."""
    person_id = visit.actor.person_id
    opened = await open_lesson(session, person_id=person_id, lesson_id=lesson_id)
    chosen = {one.id: _chosen(form.getlist(f"q{one.id}")) for one in opened.lesson.questions}
    if not all(chosen.values()):
        return await _page(
            request,
            session,
            person_id=person_id,
            lesson_id=lesson_id,
            via=via,
            typed=chosen,
            now=now,
        )
    outcome = await completion.answer(
        session,
        person_id=person_id,
        lesson_id=lesson_id,
        answers=chosen,
        via=delivery_of(via, settings),
        now=now,
    )
    if outcome.completed:
        return go(request, f"/lessons/{lesson_id}/result")
    return go(request, _address(lesson_id, via))


@router.get("/{lesson_id}/result")
async def show_result(
    request: Request,
    lesson_id: LessonId,
    visit: WebVisit,
    session: SessionDep,
    settings: SettingsDep,
) -> Response:
    """What the lesson brought, read from the books: it can be opened again at any time."""
    person_id = visit.actor.person_id
    opened = await open_lesson(session, person_id=person_id, lesson_id=lesson_id)
    if opened.study is None or opened.study.completed_at is None:
        return go(request, f"/lessons/{lesson_id}")
    earned = await earned_by(session, person_id=person_id, study_id=opened.study.id)
    learned = await learning.learned_lesson_ids(session, person_id=person_id)
    next_id = await content.newest_unlearned_id(session, learned=learned)
    return render(
        request,
        "resident/result.html",
        lesson=opened.lesson,
        study=opened.study,
        points=any(line.unit.code == "points" for line in earned.lines),
        earned=[(signed(line), line.rule.name if line.rule else "") for line in earned.lines],
        honours=[
            (
                one,
                BY_CODE[one.code].meaning,
                number_of(one.id, one.granted_on, secret=settings.secret_key),
            )
            for one in earned.honours
        ],
        purse=await purse_of(session, person_id=person_id),
        next_id=None if next_id in learned else next_id,
        tried=await last_try(session, opened=opened),
    )


async def _page(
    request: Request,
    session: AsyncSession,
    *,
    person_id: int,
    lesson_id: int,
    via: str | None,
    typed: dict[int, list[int]] | None = None,
    now: Any,
) -> Response:
    """The lesson with what this person has done of it; `typed`: answers of which some lack."""
    opened = await open_lesson(session, person_id=person_id, lesson_id=lesson_id)
    lesson, progress = opened.lesson, learning.progress_of(opened.study)
    tried = await last_try(session, opened=opened)
    waits = 0
    if progress.retry_at is not None and not progress.passed:
        waits = max(int((progress.retry_at - now).total_seconds()) + 1, 0)
    query = f"?via={quote(via)}" if via else ""
    return render(
        request,
        "resident/lesson.html",
        status=422 if typed else 200,
        headers=headers_for(lesson),
        lesson=lesson,
        prose=shown_html(request, lesson.html),
        progress=progress,
        time_said=_time_said(progress.seconds, lesson.required_seconds),
        worth=await promised(session, seconds=lesson.required_seconds, day=local_day(now)),
        questions=[(one, *_state(one, tried, typed)) for one in lesson.questions],
        missing=sum(not one for one in typed.values()) if typed else 0,
        tried=tried,
        waits=waits,
        wait_ms=int(clock.real_seconds(waits) * 1000),
        beat_ms=max(int(clock.real_seconds(BEAT_SECONDS) * 1000), 200),
        query=query,
    )


def _state(
    question: QuestionView, tried: Any, typed: dict[int, list[int]] | None
) -> tuple[list[int], Any]:
    """What is ticked, and how it was graded (None: not, or changed since)."""
    if typed is not None:
        return typed.get(question.id, []), None
    if tried is None:
        return [], None
    return tried.chosen.get(question.id, []), tried.results.get(question.id)


def headers_for(lesson: LessonView) -> dict[str, str]:
    """The policy of all pages; where the recording stands with another host, that host for it."""
    place = urlsplit(lesson.media_url or "")
    if not place.netloc or not place.netloc.isascii() or set(place.netloc) & set(" ;,'\"@"):
        return {}
    return {"Content-Security-Policy": f"{CSP}; media-src 'self' {place.scheme}://{place.netloc}"}


def _chosen(given: list[Any]) -> list[int]:
    options = []
    for one in given:
        if not (isinstance(one, str) and one.isascii() and one.isdigit() and len(one) <= 2):  # noqa: PLR2004  below OPTIONS_MAX
            raise BadAnswer
        options.append(int(one))
    return options


def _time_said(seconds: int, required: int) -> str:
    return f"{duration_text(min(seconds, required))} / {duration_text(required)}"


def _address(lesson_id: int, via: str | None) -> str:
    return f"/lessons/{lesson_id}" + (f"?via={quote(via)}" if via else "")


def _asked(request: Request) -> str:
    return keys.digest_of_request(request.method, request.url.path, b"")
