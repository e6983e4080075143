"""The tree of organisations from a file that an administrator uploads: tried first, then loaded."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.people import organisations, staff_acts
from app.people.organisations import OrgReport


async def check(session: AsyncSession, *, content: bytes) -> OrgReport:
    """What the file would change; nothing stays. Raises OrgFileError with every problem."""
    async with session.begin_nested() as trial:
        report = await organisations.import_organisations(session, content=content)
        await trial.rollback()
    session.expire_all()
    return report


async def load(session: AsyncSession, *, content: bytes, by_id: int, now: datetime) -> OrgReport:
    """Raises OrgFileError, and then nothing of the file is loaded."""
    report = await organisations.import_organisations(session, content=content)
    await staff_acts.note(
        session,
        person_id=by_id,
        act="organisation.import",
        subject="organisations:all",
        facts={"created": report.created, "updated": report.updated},
        now=now,
    )
    return report
