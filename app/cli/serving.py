"""One application on one port: uvicorn, with what it leaves to the application's owner."""

import gc
import socket
import sys
from contextlib import suppress

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.cli.accepting import Door

STARTUP_FAILURE = 3
"""What uvicorn ends with when it could not start."""
GRACE_SECONDS = 10
"""How long requests under way may take once the process is asked to stop."""
HEAD_BYTES_MAX = 64 * 1024
"""Of a request's first line and headers. A proxy in front allows less (nginx: four times 8 KB)."""


class BoundedHead(HttpToolsProtocol):
    """HTTP/1.1 by httptools, which keeps a head of any length: a longer one is refused."""

    _head_bytes: int | None = None
    """Of the head that is not complete; None in between."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_bytes is not None and not self.transport.is_closing():
            # At most one read, 256 KB by asyncio, has come in beyond what is allowed.
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.send_400_response("Request head too large.")


class Server(uvicorn.Server):
    """Lets in at once whoever waits at the door; does not clean up what stays."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._door = Door(
            (one for server in self.servers for one in server.sockets),
            lambda: BoundedHead(
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
            ),
        )
        # Schemas and mappers are some hundred thousand objects, and a full collection of them held
        # every request up for a tenth of a second (docs.python.org/3/library/gc.html#gc.freeze).
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._door.close()
        await super().shutdown(sockets)


def serve_app(app: FastAPI | str, host: str, port: int) -> None:
    """Answer until SIGTERM or Ctrl-C; `app` may be the name of what makes it.

    Ends the process with STARTUP_FAILURE where it cannot start.
    """
    config = uvicorn.Config(
        app,
        factory=isinstance(app, str),
        host=host,
        port=port,
        loop="uvloop",
        http=BoundedHead,
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
