from datetime import UTC, date, datetime
from typing import Any, LiteralString

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.rows import as_columns, as_ids, from_columns
from app.core.statements import rows_of

TYPES = {"id": "bigint", "said": "text", "facts": "jsonb", "day": "date", "at": "timestamptz"}
ASKED: LiteralString = f"SELECT n, {', '.join(TYPES)} FROM {from_columns('rows', TYPES)} ORDER BY n"  # noqa: S608
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
ROWS: list[tuple[Any, ...]] = [
    (
        2**53 + 1,
        '"双槐", {a,b} \\ NULL',
        {"title": "“一课”", "of": [1, [2]]},
        date(2026, 2, 28),
        NOON,
    ),
    (-1, "", {}, None, None),
    (None, None, None, date(2026, 11, 23), NOON),
    (7, "null", {"a": None}, None, NOON),
]


@pytest.mark.parametrize("number", range(len(ROWS) + 1))
async def test_rows_arrive_as_they_were_given(session: AsyncSession, number: int) -> None:
    rows = ROWS[:number]
    columns = {name: [row[at] for row in rows] for at, name in enumerate(TYPES)}
    found = await rows_of(session, ASKED, {"rows": as_columns(columns)})
    assert found == [(n, *row) for n, row in enumerate(rows, 1)]


@pytest.mark.parametrize("ids", [[], [5], [3, 2**40, 1]])
async def test_ids_are_an_array(session: AsyncSession, ids: list[int]) -> None:
    asked: LiteralString = "SELECT %(ids)s::bigint[]"
    assert await rows_of(session, asked, {"ids": as_ids(ids)}) == [(ids,)]
