"""The database's schema: bringing it to the newest revision, and asking which one it has."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.settings import PROJECT

if TYPE_CHECKING:
    from alembic.config import Config

ALEMBIC_INI: Path = PROJECT / "alembic.ini"
VERSIONS: Path = PROJECT / "migrations" / "versions"
NAMES = re.compile(r'^(revision|down_revision) = "(\w+)"$', re.MULTILINE)
"""How a migration says what it is and what it follows; each follows one, the first one nothing."""


def alembic_config(url: str) -> "Config":
    from alembic.config import Config  # noqa: PLC0415  only migrating needs it, and 5 MB

    config = Config(ALEMBIC_INI)
    config.attributes["url"] = url
    return config


def migrate(url: str) -> None:
    """Alembic to head, the queue's schema included. Safe to repeat."""
    from alembic import command  # noqa: PLC0415  see above

    command.upgrade(alembic_config(url), "head")


def newest_revision() -> str:
    """What no other migration follows."""
    migrations = _migrations()
    (head,) = {one["revision"] for one in migrations} - {
        one.get("down_revision") for one in migrations
    }
    return head


def revisions() -> set[str]:
    """All that this release knows."""
    return {one["revision"] for one in _migrations()}


def _migrations() -> list[dict[str, str]]:
    """By their own words, which every process asks for at its start; a test asks Alembic, too."""
    return [dict(NAMES.findall(one.read_text())) for one in VERSIONS.glob("*.py")]


async def is_migrated(session: AsyncSession, *, newest: str) -> bool:
    """Whether the database stands at this revision. False, too, where it has no schema yet."""
    try:
        async with session.begin_nested():
            found = await session.scalar(text("SELECT version_num FROM alembic_version"))
    except ProgrammingError:
        return False  # No such table: a database without a schema.
    return bool(found == newest)
