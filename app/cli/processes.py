"""The web process, and how a process serves HTTP."""

import gc
import os
import socket
import sys
from contextlib import suppress

import click
import uvicorn
from fastapi import FastAPI

from app.cli.running import database, must_be_migrated, plain_failures
from app.core import logging
from app.core.settings import get_settings

STARTUP_FAILURE = 3
"""What uvicorn ends with when it could not start."""
GRACE_SECONDS = 10
"""How long requests under way may take once the process is asked to stop."""


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


class Server(uvicorn.Server):
    """Once started, what is there stays: the collector need not look through it again and again.

    Schemas and mappers are some hundred thousand objects, and a full collection of them held every
    request up for a tenth of a second (docs.python.org/3/library/gc.html#gc.freeze).
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()


def serve_app(app: FastAPI | str, host: str, port: int) -> None:
    config = uvicorn.Config(
        app,
        factory=isinstance(app, str),
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = Server(config)
    with suppress(KeyboardInterrupt):  # It has shut down by then, and raises the signal again.
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)
