"""The worker process."""

import asyncio

import click

from app.cli.running import database, must_be_migrated, plain_failures
from app.core import logging
from app.core.settings import get_settings
from app.worker.run import work


@click.command()
def worker() -> None:
    """Start one worker process: queue and clock.

    启动一个后台任务进程。
    """
    settings = get_settings()
    logging.configure(settings, process="worker")
    with plain_failures(), database(settings) as url:
        must_be_migrated(url)
        asyncio.run(work(settings, url=url))
