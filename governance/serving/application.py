"""The ASGI application that granian runs: limits before a thread is used, Django in threads, responses without one."""

from __future__ import annotations

import asyncio
import io
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import close_old_connections
from django.http.cookie import parse_cookie

from governance import health
from governance.serving import calls, listening, refusals
from governance.serving.bodies import ArrivingBody, Bodies, BodyError, TooLargeError, TooSlowError
from governance.serving.limits import Limits
from registry import addresses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

READY_FOR = 1.0
"""Seconds for which the result of /readyz is reused."""
DISCARDED = 8 * 1024 * 1024
"""Bytes of a refused large body that are read after the response was made, so that the connection can be reused;
if there are more, it is closed.
"""
DISCARDED_WITHIN = 5.0
"""Maximum seconds for that."""
READY_WITHIN = 8.0
"""Seconds after which a readiness check without a result counts as failed."""


class Refusal(Exception):
    """The server itself refuses the request."""

    def __init__(self, refused: refusals.Refused) -> None:
        super().__init__(refused.detail)
        self.refused = refused


class Application:
    """One web process: limits, threads, and the WSGI application behind them."""

    def __init__(self, wsgi: calls.Wsgi, limits: Limits) -> None:
        self._wsgi = wsgi
        self._limits = limits
        self._bodies = Bodies(limits)
        self._workers = ThreadPoolExecutor(limits.threads, "request")
        self._uploads = ThreadPoolExecutor(limits.upload_threads, "upload")
        self._files = ThreadPoolExecutor(limits.threads, "download")
        self._probes = ThreadPoolExecutor(1, "readiness")
        self._open: Counter[str] = Counter()
        self._turns: dict[tuple[str, str], _Turns] = {}
        self._readiness: tuple[float, asyncio.Future[dict[str, Any]]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or startup and shutdown."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        listening.end_stalled_connections(self._limits.stalled_seconds)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for pool in (self._workers, self._uploads, self._files, self._probes):
            pool.shutdown(wait=False, cancel_futures=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: calls.Answer | None = None
        try:
            try:
                if scope["path"] in {"/healthz", "/readyz"}:
                    answer = await self._health(scope)
                    await self._send(answer, send)
                    return
                address = self._address(scope)
                with self._counted(address):
                    answer = await self._handled_or_broken(scope, receive, address)
                    await self._send(answer, send)
            except Refusal as refusal:
                refused = refusals.refusal(scope["path"], refusal.refused)
                # The unread rest of the body would be read as the next request of the connection.
                await self._send(calls.closing(refused) if calls.has_body(scope) else refused, send)
        except (BodyError, TimeoutError):
            # The client disconnected or stalled: ending the request closes the connection.
            log.info("a client went away or stalled: %s %s", scope["method"], scope["path"])
        finally:
            if answer is not None and answer.rest is not None:
                await asyncio.get_running_loop().run_in_executor(self._files, answer.rest.close)

    # --- health ---

    async def _health(self, scope: Scope) -> calls.Answer:
        if scope["method"] not in {"GET", "HEAD"}:
            return refusals.answer(405, "text/plain; charset=utf-8", "GET or HEAD only\n", {"allow": "GET, HEAD"})
        if scope["path"] == "/healthz":
            return refusals.answer(200, "text/plain; charset=utf-8", "ok\n")
        found = await self._ready()
        return refusals.answer(200 if found["ready"] else 503, "application/json", found)

    async def _ready(self) -> dict[str, Any]:
        """Return the state of each part. Concurrent callers share one check, which has its own thread."""
        loop = asyncio.get_running_loop()
        running = self._readiness
        if running is None or (running[1].done() and loop.time() - running[0] > READY_FOR):
            running = self._readiness = (loop.time(), loop.run_in_executor(self._probes, _probed))
        try:
            return await asyncio.wait_for(asyncio.shield(running[1]), READY_WITHIN)
        except TimeoutError:
            return {"ready": False, "parts": {"checks": "TimeoutError"}, "background": {}}

    # --- a request ---

    def _address(self, scope: Scope) -> str:
        """Return the address under which the request is counted."""
        peer = str((scope.get("client") or ("",))[0])
        forwarded = ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for")
        caller = addresses.caller(peer, forwarded, settings.COUNTERSIGN_TRUSTED_PROXIES)
        return addresses.counted_as(caller)

    def _counted(self, address: str) -> _Counted:
        if self._open[address] >= self._limits.requests_per_address:
            raise Refusal(refusals.TOO_MANY)
        if self._open.total() >= self._limits.requests:
            raise Refusal(refusals.BUSY)
        return _Counted(self._open, address)

    async def _handled_or_broken(self, scope: Scope, receive: Receive, address: str) -> calls.Answer:
        try:
            return await self._handled(scope, receive, address)
        except Refusal:
            raise
        except Exception:
            # Django handles errors in views; this handles errors around it.
            log.exception("a request broke: %s %s", scope["method"], scope["path"])
            return refusals.refusal(scope["path"], refusals.BROKEN)

    async def _handled(self, scope: Scope, receive: Receive, address: str) -> calls.Answer:
        if not calls.is_in_known_encoding(scope):
            raise Refusal(refusals.ENCODING)
        announced = calls.header(scope, b"content-length")
        length = int(announced) if announced is not None and announced.isdecimal() else None
        if length is not None and length > self._limits.buffered:
            return await self._upload(scope, receive, address, length)
        if not calls.has_body(scope):
            return await self._call(scope, io.BytesIO(), length, address)
        try:
            async with self._bodies.received(receive, address) as body:
                return await self._call(scope, io.BytesIO(body), len(body), address)
        except TooSlowError:
            raise Refusal(refusals.TOO_SLOW) from None
        except TooLargeError:
            raise Refusal(refusals.TOO_LARGE) from None
        except BodyError:
            raise Refusal(refusals.CUT_OFF) from None

    async def _call(self, scope: Scope, body: IO[bytes], length: int | None, address: str) -> calls.Answer:
        environment = calls.environ(scope, body, length)
        async with self._turn("request", address, self._limits.threads_per_address):
            return await asyncio.get_running_loop().run_in_executor(self._workers, calls.call, self._wsgi, environment)

    async def _upload(self, scope: Scope, receive: Receive, address: str, length: int) -> calls.Answer:
        """Let the application read a large body while it arrives, in threads reserved for that."""
        loop = asyncio.get_running_loop()
        body = ArrivingBody(receive, loop, self._limits, length)
        environment = calls.environ(scope, io.BufferedReader(body, calls.CHUNK), length)
        async with self._turn("upload", address, self._limits.uploads_per_address):
            answer = await loop.run_in_executor(self._uploads, self._call_with_large_body, environment)
        read = await body.discard(most=DISCARDED, seconds=DISCARDED_WITHIN)
        return answer if read else calls.closing(answer)

    def _call_with_large_body(self, environment: dict[str, Any]) -> calls.Answer:
        if not _may_send_large_body(environment):
            return refusals.refusal(environment["PATH_INFO"], refusals.TOO_LARGE)
        return calls.call(self._wsgi, environment)

    @asynccontextmanager
    async def _turn(self, kind: str, address: str, at_a_time: int) -> AsyncIterator[None]:
        """Wait until the address uses fewer threads than its limit."""
        key = (kind, address)
        turns = self._turns.setdefault(key, _Turns(at_a_time))
        turns.users += 1
        try:
            async with turns.semaphore:
                yield
        finally:
            turns.users -= 1
            if not turns.users:
                self._turns.pop(key, None)

    # --- the answer ---

    async def _send(self, answer: calls.Answer, send: Send) -> None:
        """Send a response at the client's speed. Raises TimeoutError if the client accepts nothing for too long."""
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        piece = memoryview(answer.body)
        while True:
            while len(piece) > calls.CHUNK:
                await self._send_piece(send, bytes(piece[: calls.CHUNK]), more=True)
                piece = piece[calls.CHUNK :]
            if answer.rest is None:
                await self._send_piece(send, bytes(piece), more=False)
                return
            await self._send_piece(send, bytes(piece), more=True)
            read = await asyncio.get_running_loop().run_in_executor(self._files, answer.rest.read)
            piece = memoryview(read)
            if not read:
                answer.rest.close()
                answer.rest = None

    async def _send_piece(self, send: Send, piece: bytes, *, more: bool) -> None:
        message = {"type": "http.response.body", "body": piece, "more_body": more}
        async with asyncio.timeout(self._limits.stalled_seconds):
            await send(message)


class _Counted:
    """Counts a request for its address while the block runs."""

    def __init__(self, requests: Counter[str], address: str) -> None:
        self._requests = requests
        self._address = address

    def __enter__(self) -> None:
        self._requests[self._address] += 1

    def __exit__(self, *_: object) -> None:
        self._requests[self._address] -= 1
        if not self._requests[self._address]:
            del self._requests[self._address]


class _Turns:
    """The threads one address may use, and how many requests use or wait for them."""

    def __init__(self, at_a_time: int) -> None:
        self.semaphore = asyncio.Semaphore(at_a_time)
        self.users = 0


def _probed() -> dict[str, Any]:
    close_old_connections()
    return health.report()


def _may_send_large_body(environment: Mapping[str, Any]) -> bool:
    """Return whether the application may read a large body.

    API views check the token before they read; forms are read before any view, so they need a session.
    """
    if environment["PATH_INFO"].startswith(("/api/", "/ajax-api/")):
        return "HTTP_AUTHORIZATION" in environment
    from importlib import import_module  # noqa: PLC0415  # imported in the worker process

    close_old_connections()
    key = parse_cookie(environment.get("HTTP_COOKIE", "")).get(settings.SESSION_COOKIE_NAME)
    store = import_module(settings.SESSION_ENGINE).SessionStore(key)
    with suppress(Exception):
        return bool(key) and SESSION_KEY in store
    return False
