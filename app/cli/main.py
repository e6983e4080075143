"""The operator's command line: `shoushan --help`."""

import os
import sys
from collections.abc import Iterator
from typing import NoReturn

import click
from pydantic import ValidationError
from pydantic_settings import SettingsError

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
    """Entry point. Exit status: 0 done, 1 failed, 2 wrong arguments; errors are one line."""
    try:
        sys.exit(shoushan.main(standalone_mode=False))
    except BrokenPipeError:
        # Whoever read us has seen enough (`… | head`): nothing is left to be flushed to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "shoushan"
        fail(f"{error.format_message()} See `{command} --help`.", status=error.exit_code)
    except click.ClickException as error:
        fail(error.format_message(), status=error.exit_code)
    except click.Abort:
        fail("stopped 已中止")
    except SettingsError as error:
        fail(f"settings: {error}")
    except ValidationError as error:
        fail(f"settings: {'; '.join(wrong_settings(error))}")


def fail(words: str, *, status: int = 1) -> NoReturn:
    click.echo(f"Error: {' '.join(words.split())}", err=True)
    sys.exit(status)


def wrong_settings(error: ValidationError) -> Iterator[str]:
    """Each variable that makes no sense, and why; never its value."""
    for one in error.errors(include_input=False, include_url=False):
        name = "__".join(str(part).upper() for part in one["loc"])
        why = one["msg"].removeprefix("Value error, ")
        yield f"SHOUSHAN_{name}: {why}" if name else why


if __name__ == "__main__":
    main()
