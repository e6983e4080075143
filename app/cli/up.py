"""All processes together."""

import click

from app.cli.running import Failed, plain_failures
from app.cli.supervisor import supervise
from app.core import logging
from app.core.settings import get_settings


@click.command()
@click.option("--sandbox", "with_sandbox", is_flag=True, help="Beside the stand-in. 同时启动替身。")
@click.option("--town", is_flag=True, help="Load the demo town on first run. 首次载入演示镇。")
@click.option("--week/--no-week", default=True, show_default=True,
              help="Let its staff prepare a week of pushes. 备好一周的发布与推送。")  # fmt: skip
def up(*, with_sandbox: bool, town: bool, week: bool) -> None:
    """Database if embedded, migration, web and worker; Ctrl-C stops them all.

    一条命令启动全部：内置数据库、升级、网页、后台任务。
    """
    settings = get_settings()
    if with_sandbox and settings.env == "production":
        raise Failed("the sandbox is refused in production 生产环境不允许启动替身")
    logging.configure(settings, process="up")
    with plain_failures():
        supervise(settings, with_sandbox=with_sandbox, town=town, week=week)
