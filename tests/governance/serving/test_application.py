"""The application behind the HTTP server, spoken to in ASGI's messages: limits, turns, answers."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from governance.serving import application as application_module
from governance.serving.application import Application
from governance.serving.calls import File
from governance.serving.limits import Limits

PATIENCE = 60
LIMITS = Limits(threads=3, upload_threads=2, buffered=1000, body_seconds=PATIENCE, stalled_seconds=PATIENCE)


@dataclass
class Client:
    """A client: sends its messages one by one, then nothing more; keeps what it is sent."""

    messages: list[Mapping[str, Any]]
    address: str = "192.0.2.1"
    method: str = "POST"
    path: str = "/"
    headers: Sequence[tuple[bytes, bytes]] = ()
    got: list[dict[str, Any]] = field(default_factory=list)
    accepts: int = 10_000

    async def receive(self) -> Mapping[str, Any]:
        if self.messages:
            return self.messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: dict[str, Any]) -> None:
        if len(self.got) >= self.accepts:
            await asyncio.Event().wait()
        self.got.append(message)

    def of(self, application: Application) -> Awaitable[None]:
        scope = {
            "type": "http", "method": self.method, "path": self.path, "query_string": b"", "http_version": "1.1",
            "headers": list(self.headers), "client": (self.address, 1),
        }  # fmt: skip
        return application(scope, self.receive, self.send)

    @property
    def status(self) -> int:
        return int(self.got[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.got)


def post(*parts: bytes, length: int | None = None, more: bool = False, **facts: Any) -> Client:
    """A client that announces a length, sends the parts, and leaves the rest unsent where `more`."""
    announced = sum(map(len, parts)) if length is None else length
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if not more:
        messages.append({"type": "http.request", "body": b"", "more_body": False})
    return Client(list(messages), headers=[(b"content-length", str(announced).encode())], **facts)


Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def echo(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))]


def run_to_end(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run it on an event loop in a thread of its own: a worker that had a browser keeps a running loop in its own."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


def run(*clients: Client, wsgi: Wsgi = echo, limits: Limits = LIMITS) -> None:
    """Serve all clients at a time, until the last one is answered."""

    async def all_of_them() -> None:
        application = Application(wsgi, limits)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(client.of(application) for client in clients))

    run_to_end(all_of_them())


def test_a_body_is_complete_before_the_application_sees_it() -> None:
    client = post(b"first ", b"second")

    run(client)

    assert (client.status, client.body) == (200, b"first second")


@pytest.mark.parametrize("kind", [b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=a", b"a/b"])
@pytest.mark.parametrize(
    ("said", "status"),
    [
        *((f"charset={name}", 415) for name in ("rot13", "base64", "hex", "idna", "utf-16", "utf-7", '"ROT-13"')),
        ("charset*=unknown''utf-8", 415),
        *((f"charset={name}", 200) for name in ("utf-8", "UTF8", "us-ascii", "iso-8859-1", "unknown", "")),
    ],
)
def test_an_encoding_that_django_cannot_decode_by_is_refused(kind: bytes, said: str, status: int) -> None:
    client = post(b"a=b")
    client.headers = [*client.headers, (b"content-type", kind + b"; " + said.encode())]

    run(client)

    assert client.status == status


def test_a_body_that_does_not_arrive_is_given_up() -> None:
    client = post(b"a", length=10, more=True)

    run(client, limits=replace(LIMITS, body_seconds=0.01))

    assert client.status == 408


def test_the_oldest_unfinished_body_gives_way() -> None:
    unfinished = [post(b"a", length=10, more=True) for _ in range(3)]
    whole = post(b"b")

    async def served() -> None:
        application = Application(echo, replace(LIMITS, bodies_per_address=2))
        tasks = [asyncio.ensure_future(client.of(application)) for client in (*unfinished, whole)]
        await asyncio.wait([tasks[0], tasks[1], tasks[3]], timeout=PATIENCE)
        assert not tasks[2].done()
        tasks[2].cancel()
        await asyncio.wait([tasks[2]])

    run_to_end(served())

    assert [client.status for client in (*unfinished[:2], whole)] == [408, 408, 200]


def test_more_bytes_than_may_be_held_end_an_unfinished_body() -> None:
    first, second = post(b"a" * 600, length=900, more=True), post(b"b" * 600)

    run(first, second, limits=replace(LIMITS, held_bytes=1000))

    assert (first.status, second.status) == (408, 200)


def test_a_body_without_a_length_is_bounded() -> None:
    client = replace(post(*[b"a" * 400] * 3, more=True), headers=[(b"transfer-encoding", b"chunked")])

    run(client)

    assert client.status == 413


def test_one_address_has_so_many_requests_at_a_time() -> None:
    unfinished = [post(length=10, more=True) for _ in range(2)]
    one_more, other = post(b"a"), post(b"a", address="192.0.2.2")

    async def served() -> None:
        application = Application(echo, replace(LIMITS, requests_per_address=2))
        tasks = [asyncio.ensure_future(client.of(application)) for client in (*unfinished, one_more, other)]
        await asyncio.wait(tasks[2:], timeout=PATIENCE)
        for task in tasks[:2]:
            task.cancel()
        await asyncio.wait(tasks[:2])

    run_to_end(served())

    assert (one_more.status, other.status) == (429, 200)


def refuse(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answers without reading the body, as a view does that looks at the token first."""
    start("401 Unauthorized", [("Content-Type", "text/plain")])
    return [b"no"]


def connection_of(client: Client) -> bytes | None:
    return dict(client.got[0]["headers"]).get(b"connection")


def with_token(client: Client) -> Client:
    return replace(client, path="/api/x", headers=[*client.headers, (b"authorization", b"Bearer x")])


def test_a_refused_large_body_is_read_to_its_end_so_that_the_connection_can_be_used_again() -> None:
    client = with_token(post(*[b"a" * 1000] * 5))

    run(client, wsgi=refuse)

    assert (client.status, connection_of(client)) == (401, None)
    assert len(client.messages) <= 1, "the body was received"


def test_where_a_body_is_not_read_the_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application_module, "DISCARDED", 2000)
    large = with_token(post(*[b"a" * 1000] * 9))
    monkeypatch.setattr(application_module, "DISCARDED_WITHIN", 0.05)
    stalled = with_token(post(b"a", length=5000, more=True))
    late = post(b"a", length=10, more=True)

    run(large, wsgi=refuse)
    run(stalled, wsgi=refuse)
    run(late, limits=replace(LIMITS, body_seconds=0.01))

    assert [(c.status, connection_of(c)) for c in (large, stalled)] == [(401, b"close")] * 2
    assert (late.status, connection_of(late)) == (408, b"close")


class Holding:
    """An application whose requests to /hold wait until they are let go."""

    def __init__(self) -> None:
        self.held = threading.Semaphore(0)
        self.go = threading.Event()
        self.running = self.most = 0
        self.lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/hold":
            with self.lock:
                self.running += 1
                self.most = max(self.most, self.running)
            self.held.release()
            assert self.go.wait(PATIENCE)
            with self.lock:
                self.running -= 1
        return echo(environ, start)


def test_one_address_never_uses_every_thread() -> None:
    holding = Holding()
    slow = [Client([], path="/hold", method="GET") for _ in range(5)]
    other, health = Client([], method="GET", address="192.0.2.2"), Client([], method="GET", path="/healthz")

    async def served() -> None:
        application = Application(holding, LIMITS)
        tasks = [asyncio.ensure_future(client.of(application)) for client in slow]
        await asyncio.get_running_loop().run_in_executor(None, holding.held.acquire)
        await asyncio.wait_for(other.of(application), PATIENCE)
        await asyncio.wait_for(health.of(application), PATIENCE)
        holding.go.set()
        await asyncio.wait(tasks, timeout=PATIENCE)

    run_to_end(served())

    assert (other.status, health.status) == (200, 200)
    assert holding.most == LIMITS.threads_per_address == 1
    assert [client.status for client in slow] == [200] * 5


def test_health_is_answered_while_every_thread_is_taken() -> None:
    holding = Holding()
    slow = [Client([], path="/hold", method="GET", address=f"192.0.2.{n}") for n in range(6)]
    health = [Client([], method=method, path="/healthz") for method in ("GET", "HEAD", "POST")]

    async def served() -> None:
        application = Application(holding, LIMITS)
        tasks = [asyncio.ensure_future(client.of(application)) for client in slow]
        for _ in range(LIMITS.threads):
            await asyncio.get_running_loop().run_in_executor(None, holding.held.acquire)
        for client in health:
            await asyncio.wait_for(client.of(application), PATIENCE)
        holding.go.set()
        await asyncio.wait(tasks, timeout=PATIENCE)

    run_to_end(served())

    assert [client.status for client in health] == [200, 200, 405]


def test_a_reader_who_accepts_nothing_is_given_up_and_its_file_closed() -> None:
    file = io.BytesIO(b"x" * 2_000_000)

    def send_file(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        return environ["wsgi.file_wrapper"](file)  # type: ignore[no-any-return]  # WSGI is untyped

    client = Client([], method="GET", accepts=2)

    run(client, wsgi=send_file, limits=replace(LIMITS, stalled_seconds=0.01))

    assert len(client.got) == 2
    assert file.closed


@pytest.mark.parametrize("size", [0, 1, 262_143, 262_144, 262_145, 1_000_000])
@pytest.mark.parametrize("form", ["file", "list", "generator"])
def test_an_answer_arrives_whole(size: int, form: str) -> None:
    content = bytes(n % 251 for n in range(size))

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        if form == "file":
            return File(io.BytesIO(content))
        parts: Iterator[bytes] = (content[n : n + 70_000] for n in range(0, size, 70_000))
        return [content] if form == "list" else parts

    client = Client([], method="GET")

    run(client, wsgi=answer)

    assert client.body == content
    assert client.got[-1]["more_body"] is False


def test_a_large_body_is_read_while_it_arrives(db: None) -> None:
    parts = [bytes([n]) * 1000 for n in range(20)]
    client = post(*parts, path="/api/v1/x")
    client.headers = [*client.headers, (b"authorization", b"Bearer cs_x")]

    run(client)

    assert client.body == b"".join(parts)


@pytest.mark.parametrize("missing", ["stalls", "goes away"])
def test_a_large_body_that_ends_early_is_an_error_of_reading(missing: str) -> None:
    errors: list[Exception] = []

    def reads(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        for _ in range(2):
            try:
                environ["wsgi.input"].read(20_000)
            except OSError as error:
                errors.append(error)
        start("400 Bad Request", [])
        return [b""]

    client = post(b"a" * 1000, length=20_000, more=True, path="/api/v1/x")
    client.headers = [*client.headers, (b"authorization", b"Bearer cs_x")]
    if missing == "goes away":
        client.messages.append({"type": "http.disconnect"})

    run(client, wsgi=reads, limits=replace(LIMITS, stalled_seconds=0.01 if missing == "stalls" else PATIENCE))

    assert client.status == 400
    assert len(errors) == 2, "what was cut off never looks like its end"


def test_what_breaks_is_answered() -> None:
    def breaks(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        raise RuntimeError("broken")

    client = Client([], method="GET")

    run(client, wsgi=breaks)

    assert client.status == 500
