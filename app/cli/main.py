"""The operator's command line: `shoushan --help`."""

import os
import sys

import click

from app import __version__
from app.cli import (
    backup,
    bank,
    daily_work,
    data,
    demo,
    inbox,
    people,
    processes,
    push,
    ranking,
    wechat,
)
from app.cli.failing import told_in_one_line


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shoushan")
def shoushan() -> None:
    """The learning service of a township.

    首善学堂：乡镇的学习服务与学分银行。
    """


for command in (
    processes.serve,
    processes.worker,
    processes.sandbox,
    processes.up,
    data.migrate,
    data.revision,
    data.import_group,
    people.role,
    people.login_link,
    people.person,
    backup.backup,
    backup.restore,
    bank.bank,
    ranking.ranking,
    push.push,
    inbox.inbox,
    wechat.wechat,
    demo.demo,
    daily_work.staff,
):
    shoushan.add_command(command)


def main() -> None:
    """Entry point. Exit status: 0 done, 1 failed, 2 wrong arguments; each failure is one line."""
    try:
        told_in_one_line(shoushan)
    except BrokenPipeError:
        # Whoever read us has seen enough (`… | head`): nothing is left to be flushed to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
