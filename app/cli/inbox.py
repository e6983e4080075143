"""Messages from WeChat that our own code failed on."""

import click

from app.cli.running import run
from app.core import clock, db
from app.core.settings import Settings
from app.flows import inbound
from app.wechat import inbox as pushes


@click.group()
def inbox() -> None:
    """Messages waiting for a replay.

    处理失败、等待重放的消息。
    """


@inbox.command(name="list")
def list_failed() -> None:
    """List failed messages: number, kind, error.

    列出处理失败的消息。
    """

    async def work(_: Settings) -> None:
        async with db.transaction() as session:
            rows = await pushes.list_failed(session)
        for row in rows:
            click.echo(f"{row.id} {row.kind} {row.received_at:%Y-%m-%d %H:%M:%S}Z {row.error}")
        click.echo(f"{len(rows)} failed")

    run(work)


@inbox.command()
@click.argument("ids", type=int, nargs=-1)
def replay(ids: tuple[int, ...]) -> None:
    """Run failed messages again: those named, or all.

    重放指定的（或全部）失败消息。
    """

    async def work(settings: Settings) -> None:
        async with db.transaction() as session:
            chosen = ids or tuple(row.id for row in await pushes.list_failed(session))
        failed = 0
        for inbound_id in chosen:
            async with db.transaction() as session:
                row = await inbound.replay(
                    session, accounts=settings.wechat, inbound_id=inbound_id, now=clock.utcnow()
                )
            failed += row.state == "failed"
            click.echo(f"{inbound_id} {row.state}")
        if failed:
            raise click.exceptions.Exit(1)

    run(work)
