"""A statement said to the driver itself, inside the session's own transaction.

What SQLAlchemy does around a statement (its compiled form looked up, its result described, a change
of greenlets each way) takes longer than PostgreSQL needs for most of them. This is for the few that
thousands of phones cause, whose rows are wanted as they are; all others go the usual way.
"""

from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncSession


async def rows_of(
    session: AsyncSession, statement: LiteralString, values: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """The rows of a statement in psycopg's notation (`%(name)s`); none where it returns nothing.

    Errors are those of SQLAlchemy, as after `session.execute`, and so is the end of a caller who is
    cancelled: nobody gets that connection any more. What the session has not flushed is not seen.
    """
    connection = await session.connection()
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)
    try:
        cursor = await driver.execute(statement, values)
        return await cursor.fetchall() if cursor.description else []
    except BaseException as error:
        await connection.run_sync(_handle, error, statement)
        raise


def _handle(connection: Connection, error: BaseException, statement: str) -> None:
    """Raise it as SQLAlchemy does: of its own kind, heard by listeners, a broken pool emptied."""
    try:
        raise error  # noqa: TRY301  SQLAlchemy asks which one is being handled
    except BaseException:  # noqa: BLE001  and raises it
        connection._handle_dbapi_exception(error, statement, None, None, None)  # noqa: SLF001  no public name
