"""The boards, for an administrator at the command line."""

from datetime import datetime
from typing import get_args

import click

from app.cli.running import run
from app.core import clock, db
from app.core.clock import Period
from app.core.settings import Settings
from app.credit_bank.queries import list_units
from app.credit_bank.rules import amount_text
from app.people import queries as people
from app.ranking import folding
from app.ranking.freezing import freeze_closed
from app.ranking.queries import Board, By, get_ranking


@click.group()
def ranking() -> None:
    """Rankings of villages, units and people.

    村（社区）、单位和个人排行。
    """


@ranking.command()
@click.argument("board", type=click.Choice(get_args(Board)))
@click.option("--unit", default="credit", show_default=True, help="credit or points. 学分或积分。")
@click.option(
    "--period",
    type=click.Choice(get_args(Period)),
    default="month",
    show_default=True,
    help="The span containing --date. 时段。",
)
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Default today. 哪一天。")
@click.option(
    "--by",
    type=click.Choice(get_args(By)),
    default="total",
    show_default=True,
    help="Order by total or per member. 按总数或人均。",
)
@click.option("--org", help="Keep to one branch. 只看某机构之下。")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="Rows. 行数。"
)
def show(
    board: Board,
    unit: str,
    period: Period,
    day: datetime | None,
    by: By,
    org: str | None,
    limit: int,
) -> None:
    """Print a board; people only who chose to appear, with masked names.

    打印排行；个人榜只列自愿公开者，姓名打码。
    """

    async def work(_: Settings) -> None:
        now = clock.utcnow()
        async with db.read_transaction() as session:
            units = {one.code: one for one in await list_units(session)}
            if unit not in units:
                raise click.BadParameter(f"one of {', '.join(units)}", param_hint="--unit")
            found = await get_ranking(
                session,
                board=board,
                unit=unit,
                period=period,
                day=day.date() if day else clock.local_day(now),
                org_id=(await people.org_by_code(session, org)).id if org else None,
                person_id=None,
                my_org_ids=[],
                by=by,
                cursor=None,
                limit=limit,
                now=now,
            )
        one = units[unit]
        click.echo(f"{found.from_day} … {found.to_day} {'frozen' if found.digest else 'open'}")
        for row in found.items:
            total = amount_text(row.amount, decimals=one.decimals, name=one.name)
            each = amount_text(row.per_member, decimals=one.decimals, name=one.name)
            click.echo(f"{row.rank:>4}  {row.name}  {total}  {row.members} 人  人均 {each}")

    run(work)


@ranking.command()
def rebuild() -> None:
    """Build the boards' read model anew from the transfers; until then boards are slow, not wrong.

    从流水重新建立排行的读模型；期间排行照常，只是慢些。
    """

    async def work(_: Settings) -> None:
        async with db.transaction() as session:
            await folding.ask_for_rebuild(session)
        async with db.transaction() as session:
            await folding.fold_all(session)
        click.echo("boards rebuilt")

    run(work)


@ranking.command()
def freeze() -> None:
    """Freeze the boards of every closed period. Idempotent.

    固化已日结时段的排行，可重复执行。
    """

    async def work(_: Settings) -> None:
        async with db.transaction() as session:
            frozen = await freeze_closed(session, now=clock.utcnow())
        click.echo(f"{len(frozen)} boards frozen")

    run(work)
