"""The web process."""

import os

import click

from app.cli.running import database, must_be_migrated, plain_failures
from app.cli.serving import serve_app
from app.core import logging
from app.core.settings import get_settings


@click.command()
def serve() -> None:
    """Start one web process.

    启动一个网页服务进程。
    """
    settings = get_settings()
    logging.configure(settings, process="web")
    with plain_failures(), database(settings) as url:
        must_be_migrated(url)
        # The web application is put together by app.main, a sibling: uvicorn finds it by name.
        os.environ["SHOUSHAN_DATABASE_URL"] = url
        get_settings.cache_clear()
        serve_app("app.main:create_app", settings.host, settings.port)
