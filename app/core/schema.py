"""The database's schema: bringing it to the newest revision, and asking which one it has."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.settings import PROJECT

ALEMBIC_INI: Path = PROJECT / "alembic.ini"


def alembic_config(url: str) -> Config:
    config = Config(ALEMBIC_INI)
    config.attributes["url"] = url
    return config


def migrate(url: str) -> None:
    """Alembic to head, the queue's schema included. Safe to repeat."""
    command.upgrade(alembic_config(url), "head")


def newest_revision() -> str:
    head = ScriptDirectory.from_config(Config(ALEMBIC_INI)).get_current_head()
    assert head is not None
    return head


def revisions() -> set[str]:
    """All that this release knows."""
    scripts = ScriptDirectory.from_config(Config(ALEMBIC_INI)).walk_revisions()
    return {script.revision for script in scripts}


async def is_migrated(session: AsyncSession, *, newest: str) -> bool:
    """Whether the database stands at this revision. False, too, where it has no schema yet."""
    try:
        async with session.begin_nested():
            found = await session.scalar(text("SELECT version_num FROM alembic_version"))
    except ProgrammingError:
        return False  # No such table: a database without a schema.
    return bool(found == newest)
