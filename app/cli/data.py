"""Schema and imports."""

import asyncio
from pathlib import Path

import click
from alembic import command as alembic
from alembic.util import CommandError

from app.cli.running import Failed, database, plain_failures, run
from app.content.importing import import_lessons
from app.core import clock, db, logging, schema
from app.core.settings import Settings, get_settings
from app.flows.founding import found
from app.people.organisations import import_organisations

DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


async def found_in(url: str) -> None:
    """Units, default rules and platforms, in a transaction of their own."""
    async with db.connected(db.make_engine(url, pool_size=2)), db.transaction() as session:
        await found(session)


def migrate_database(url: str) -> None:
    """Schema to head, then what every installation starts with. Raises Failed."""
    try:
        schema.migrate(url)
    except CommandError as error:  # a database of a newer release
        raise Failed(f"migration: {error}") from None
    asyncio.run(found_in(url))


@click.command()
def migrate() -> None:
    """Bring the database to the newest schema, and load the default rules.

    把数据库升级到最新结构，并载入默认规则。
    """
    settings = get_settings()
    logging.configure(settings, process="cli")
    with plain_failures(), database(settings) as url:
        migrate_database(url)
    click.echo(f"database is at revision {schema.newest_revision()}")


@click.command()
@click.argument("name")
def revision(name: str) -> None:
    """Write a migration from the models (for developers).

    根据模型生成迁移文件（开发者用）。
    """
    with plain_failures(), database(get_settings()) as url:
        alembic.revision(schema.alembic_config(url), name, autogenerate=True)


@click.group(name="import")
def import_group() -> None:
    """Bring in organisations and lessons.

    导入组织机构和课程。
    """


@import_group.command()
@click.argument("file", type=FILE)
def orgs(file: Path) -> None:
    """Import organisations from a CSV file: code,name,kind,parent_code.

    从 CSV 文件导入组织机构，可重复执行。
    """

    async def work(_: Settings) -> None:
        async with db.transaction() as session:
            report = await import_organisations(session, content=file.read_bytes())
        click.echo(
            f"{report.created} created, {report.updated} updated, {report.unchanged} unchanged;"
            f" without a parent so far: {', '.join(report.roots) or 'none'}"
        )

    run(work)


@import_group.command()
@click.argument("directory", type=DIRECTORY)
@click.option("--publish", is_flag=True, help="Publish what is imported. 导入后立即发布。")
def lessons(directory: Path, *, publish: bool) -> None:
    """Import lessons from Markdown files; a changed file becomes a new version.

    从 Markdown 文件导入课程；有改动的文件成为新版本。
    """

    async def work(_: Settings) -> None:
        async with db.transaction() as session:
            report = await import_lessons(
                session, directory=directory, publish=publish, now=clock.utcnow()
            )
        click.echo(
            f"{len(report.created)} created, {len(report.updated)} updated,"
            f" {len(report.unchanged)} unchanged, {len(report.published)} published"
        )
        for error in report.errors:
            click.echo(str(error), err=True)
        if report.errors:
            raise click.exceptions.Exit(1)

    run(work)
