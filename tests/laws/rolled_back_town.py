"""Where a state machine plays: a town of the real database that is forgotten in the end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine

from app.core import db

T = TypeVar("T")


class Town:
    """One connection whose transaction is rolled back in the end, and the loop it lives on."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self.engine = create_async_engine(db.sqlalchemy_url(url), poolclass=NullPool)
        self.connection: AsyncConnection = self.runner.run(self._open())

    async def _open(self) -> AsyncConnection:
        connection = await self.engine.connect()
        await connection.begin()
        return connection

    def run(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """One transaction of the service, as an edge would run it."""

        async def inside() -> T:
            async with AsyncSession(
                self.connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
            ) as session:
                done = await work(session)
                await session.commit()
                return done

        return self.runner.run(inside())

    def close(self) -> None:
        async def leave() -> None:
            await self.connection.rollback()
            await self.connection.close()
            await self.engine.dispose()

        self.runner.run(leave())
        self.runner.close()
