"""The questions of a lesson: a simple form, or a spreadsheet made from the template."""

import asyncio
from dataclasses import replace
from urllib.parse import quote

from fastapi import Request, Response
from starlette.datastructures import FormData

from app.api.deps import Now, SessionDep
from app.api.pages.doors import StudioPerson, go
from app.api.pages.forgery import Form
from app.api.pages.router import page_router
from app.api.pages.studio_lesson_text import typed_of
from app.api.pages.studio_lessons import editable
from app.api.pages.studio_scope import Id, file_in, show, text_in
from app.content import question_sheet
from app.content.errors import LessonChanged
from app.content.lesson_draft import OPTIONS_MAX, QUESTIONS_MAX
from app.content.lesson_form import (
    LessonForm,
    LessonFormFaulty,
    QuestionForm,
    draft_of,
    questions_of,
)
from app.content.question_sheet import SheetFaulty
from app.content.shelf import ShelfLesson
from app.core.errors import Invalid
from app.core.rich_text import to_markdown
from app.flows import lesson_desk

router = page_router("/studio/lessons")
KINDS = (("single", "单选"), ("multiple", "多选"), ("judge", "判断"))
OPTIONS_SHOWN = 4
BLANK = QuestionForm("single", "", ("",) * OPTIONS_SHOWN, (), "")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/questions.xlsx")
async def download_template(actor: StudioPerson) -> Response:
    assert actor
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote('题目模板.xlsx')}"}
    content = await asyncio.to_thread(question_sheet.template)
    return Response(content, media_type=XLSX, headers=headers)


@router.get("/{lesson_id}/questions")
async def edit_questions(
    request: Request, lesson_id: Id, actor: StudioPerson, session: SessionDep
) -> Response:
    lesson = await editable(session, actor, lesson_id)
    return _form(request, lesson, _forms(lesson))


@router.post("/{lesson_id}/questions")
async def save_questions(
    request: Request, lesson_id: Id, form: Form, actor: StudioPerson, session: SessionDep, now: Now
) -> Response:
    """Another blank question, the rows of a spreadsheet, or everything kept as a new version."""
    lesson = await editable(session, actor, lesson_id)
    forms, digest = _typed(form), text_in(form, "digest")
    if text_in(form, "do") == "more":
        return _form(request, lesson, [*forms, BLANK], digest=digest)
    if text_in(form, "do") == "import":
        return await _import(request, lesson, form, forms, digest)
    try:
        questions = questions_of(forms)
    except LessonFormFaulty as problem:
        return _form(request, lesson, forms, errors=problem.faults, digest=digest, status=400)
    fields, markdown = typed_of(lesson), to_markdown(lesson.html)
    draft = draft_of(LessonForm(**fields, markdown=markdown), key=lesson.key, questions=questions)
    # The text stays as it was, to the letter.
    draft = replace(draft, html=lesson.html)
    if digest != lesson.digest:
        return _form(request, lesson, forms, stale=True, status=409)
    try:
        async with session.begin_nested():
            await lesson_desk.keep(
                session,
                draft=draft,
                org_id=lesson.org_id,
                by_id=actor.person_id,
                based_on=digest,
                now=now,
            )
    except LessonChanged:
        return _form(request, lesson, forms, stale=True, status=409)
    return go(request, f"/studio/lessons/{lesson_id}?said=saved")


async def _import(
    request: Request,
    lesson: ShelfLesson,
    form: FormData,
    forms: list[QuestionForm],
    digest: str,
) -> Response:
    """The rows stand in the form, to be looked at before they are saved."""
    file = file_in(form, "sheet")
    # One byte too many is enough to refuse the rest.
    content = b"" if file is None else await file.read(question_sheet.FILE_BYTES_MAX + 1)
    try:
        sheet = await asyncio.to_thread(question_sheet.read_sheet, content)
    except SheetFaulty as problem:
        lines = problem.lines[:10]
        return _form(
            request, lesson, forms, sheet_errors=[*lines, *(["……"] if problem.lines[10:] else [])],
            digest=digest, status=400,
        )  # fmt: skip
    except Invalid as problem:
        return _form(
            request, lesson, forms, sheet_errors=[problem.detail], digest=digest, status=400
        )
    whole = [one for one in forms if not one.is_blank] + [_padded(one) for one in sheet.questions]
    return _form(
        request, lesson, whole, digest=digest, imported=len(sheet.questions),
        formulas=sheet.formulas,
    )  # fmt: skip


def _forms(lesson: ShelfLesson) -> list[QuestionForm]:
    made = [
        _padded(QuestionForm(one.kind, one.text, one.options, one.answer, one.why))
        for one in lesson.questions
    ]
    return [*made, *([BLANK] if len(made) < QUESTIONS_MAX else [])]


def _padded(form: QuestionForm) -> QuestionForm:
    """With room for four options."""
    kept = tuple(form.options)
    while len(kept) > OPTIONS_SHOWN and not kept[-1]:
        kept = kept[:-1]
    return replace(form, options=kept + ("",) * (OPTIONS_SHOWN - len(kept)))


def _typed(form: FormData) -> list[QuestionForm]:
    """q1_text, q1_option0 …, q1_answer (many), and so on until there is no more."""
    forms = []
    for number in range(1, QUESTIONS_MAX * 2 + 1):
        if form.get(f"q{number}_kind") is None:
            break
        if text_in(form, f"q{number}_gone"):
            continue
        options = tuple(
            text_in(form, f"q{number}_option{index}")
            for index in range(OPTIONS_MAX)
            if form.get(f"q{number}_option{index}") is not None
        )
        answer = tuple(
            int(one)
            for one in form.getlist(f"q{number}_answer")
            if isinstance(one, str) and one in "01234567" and len(one) == 1
        )
        forms.append(
            QuestionForm(
                kind=text_in(form, f"q{number}_kind"),
                text=text_in(form, f"q{number}_text"),
                options=options,
                answer=answer,
                why=text_in(form, f"q{number}_why"),
            )
        )
    return forms


def _form(
    request: Request,
    lesson: ShelfLesson,
    forms: list[QuestionForm],
    *,
    errors: dict[str, str] | None = None,
    sheet_errors: list[str] | None = None,
    digest: str | None = None,
    imported: int = 0,
    formulas: int = 0,
    stale: bool = False,
    status: int = 200,
) -> Response:
    return show(
        request,
        "questions.html",
        status=status,
        lesson=lesson,
        forms=forms,
        kinds=KINDS,
        errors=errors or {},
        sheet_errors=sheet_errors or [],
        digest=digest or lesson.digest,
        imported=imported,
        formulas=formulas,
        stale=stale,
        most=QUESTIONS_MAX,
    )
