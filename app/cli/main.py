"""The operator's command line: `shoushan --help`."""

import os
import sys
from importlib import import_module

import click

from app import __version__
from app.cli.failing import told_in_one_line

COMMANDS = {
    "serve": "web_process:serve",
    "worker": "worker_process:worker",
    "sandbox": "stand_in:sandbox",
    "up": "up:up",
    "migrate": "data:migrate",
    "revision": "data:revision",
    "import": "data:import_group",
    "role": "people:role",
    "login-link": "people:login_link",
    "person": "people:person",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "bank": "bank:bank",
    "ranking": "ranking:ranking",
    "push": "push:push",
    "inbox": "inbox:inbox",
    "wechat": "wechat:wechat",
    "demo": "demo:demo",
    "staff": "daily_work:staff",
}


class OnDemand(click.Group):
    """Loads a command's module when it is called for: a worker needs no web, a web no stand-in.

    A third of a worker's memory was what it never used
    (click.palletsprojects.com/en/stable/complex/#lazily-loading-subcommands).
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"app.cli.{module}"), name)
        return command


@click.group(cls=OnDemand, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shoushan")
def shoushan() -> None:
    """The learning service of a township.

    首善学堂：乡镇的学习服务与学分银行。
    """


def main() -> None:
    """Entry point. Exit status: 0 done, 1 failed, 2 wrong arguments; each failure is one line."""
    try:
        told_in_one_line(shoushan)
    except BrokenPipeError:
        # Whoever read us has seen enough (`… | head`): nothing is left to be flushed to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
