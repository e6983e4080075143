"""The process of the stand-in for Tencent."""

import asyncio

import click

from app.cli.running import Failed, database, plain_failures, share_clock
from app.cli.serving import serve_app
from app.core import logging
from app.core.settings import get_settings
from app.sandbox.server import create_sandbox


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
