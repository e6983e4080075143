"""Around every request: an answer within ten seconds, whatever hangs behind it. ASGI."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import RETRY_SECONDS, problem
from app.core.errors import Unavailable
from app.core.logging import get_logger

log = get_logger()

SECONDS = 9.0
"""From the last byte of the request on. Statements give up before (core.db), calls too."""
LONGER = (
    ("/studio/manuscripts", 60.0),
    ("/studio/lessons", 60.0),
    ("/studio/pictures", 60.0),
    ("/api/v1/uploads", 60.0),
    ("/desk/organisations", 60.0),
)
"""Where it is not enough on a slow machine: a Word file's fifty pictures are each made small."""


class TookTooLong(Unavailable):
    """Whether it was done is not known: whoever asks again does so under the same key."""

    title = "服务现在太忙，没能及时完成"


class Deadline:
    """Answers 503 in the place of a request that hangs, and leaves what hangs to its own end.

    Cancelling alone is not enough: psycopg asks the server to cancel and waits ten seconds for it,
    and a rollback on a server that was stopped waits for ever. So the answer leaves first. An
    answer that has begun is not touched.
    """

    def __init__(self, app: ASGIApp, *, seconds: float = SECONDS) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        longer = (most for begin, most in LONGER if path.startswith(begin))
        await _Watched(scope, receive, send, next(longer, self.seconds)).run(self.app)


class _Watched:
    """One request and its alarm."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, seconds: float) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + seconds
        self._alarm = self._loop.call_at(self._due, self._ring)
        self._started = False
        self._task: asyncio.Task[None] | None = None
        self._answering: asyncio.Task[None] | None = None

    async def run(self, app: ASGIApp) -> None:
        self._task = asyncio.current_task(self._loop)
        ended: BaseException | None = None
        try:
            await app(self._scope, self._receiving, self._sending)
        except (Exception, asyncio.CancelledError) as error:
            if self._answering is None:
                raise
            ended = error
        finally:
            self._alarm.cancel()
        if self._answering is not None:
            await self._after_all(self._answering, ended)

    async def _receiving(self) -> Message:
        message = await self._receive()
        # A slow line is no fault of ours: time runs from the last part on.
        self._due = self._loop.time() + self._seconds
        return message

    async def _sending(self, message: Message) -> None:
        if self._answering is None:
            self._started = True
            await self._send(message)

    def _ring(self) -> None:
        if self._started:
            return
        if self._due > self._loop.time():
            self._alarm = self._loop.call_at(self._due, self._ring)
            return
        assert self._task is not None
        path = getattr(self._scope.get("route"), "path", "unknown")
        log.error("request.overdue", route=path, seconds=self._seconds)
        self._answering = asyncio.create_task(self._answer())
        self._task.cancel()

    async def _answer(self) -> None:
        headers = {"Retry-After": str(RETRY_SECONDS)}
        detail = "请过一会儿再试；已经确认过的内容不会丢失"
        answer = problem(503, TookTooLong.__name__, TookTooLong.title, detail, headers=headers)
        await answer(self._scope, self._receive, self._send)

    async def _after_all(
        self, answering: "asyncio.Task[None]", ended: BaseException | None
    ) -> None:
        """The work that was cut off has come to its end; only its log is of use."""
        assert self._task is not None
        others = self._task.uncancel()
        if isinstance(ended, asyncio.CancelledError) and others:
            raise ended  # The server itself ends: it cancels what still runs.
        if isinstance(ended, Exception):
            log.warning("request.ended_late", error=type(ended).__name__)
        await answering
