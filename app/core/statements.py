"""A statement said to the driver itself, inside the session's own transaction.

What SQLAlchemy does around a statement (its compiled form looked up, its result described, a change
of greenlets each way) takes longer than PostgreSQL needs for most of them. This is for the few that
thousands of phones cause, whose rows are wanted as they are; all others go the usual way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString
from weakref import ref as weakref

import psycopg
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import SessionTransaction


async def rows_of(
    session: AsyncSession, statement: LiteralString, values: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """The rows of a statement in psycopg's notation (`%(name)s`); none where it returns nothing.

    Errors are those of SQLAlchemy, as after `session.execute`, and so is the end of a caller who is
    cancelled: nobody gets that connection any more. What the session has not flushed is not seen.
    """
    line = await _line_of(session)
    try:
        cursor = await line.driver.execute(statement, values)
        # Not its description: that is made anew for whoever looks at it.
        result = cursor.pgresult
        return await cursor.fetchall() if result is not None and result.nfields else []
    except BaseException as error:
        await line.connection.run_sync(_handle, error, statement)
        raise


@dataclass(slots=True)
class _Line:
    """What a session speaks on for as long as this transaction, or savepoint, lasts."""

    transaction: weakref[SessionTransaction]
    connection: AsyncConnection
    driver: psycopg.AsyncConnection[Any]


async def _line_of(session: AsyncSession) -> _Line:
    """Kept with the session: to ask for it takes as long as half of a statement."""
    known: _Line | None = session.info.get(_Line)
    innermost = _innermost(session)
    if known is not None and innermost is not None and known.transaction() is innermost:
        return known
    # Whoever is the first to ask within a savepoint makes it.
    connection = await session.connection()
    driver = (await connection.get_raw_connection()).driver_connection
    innermost = _innermost(session)
    assert isinstance(driver, psycopg.AsyncConnection)
    assert innermost is not None
    line = session.info[_Line] = _Line(weakref(innermost), connection, driver)
    return line


def _innermost(session: AsyncSession) -> SessionTransaction | None:
    ours = session.sync_session
    return ours.get_nested_transaction() or ours.get_transaction()


def _handle(connection: Connection, error: BaseException, statement: str) -> None:
    """Raise it as SQLAlchemy does: of its own kind, heard by listeners, a broken pool emptied."""
    try:
        raise error  # noqa: TRY301  SQLAlchemy asks which one is being handled
    except BaseException:  # noqa: BLE001  and raises it
        connection._handle_dbapi_exception(error, statement, None, None, None)  # noqa: SLF001  no public name
