"""The books: audit, daily close, rules, replay."""

from datetime import date, datetime
from pathlib import Path

import click

from app.cli.running import Failed, run
from app.core import clock, db
from app.core.settings import Settings
from app.credit_bank import closing
from app.credit_bank.queries import list_rules
from app.credit_bank.rulebook import load_rulebook, read_rulebook, versions_of
from app.flows.auditing import audit as audit_everything
from app.flows.replay import replay as replay_history

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.group()
def bank() -> None:
    """The credit bank.

    学分银行。
    """


@bank.command()
def audit() -> None:
    """Recompute every balance, the daily chain and the invariants; exit 1 names what is wrong.

    重算全部余额、日结链和各项规则；有误则列出并以 1 退出。
    """

    async def work(_: Settings) -> None:
        async with db.read_together() as (session, beside):
            report = await audit_everything(session, beside=beside)
        for finding in report.findings:
            click.echo(f"WRONG {finding.check}: {finding.row}", err=True)
        summary = (
            f"{report.accounts} accounts, {report.transfers} transfers, {report.days} closed days"
        )
        if report.findings:
            raise Failed(f"the books are NOT true 账目有误: {summary}")
        click.echo(f"the books are true 账目属实: {summary}")

    run(work)


@bank.command()
@click.option("--day", type=DAY, help="The last day to close; default yesterday. 结到哪一天。")
def close(day: datetime | None) -> None:
    """Close every open day up to yesterday: totals, digest, chain. Idempotent.

    日结：合计、摘要、成链，可重复执行。
    """

    async def work(_: Settings) -> None:
        async with db.transaction() as session:
            closes = await closing.close_days(
                session, until=day.date() if day else None, now=clock.utcnow()
            )
        for one in closes:
            click.echo(f"{one.local_day} {one.transfers} transfers {one.digest[:16]}")
        if not closes:
            click.echo("nothing to close")

    run(work)


@bank.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def rules(file: Path) -> None:
    """Add the new rule versions of a TOML file; what is in force is never edited.

    载入规则文件中的新版本；已有版本不能修改。
    """

    async def work(_: Settings) -> None:
        async with db.transaction() as session:
            loaded = await load_rulebook(session, book=read_rulebook(file))
        click.echo(f"{loaded.added} added, {loaded.unchanged} unchanged")

    run(work)


@bank.command()
@click.option("--from", "since", type=DAY, required=True, help="First day. 起始日。")
@click.option("--to", "until", type=DAY, required=True, help="Day after the last. 截止日（不含）。")
@click.option(
    "--rules", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rules to try; default: those in force. 试算用的规则文件。",
)  # fmt: skip
def replay(since: datetime, until: datetime, file: Path | None) -> None:
    """What these rules would have paid for what was learned. Books nothing.

    用给定规则重算一段时间的学习应得多少，不记账。
    """

    async def work(_: Settings) -> None:
        async with db.read_transaction() as session:
            versions = versions_of(read_rulebook(file)) if file else await list_rules(session)
            paid = await replay_history(
                session, versions=versions, since=_day(since), until=_day(until)
            )
        click.echo(f"{'rule':24}{'awards':>10}{'amount':>12}{'capped to 0':>14}")
        for code, row in paid.items():
            click.echo(f"{code:24}{row.awards:>10}{row.amount:>12}{row.capped_to_zero:>14}")

    run(work)


def _day(given: datetime) -> date:
    return given.date()
