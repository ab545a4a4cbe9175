"""A network that fails: a proxy before a server, whose connections can be reset or stalled, or lose an answer."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

from infra.embedded.ports import free_port

T = TypeVar("T")

_CHUNK = 1 << 16
_NO_FAREWELL = struct.pack("ii", 1, 0)  # closing sends a reset


class FaultyProxy:
    """A port in front of another one on loopback; runs in a thread of its own from `open` until `close`."""

    def __init__(self) -> None:
        self.port = free_port()
        self._behind = 0
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._lost_answer = b""
        self._server: asyncio.Server | None = None
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    def open(self, behind: int) -> None:
        """Lets clients through to the port `behind`."""
        self._behind = behind
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._through, "127.0.0.1", self.port)).result(10)

    def reset(self) -> None:
        """Every connection is reset."""
        self._loop.call_soon_threadsafe(self._reset)

    def lose(self, answer: bytes) -> None:
        """The next answer of the server with these bytes in it is lost: its connection is reset instead."""
        self._lost_answer = answer

    @property
    def has_lost(self) -> bool:
        """Whether the answer that was to be lost has come."""
        return not self._lost_answer

    def stall(self) -> None:
        """Nothing passes any more; the connections stand."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def resume(self) -> None:
        """What was stalled passes again."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def close(self) -> None:
        """For good."""
        self._do(self._end()).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _do(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        self._flows.set()
        self._reset()
        if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(tasks, timeout=5)

    def _reset(self) -> None:
        for writer in self._writers:
            _cut(writer)

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inside, out = await asyncio.open_connection("127.0.0.1", self._behind)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, out}
        await asyncio.gather(self._pass_on(reader, out), self._pass_on(inside, writer, asked_by=out))
        self._writers -= {writer, out}

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, asked_by: asyncio.StreamWriter | None = None
    ) -> None:
        """`asked_by`: what comes are answers to what was written there."""
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                await self._flows.wait()
                if asked_by is not None and self._lost_answer and self._lost_answer in data:
                    self._lost_answer = b""
                    _cut(asked_by)
                    _cut(sink)
                    return
                sink.write(data)
                await sink.drain()
        sink.close()


def _cut(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # it is being closed already
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_FAREWELL)
    writer.transport.abort()
