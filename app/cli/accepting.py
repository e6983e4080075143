"""Whoever waits at the door is let in at once, however busy it is inside.

libuv, which uvloop is made of, accepts one connection in each turn of the loop
(github.com/libuv/libuv/pull/3696), and a turn takes as long as one step of every request under way.
With five hundred of them the last newcomer waited for seconds before anything of ours had seen it,
and no deadline runs out there.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Iterable


class Door:
    """Listens beside the loop on the same sockets and takes all who wait."""

    def __init__(
        self, sockets: Iterable[socket.socket], protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._arriving: set[asyncio.Task[None]] = set()
        # The loop keeps its own descriptor for itself.
        self._listening = [socket.socket(fileno=os.dup(one.fileno())) for one in sockets]
        for one in self._listening:
            one.settimeout(0)
            self._loop.add_reader(one, self._accept_all, one)

    async def close(self) -> None:
        """Nobody is taken any more; whoever was is inside."""
        for one in self._listening:
            self._loop.remove_reader(one)
            one.close()
        await asyncio.gather(*self._arriving)

    def _accept_all(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                # There is nobody left, or no descriptor: the loop, which is told too, sees to that.
                return
            connection.settimeout(0)
            arriving = self._loop.create_task(self._let_in(connection))
            self._arriving.add(arriving)
            arriving.add_done_callback(self._arriving.discard)

    async def _let_in(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:
            connection.close()  # It has gone again.
