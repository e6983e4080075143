"""The certificates of an organisation's people, by whose numbers a paper is checked.

Names are masked, and of those who chose to appear, until a reason is stated.
"""

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import Form, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Now, SessionDep, SettingsDep
from app.api.pages import desk_files as files
from app.api.pages.desk_asked import PAGE_ROWS, day_text
from app.api.pages.desk_files import Column, Sheet
from app.api.pages.desk_honours import HONOURS, OrgCode, SeenBy
from app.api.pages.desk_scope import Scope, scope_of
from app.api.pages.doors import AdminActor, go
from app.api.pages.frame import render
from app.api.pages.office_view import query
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.clock import local_day
from app.core.settings import Settings
from app.flows import seeing
from app.people import queries as people
from app.people import staff_acts
from app.ranking import rolls
from app.ranking.spans import ROWS_MAX
from app.recognition.certificates import number_of

CERTIFICATES = f"{HONOURS}/certificates"
router = page_router(CERTIFICATES)
PageNo = Annotated[int, Query(ge=1, le=100_000)]


@router.get("")
async def show_certificates(
    request: Request,
    actor: AdminActor,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
    org: OrgCode = None,
    seen: SeenBy = None,
    page: PageNo = 1,
) -> Response:
    """The newest first."""
    scope = await scope_of(session, actor, org)
    stated = await seeing.find_reason_for_place(
        session, actor=actor, place=scope.org, act_id=seen, now=now
    )
    offset = (page - 1) * PAGE_ROWS
    everyone = stated is not None
    rows, total = await _issued(session, scope, everyone=everyone, offset=offset, limit=PAGE_ROWS)

    def to(number: int) -> str:
        return query(
            CERTIFICATES,
            org=scope.org.code,
            seen=stated.id if stated else None,
            page=number if number > 1 else None,
        )

    return render(
        request,
        "desk/certificates.html",
        scope=scope,
        rows=[(one, _number(one, settings), day_text(one.granted_on)) for one in rows],
        total=total,
        stated=stated,
        back=query(HONOURS, org=scope.org.code),
        reason_to=query(f"{CERTIFICATES}/reasons", org=scope.org.code),
        export_to=query(f"{CERTIFICATES}/export", org=scope.org.code, seen=seen),
        before=to(page - 1) if page > 1 else None,
        after=to(page + 1) if offset + len(rows) < total else None,
        first=offset + 1,
        look_for=int(seeing.LOOK_FOR.total_seconds()) // 60,
    )


@router.post("/reasons")
@once
async def state_reason(
    request: Request,
    actor: AdminActor,
    reason: Annotated[str, Form(max_length=1000)],
    session: SessionDep,
    now: Now,
    org: OrgCode = None,
) -> Response:
    scope = await scope_of(session, actor, org)
    stated = await seeing.state_reason_for_place(
        session, actor=actor, place=scope.org, reason=reason, now=now
    )
    return go(request, query(CERTIFICATES, org=scope.org.code, seen=stated.id))


@router.post("/export")
async def export_certificates(
    actor: AdminActor,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
    org: OrgCode = None,
    seen: SeenBy = None,
) -> Response:
    """All of them, with the names that the page shows."""
    scope = await scope_of(session, actor, org)
    stated = await seeing.find_reason_for_place(
        session, actor=actor, place=scope.org, act_id=seen, now=now
    )
    rows, _ = await _issued(session, scope, everyone=stated is not None, offset=0, limit=ROWS_MAX)
    maker = await people.get_person(session, actor.person_id)
    sheet = _sheet(
        rows, scope, settings, full=stated is not None, made_by=maker.name or "", now=now
    )
    await staff_acts.note(
        session,
        person_id=actor.person_id,
        act="export.make",
        subject=f"organisation:{scope.org.id}",
        facts={
            "what": "certificates",
            "kind": "xlsx",
            "rows": len(rows),
            "names": "full" if stated else "masked",
        },
        now=now,
    )
    body = await asyncio.to_thread(files.to_xlsx, sheet)
    return files.attached(body, media_type=files.XLSX, name=f"{sheet.title}.xlsx")


async def _issued(
    session: AsyncSession, scope: Scope, *, everyone: bool, offset: int, limit: int
) -> tuple[list[rolls.Issued], int]:
    branch = scope.branch
    return await rolls.list_issued(
        session,
        org_id=branch.org_id,
        is_root=branch.is_root,
        everyone=everyone,
        offset=offset,
        limit=limit,
    )


def _sheet(
    rows: list[rolls.Issued],
    scope: Scope,
    settings: Settings,
    *,
    full: bool,
    made_by: str,
    now: datetime,
) -> Sheet:
    title = f"{scope.org.name}证书名单"
    return Sheet(
        title=title,
        notes=[_whose(rows, full=full)],
        made_by=made_by,
        made_on=day_text(local_day(now)),
        columns=[
            Column("序号", 7, 0),
            Column("证书编号", 26),
            Column("姓名", 20),
            Column("荣誉", 20),
            Column("村（社区）、单位", 26),
            Column("获得日期", 16),
        ],
        rows=[
            [
                at,
                _number(one, settings),
                one.name,
                one.honour,
                one.place or "",
                day_text(one.granted_on),
            ]
            for at, one in enumerate(rows, 1)
        ],
        file_name=title,
    )


def _number(one: rolls.Issued, settings: Settings) -> str:
    return number_of(one.honour_id, one.granted_on, secret=settings.secret_key)


def _whose(rows: list[rolls.Issued], *, full: bool) -> str:
    return (
        f"共 {len(rows):,} 张。含没有选择公开的居民，只限工作使用，请勿外传。"
        if full
        else f"共 {len(rows):,} 张。只列愿意公开的居民，姓名打码。"
    )
