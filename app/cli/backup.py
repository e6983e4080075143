"""A backup of everything that cannot be made again, and its return on an empty machine."""

import asyncio
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from app import __version__
from app.cli import backup_database, backup_file
from app.cli.backup_file import DATABASE, UPLOADS, Manifest
from app.cli.data import migrate_database
from app.cli.running import Failed, connected, database, plain_failures
from app.core import clock, db, logging, schema
from app.core.settings import Settings, get_settings
from app.credit_bank.audit import AuditReport
from app.flows.auditing import audit
from app.flows.restoring import Doubts, doubt_what_was_due

UNPACKING = "uploads.restoring"
MIB = 1 << 20


@click.command()
@click.argument("to", metavar="DIR_OR_FILE", type=click.Path(path_type=Path))
def backup(to: Path) -> None:
    """Write database and pictures to one checked file; the service may go on meanwhile.

    备份数据库和上传的图片到一个带校验的文件，服务不用停。
    """
    settings = get_settings()
    logging.configure(settings, process="cli")
    path = to / name_of(clock.real_now()) if to.is_dir() else to
    with plain_failures(), database(settings) as url:
        manifest = write_backup(path, url=url, data_dir=settings.data_dir)
    for sha256 in manifest.missing:
        click.echo(f"WARNING picture not on the disk 图片文件缺失: {sha256}", err=True)
    click.echo(
        f"{path}: {path.stat().st_size / MIB:.1f} MiB, revision {manifest.revision},"
        f" {sum(manifest.rows.values())} rows, {len(manifest.members) - 1} pictures"
    )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Bring a backup back into an empty database and an empty data directory, then audit.

    把备份恢复到空数据库和空数据目录，然后核对账目。
    """
    settings = get_settings()
    logging.configure(settings, process="cli")
    with plain_failures():
        manifest = backup_file.read_manifest(file)
        must_be_known(manifest)
        must_have_no_pictures(settings.data_dir)
        with database(settings) as url:
            backup_database.must_be_empty(url)
            read_backup(file, manifest, url=url, data_dir=settings.data_dir)
            migrate_database(url)
            doubts, report = asyncio.run(_settle(settings, url))
    _tell(manifest, doubts, report)


def name_of(now: datetime) -> str:
    return f"shoushan-{now.astimezone(clock.TOWN):%Y%m%d-%H%M%S}.zip"


def write_backup(path: Path, *, url: str, data_dir: Path) -> Manifest:
    """One moment of the database, and the pictures it names."""
    with backup_database.snapshot(url) as view, backup_file.writing(path) as writer:
        revision = view.revision()
        if revision is None:
            raise Failed("the database has no schema: there is nothing to back up 数据库是空的")
        made_at = clock.real_now().isoformat()
        with backup_database.dump(url, view) as source:
            writer.add(DATABASE, source)
        # After the dump: a row never promises a picture that was not on the disk before it.
        missing = []
        for sha256, picture in _pictures(data_dir, view.uploads()):
            if picture is None:
                missing.append(sha256)
                continue
            with picture.open("rb") as source:
                writer.add(f"{UPLOADS}{picture.name}", source)
        return writer.close(
            Manifest(
                software=__version__,
                revision=revision,
                server=view.server(),
                made_at=made_at,
                rows=view.rows(),
                missing=missing,
            )
        )


def _pictures(data_dir: Path, uploads: list[str]) -> Iterator[tuple[str, Path | None]]:
    there = {path.stem: path for path in (data_dir / "uploads").glob("*.*")}
    for sha256 in uploads:
        yield sha256, there.get(sha256)


def must_be_known(manifest: Manifest) -> None:
    if manifest.revision not in schema.revisions():
        raise Failed(
            f"the backup's schema {manifest.revision} is newer than this release"
            f" ({schema.newest_revision()}): install {manifest.software} or newer"
            " 备份来自更新的版本"
        )


def must_have_no_pictures(data_dir: Path) -> None:
    uploads = data_dir / "uploads"
    if uploads.exists() and any(uploads.iterdir()):
        raise Failed(f"{uploads} is not empty: a restore overwrites nothing 数据目录不是空的")


def read_backup(file: Path, manifest: Manifest, *, url: str, data_dir: Path) -> None:
    """Pictures aside, then the database in one transaction, then the pictures into their place.

    Killed anywhere, a restore can be begun again: the database is still empty.
    """
    aside = data_dir / UNPACKING
    shutil.rmtree(aside, ignore_errors=True)
    backup_file.unpack_uploads(file, manifest, aside)
    with backup_file.member(file, manifest, DATABASE) as pieces:
        backup_database.load(url, pieces)
    aside.rename(data_dir / "uploads")
    with backup_database.snapshot(url) as view:
        found = view.rows()
    if found != manifest.rows:
        wrong = [t for t in manifest.rows if found.get(t) != manifest.rows[t]]
        raise Failed(f"other numbers of rows than in the backup: {', '.join(wrong)}")


async def _settle(settings: Settings, url: str) -> tuple[Doubts, AuditReport]:
    async with connected(settings, url):
        async with db.transaction() as session:
            doubts = await doubt_what_was_due(session, now=clock.utcnow())
        async with db.read_transaction() as session:
            return doubts, await audit(session)


def _tell(manifest: Manifest, doubts: Doubts, report: AuditReport) -> None:
    rows, pictures = sum(manifest.rows.values()), len(manifest.members) - 1
    click.echo(f"restored 已恢复: {rows} rows, {pictures} pictures, as of {manifest.made_at}")
    if doubts.deliveries or doubts.letters:
        click.echo(
            "in doubt 存疑（备份之后可能已发出，不会自动再发）:"
            f" {doubts.deliveries} pushes to groups, {doubts.letters} letters"
        )
    if doubts.issues:
        click.echo(
            f"WARNING {doubts.issues} issues were due since: look whether they are out before"
            " starting a worker 有公众号文章已到发布时间，启动 worker 前请先查看是否已发表",
            err=True,
        )
    for finding in report.findings:
        click.echo(f"WRONG {finding.check}: {finding.row}", err=True)
    counts = f"{report.accounts} accounts, {report.transfers} transfers, {report.days} closed days"
    if report.findings:
        raise Failed(f"the books are NOT true 账目有误: {counts}")
    click.echo(f"the books are true 账目属实: {counts}")
