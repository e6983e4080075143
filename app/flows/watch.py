"""What an operator's dashboard wants to know of the database."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class Seen:
    inbox_failed: int
    jobs_waiting: int
    jobs_failed: int


async def look(session: AsyncSession) -> Seen:
    row = (
        await session.execute(
            text("""
            SELECT (SELECT count(*) FROM wechat_inbox WHERE state = 'failed'),
                (SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'),
                (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed')""")
        )
    ).one()
    return Seen(*row)
