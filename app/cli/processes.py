"""The processes: web, worker, stand-in, and all of them together."""

import asyncio
import gc
import os
import socket
import sys
from contextlib import suppress

import click
import uvicorn
from fastapi import FastAPI

from app.cli.running import Failed, database, plain_failures
from app.cli.supervisor import supervise
from app.core import db, installation, logging, schema
from app.core.settings import Settings, get_settings
from app.sandbox.server import create_sandbox
from app.worker.run import work

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


@click.command()
def sandbox() -> None:
    """Start the stand-in for Tencent's servers, with a simulated phone (development only).

    启动腾讯接口的本机替身和模拟手机（仅供开发）。
    """
    settings = get_settings()
    if settings.env == "production":
        raise Failed("the sandbox is refused in production 生产环境不允许启动替身")
    logging.configure(settings, process="sandbox")
    with plain_failures():
        if settings.clock_start is not None or settings.clock_rate != 1:
            # Every process of an installation reads one clock, and this is where it is kept.
            with database(settings) as url:
                asyncio.run(share_clock(settings, url))
        app = create_sandbox(settings)
        serve_app(app, settings.sandbox.host, settings.sandbox.port)


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


def must_be_migrated(url: str) -> None:
    """A process on an old schema would fail at its first request: it says so at its start."""

    async def ask() -> bool:
        async with db.connected(db.make_engine(url, pool_size=2)), db.transaction() as session:
            return await schema.is_migrated(session, newest=schema.newest_revision())

    if not asyncio.run(ask()):
        raise Failed("the database is not migrated: run `shoushan migrate` first")


async def share_clock(settings: Settings, url: str) -> None:
    async with db.connected(db.make_engine(url, pool_size=2)), db.transaction() as session:
        await installation.settle_clock(session, settings)
