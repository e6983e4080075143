"""How a command ends: 0 done, 1 failed, 2 wrong arguments; and each failure is one line."""

import sys
from collections.abc import Iterator
from typing import NoReturn

import click
from pydantic import ValidationError
from pydantic_settings import SettingsError

FAILED, WRONG_ARGUMENTS = 1, 2


def told_in_one_line(program: click.Command) -> NoReturn:
    """Run it, and end this process. A mistake of ours keeps its traceback."""
    try:
        status = program.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        status = WRONG_ARGUMENTS
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "shoushan"
        status = _say(f"{error.format_message()} See `{command} --help`.", WRONG_ARGUMENTS)
    except click.ClickException as error:
        status = _say(error.format_message())
    except click.Abort:
        status = _say("stopped 已中止")
    except SettingsError as error:
        status = _say(f"settings: {error}")
    except ValidationError as error:
        status = _say(f"settings: {'; '.join(_wrong_settings(error))}")
    except SystemExit as ended:
        # A server that could not start has numbers of its own, and has said why.
        status = ended.code if ended.code in {None, 0, WRONG_ARGUMENTS} else FAILED
    sys.exit(status)


def _say(words: str, status: int = FAILED) -> int:
    click.echo(f"Error: {' '.join(words.split())}", err=True)
    return status


def _wrong_settings(error: ValidationError) -> Iterator[str]:
    """Each variable that makes no sense, and why; never its value."""
    for one in error.errors(include_input=False, include_url=False):
        name = "__".join(str(part).upper() for part in one["loc"])
        why = one["msg"].removeprefix("Value error, ")
        yield f"SHOUSHAN_{name}: {why}" if name else why
