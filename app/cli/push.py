"""Issues and pushes, for an operator at the command line."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

import click

from app.cli.running import run
from app.core import clock, db
from app.core.clock import local_text
from app.core.settings import Settings
from app.flows.push_status import Status, look
from app.push.outlets import outlet_of
from app.push.rules import DELIVERY_STATES


@click.group()
def push() -> None:
    """Weekly issues and daily pushes.

    每周期刊与每日推送。
    """


@push.command()
def status() -> None:
    """Show the week: issues, pushes, what waits, what is in doubt.

    查看本周：期刊、推送、待办、存疑与失败。
    """

    async def work(settings: Settings) -> None:
        async with db.transaction() as session:
            found = await look(session, outlet=outlet_of(settings), now=clock.utcnow())
        for line in lines_of(found):
            click.echo(line)

    run(work)


def lines_of(found: Status) -> Iterator[str]:
    """Plain text in columns, a section after the other; an empty one says so."""
    yield f"Week of {found.monday} 本周"
    yield from _section(
        "Issues 期刊",
        [
            (f"#{one.id}", one.state, local_text(one.at) if one.at else "-", one.title)
            for one in found.issues
        ],
    )
    yield from _section(
        "Pushes 推送（今天、明天）",
        [
            (f"#{one.id}", str(one.day), one.org, one.state, _counts(one.deliveries))
            for one in found.pushes
        ],
    )
    yield from _section(
        "Open tasks 待办", [(kind, str(number)) for kind, number in found.tasks.items()]
    )
    yield from _section(
        "In doubt or failed 存疑、失败、逾期",
        [
            (f"#{one.id}", str(one.local_day), one.group, one.channel, one.state, one.detail or "")
            for one in found.troubled
        ],
    )
    yield from _section("At risk 风险", [(risk,) for risk in found.risks])


def _counts(states: Mapping[str, int]) -> str:
    told = [f"{state} {states[state]}" for state in DELIVERY_STATES if states.get(state)]
    return ", ".join(told) or "-"


def _section(title: str, rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield title
    if not rows:
        yield "  -"
        return
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ]
        yield f"  {'  '.join(cells)}".rstrip()


def _width(text: str) -> int:
    """Columns on a terminal, where a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1 for char in text)
