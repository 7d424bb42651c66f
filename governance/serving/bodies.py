"""Request bodies: received completely before a thread is used, or, if large, read as they arrive."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from governance.serving.limits import Limits

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class BodyError(OSError):
    """The body was not received. An OSError, as Django expects for unreadable bodies."""


class TooSlowError(BodyError):
    """The body did not arrive in time, or was ended in favour of a newer one of the same address."""


class TooLargeError(BodyError):
    """The body has more bytes than may be buffered."""


class Body:
    """A body that is being received."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.parts: list[bytes] = []
        self.size = 0
        self.is_complete = False
        self.clock: asyncio.Timeout | None = None

    def end(self) -> None:
        """End it: its request is answered with 408."""
        self.is_complete = True  # excludes it from the bodies that can be ended
        if self.clock is not None:
            self.clock.reschedule(asyncio.get_running_loop().time())


class Bodies:
    """All buffered bodies of one process. A new body is always accepted: the oldest incomplete one is ended for it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held: dict[Body, None] = {}

    @asynccontextmanager
    async def received(self, receive: Receive, address: str) -> AsyncIterator[bytes]:
        """Receive a body and count its bytes until the block ends.

        Args:
            receive: the ASGI receive function.
            address: the client address under which it is counted.

        Raises:
            TooSlowError: it did not arrive in time, or was ended for a newer one.
            TooLargeError: it is larger than may be buffered.
            BodyError: the client disconnected.
        """
        body = Body(address)
        self._held[body] = None
        try:
            self._make_room(body)
            try:
                await self._fill(body, receive)
            except TimeoutError:
                raise TooSlowError from None
            body.is_complete = True
            yield b"".join(body.parts)
        finally:
            del self._held[body]

    async def _fill(self, body: Body, receive: Receive) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        async with asyncio.timeout(self._limits.body_seconds) as body.clock:
            async for chunk in _chunks(receive):
                body.parts.append(chunk)
                body.size += len(chunk)
                if body.size > self._limits.buffered:
                    raise TooLargeError
                if not body.is_complete:
                    body.clock.reschedule(started + self._limits.body_seconds + body.size / self._limits.slowest)
                self._make_room(body)

    def _make_room(self, newest: Body) -> None:
        """End the oldest incomplete bodies while there are more than allowed."""
        incomplete = [body for body in self._held if not body.is_complete]
        of_address = [body for body in incomplete if body.address == newest.address]
        for oldest in of_address[: max(0, len(of_address) - self._limits.bodies_per_address)]:
            oldest.end()
        for oldest in incomplete[: max(0, len(incomplete) - self._limits.bodies)]:
            oldest.end()
        if sum(body.size for body in self._held) > self._limits.held_bytes:
            next(iter(incomplete), newest).end()


class ArrivingBody(io.RawIOBase):
    """A large body, read by a thread while it arrives.

    Reading raises TooSlowError if the client stalls, and BodyError if it disconnected.
    """

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop, limits: Limits, length: int) -> None:
        super().__init__()
        self._length = length
        self._chunks = _chunks(receive)
        self._loop = loop
        self._limits = limits
        self._started = loop.time()
        self._taken = 0
        self._waiting = b""
        self._is_broken = False
        self._is_exhausted = False

    async def discard(self, *, most: int, seconds: float) -> bool:
        """Read and drop the rest of the body.

        A connection with unread bytes of a body cannot be reused, and closing it before the client has sent them can
        lose the response.

        Args:
            most: maximum bytes to read.
            seconds: maximum time.

        Returns:
            Whether the body was read to its end.
        """
        end = self._taken + most
        try:
            async with asyncio.timeout(seconds):
                while not self._is_exhausted and self._taken < end:
                    await self._next()
        except (BodyError, TimeoutError):
            return False
        return self._is_exhausted

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer with available bytes; wait if there are none."""
        if self._is_broken:
            raise BodyError("the body was not received to its end")
        if not self._waiting:
            self._is_broken = True
            waited = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
            self._waiting = waited.result(2 * self._limits.stalled_seconds)
            self._is_broken = False
        count = min(len(buffer), len(self._waiting))
        buffer[:count] = self._waiting[:count]
        self._waiting = self._waiting[count:]
        return count

    async def _next(self) -> bytes:
        """Return the next bytes; none at the end."""
        # A client slower than the minimum rate times out here, even if it sends steadily.
        due = self._started + self._limits.stalled_seconds + self._taken / self._limits.slowest
        latest = self._loop.time() + self._limits.stalled_seconds
        try:
            async with asyncio.timeout_at(min(max(due, self._loop.time()), latest)):
                chunk = await anext(self._chunks, b"")
        except TimeoutError:
            raise TooSlowError("the body arrives too slowly") from None
        self._taken += len(chunk)
        self._is_exhausted = not chunk or self._taken >= self._length
        return chunk


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    """Yield the parts of a body. Raises BodyError if the client disconnects before its end."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise BodyError("the client went away")
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return
