"""The migrations make the tables that the models describe."""

import asyncio

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import schema


def test_models_and_migrations_agree(database_url_of_its_own: str) -> None:
    # Raises, naming the differences, if a migration is missing.
    command.check(schema.alembic_config(database_url_of_its_own))


def test_the_revisions_are_those_of_alembic() -> None:
    scripts = ScriptDirectory.from_config(Config(schema.ALEMBIC_INI))
    assert schema.newest_revision() == scripts.get_current_head()
    assert schema.revisions() == {one.revision for one in scripts.walk_revisions()}


async def test_migrating_again_changes_nothing(
    database_url_of_its_own: str, session: AsyncSession
) -> None:
    await asyncio.to_thread(schema.migrate, database_url_of_its_own)
    newest = schema.newest_revision()
    assert await schema.is_migrated(session, newest=newest)
    assert not await schema.is_migrated(session, newest="another")


async def test_a_database_without_a_schema_is_not_migrated(session: AsyncSession) -> None:
    await session.execute(text("DROP TABLE alembic_version"))
    assert not await schema.is_migrated(session, newest=schema.newest_revision())
    assert await session.scalar(text("SELECT 1")) == 1, "the transaction lives on"
