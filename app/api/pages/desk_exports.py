"""The rankings as files. Who took which numbers out of the house stands in the audit log."""

import asyncio
from typing import Annotated

from fastapi import Form, Query, Response

from app.api.deps import Now, SessionDep
from app.api.pages import desk_figures as figures
from app.api.pages import desk_files as files
from app.api.pages.desk_asked import Asked, day_text
from app.api.pages.desk_files import Cell, Column, Sheet, plain
from app.api.pages.desk_rankings import Board, board_of
from app.api.pages.doors import AdminActor
from app.api.pages.router import page_router
from app.core.clock import local_day, local_text
from app.credit_bank.models import Unit
from app.people import queries as people
from app.people import staff_acts
from app.ranking.spans import Row

router = page_router("/desk/rankings")
Kind = Annotated[str, Form(alias="kind", pattern="^(xlsx|csv)$")]


@router.post("/export")
async def export_rankings(
    actor: AdminActor,
    asked: Annotated[Asked, Query()],
    kind: Kind,
    session: SessionDep,
    now: Now,
) -> Response:
    """All rows of the board at this address, as a workbook or as CSV."""
    board = await board_of(session, actor, asked, whole=True, now=now)
    person = await people.get_person(session, actor.person_id)
    sheet = sheet_of(board, made_by=person.name or "")
    await staff_acts.note(
        session,
        person_id=actor.person_id,
        act="export.make",
        subject=f"organisation:{board.scope.org.id}",
        facts={
            "what": "rankings",
            "kind": kind,
            "rows": len(sheet.rows),
            "asked": dict(asked.fields(page=1)),
        },
        now=now,
    )
    if kind == "csv":
        body, media_type = files.to_csv(sheet), files.CSV
    else:
        # Ten thousand rows are a second of work: others are served meanwhile.
        body, media_type = await asyncio.to_thread(files.to_xlsx, sheet), files.XLSX
    return files.attached(body, media_type=media_type, name=f"{sheet.file_name}.{kind}")


def sheet_of(board: Board, *, made_by: str) -> Sheet:
    asked, unit, sums = board.asked, board.unit, board.found.sums
    rows = [_cells(row, board) for row in board.found.rows]
    total = Row(
        rank=0,
        subject_id=0,
        code="",
        name="合计",
        place="",
        amount=sums.amount,
        per_member=(2 * sums.amount + sums.members) // (2 * sums.members) if sums.members else 0,
        members=sums.members,
        learners=sums.learners,
        before=sums.before,
    )
    columns = _columns(board, unit)
    measure = "人均" if asked.sort == "per_member" else "合计"
    value_at = next(at for at, one in enumerate(columns) if one.head.startswith(measure))
    return Sheet(
        title=board.title,
        notes=[f"导出时间：{local_text(board.as_of)}", *board.notes],
        made_by=made_by,
        made_on=day_text(local_day(board.as_of)),
        columns=columns,
        rows=rows,
        foot=["", *_cells(total, board)[1:]] if rows else (),
        chart=(2, value_at),
        file_name=board.title,
    )


def _columns(board: Board, unit: Unit) -> list[Column]:
    of_people, beside = board.asked.of == "people", board.asked.compares
    some = [
        Column("名次", 7, 0),
        Column("编号", 16),
        Column("姓名" if of_people else "名称", 26),
        Column("村、单位" if of_people else "上级", 20),
    ]
    if not of_people:
        some += [Column("人数", 10, 0), Column("得分人数", 10, 0)]
    some.append(Column(f"合计（{unit.name}）", 16, unit.decimals))
    if not of_people:
        some.append(Column(f"人均（{unit.name}）", 16, unit.decimals))
    if beside:
        some += [
            Column(f"对比期（{unit.name}）", 16, unit.decimals),
            Column(f"增减（{unit.name}）", 16, unit.decimals),
            Column("增减幅度", 12),
        ]
    return some


def _cells(row: Row, board: Board) -> list[Cell]:
    of_people, decimals = board.asked.of == "people", board.unit.decimals
    # A person's number stays in the house.
    some: list[Cell] = [row.rank, "" if of_people else row.code or "", row.name, row.place or ""]
    if not of_people:
        some += [row.members, row.learners]
    some.append(plain(row.amount, decimals))
    if not of_people:
        some.append(plain(row.per_member, decimals))
    if board.asked.compares:
        some += [
            plain(row.before, decimals),
            plain(row.change, decimals),
            figures.change(row.amount, row.before),
        ]
    return some
