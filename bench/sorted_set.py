"""A Redis of a benchmark's own, and as much of its protocol as a sorted set needs."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

CHUNK = 2000


class Redis:
    """One connection; commands of a call go out together and are answered in their order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, *commands: Iterable[object]) -> list[Any]:
        for command in commands:
            words = [str(word).encode() for word in command]
            self.writer.write(b"*%d\r\n" % len(words))
            self.writer.writelines(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
        return [await self._reply() for _ in commands]

    async def _reply(self) -> Any:
        line = (await self.reader.readline()).rstrip()
        kind, rest = line[:1], line[1:]
        if kind == b"*":
            return [await self._reply() for _ in range(int(rest))]
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else (await self.reader.readexactly(size + 2))[:-2]
        assert kind in b"+:,", line
        return rest

    async def fill(self, key: str, scores: Iterable[tuple[int, int]]) -> None:
        """(member, score) …"""
        chunk: list[object] = []
        for member, score in scores:
            chunk += [score, member]
            if len(chunk) >= CHUNK:
                await self.ask(["ZADD", key, *chunk])
                chunk = []
        if chunk:
            await self.ask(["ZADD", key, *chunk])

    async def near(self, key: str, member: int) -> None:
        """The first page, one's rank with equals sharing it, and two neighbours on either side."""
        _, place, score = await self.ask(
            ["ZREVRANGE", key, 0, 19, "WITHSCORES"],
            ["ZREVRANK", key, member],
            ["ZSCORE", key, member],
        )
        at = int(place)
        await self.ask(
            ["ZCOUNT", key, "(" + score.decode(), "+inf"],
            ["ZREVRANGE", key, max(at - 2, 0), at + 2, "WITHSCORES"],
        )


@asynccontextmanager
async def redis() -> AsyncIterator[Redis | None]:
    """None where Redis is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        print("not installed: redis-server, no figures of it")
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="shoushan-redis-") as folder:
        socket = Path(folder) / "redis.sock"
        options = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder)
        process = await asyncio.create_subprocess_exec(
            program, *options, "--appendonly", "no", stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            while b"accept" not in (line := await process.stdout.readline()):
                assert line, "Redis ended"
            reader, writer = await asyncio.open_unix_connection(str(socket))
            yield Redis(reader, writer)
            writer.close()
        finally:
            process.terminate()
            await process.wait()
