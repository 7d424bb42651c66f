"""The API on the production server: streaming without buffering, and an end-to-end run with a worker."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from django.conf import settings
from django.db import connection

from governance.models import PromotionRequest
from registry import storage
from registry.access import SCOPES
from registry.models import RegisteredModel, User
from tests import factories
from tests.governance.interfaces.rest.conftest import CARD, install
from tests.governance.signing import approve
from tests.personas import People

MEGABYTE = 1024 * 1024
LARGE = 64 * MEGABYTE
PATIENCE = 60


@dataclass
class Server:
    """A web process as `make run` starts it, on the database of the test."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def peak(self) -> int:
        """The most memory it ever had, in bytes: of the process and the worker below it."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = 0
        for number in (str(self.process.pid), *children):
            line = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{number}/status").read_text())
            assert line is not None
            found = max(found, int(line[1]) * 1024)
        return found

    def kill(self) -> None:
        """End it as a power cut would, the worker below it first, so that none is left to clean up."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for number in (*map(int, children), self.process.pid):
            os.kill(number, signal.SIGKILL)
        self.process.wait(PATIENCE)


@pytest.fixture
def server(transactional_db: None) -> Iterator[Server]:
    with started() as running:
        yield running


@contextmanager
def started() -> Iterator[Server]:
    """A web process, stopped afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    descriptor, log = tempfile.mkstemp(prefix="countersign-web-", suffix=".log")
    process = subprocess.Popen(
        [
            sys.executable, "-m", "governance.serving", "--host=127.0.0.1", f"--port={port}",
        ],
        cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))},
            "DJANGO_SETTINGS_MODULE": "governance.settings.testing",
            "COUNTERSIGN_TEST_DATABASE": connection.settings_dict["NAME"],
            "COUNTERSIGN_TEST_REDIS_URL": settings.REDIS_URL,
            "COUNTERSIGN_STORAGE_DIR": str(settings.COUNTERSIGN_STORAGE_DIR),
        },
    )  # fmt: skip
    os.close(descriptor)
    running = Server(process, port, Path(log))
    try:
        await_(lambda: answers(running), running)
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(PATIENCE)
        Path(log).unlink()


def answers(server: Server) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=PATIENCE):
            return True
    except (URLError, ConnectionError):
        return False


def await_(condition: Callable[[], bool], server: Server) -> None:
    """Ask until it is so; a server that died ends the asking."""
    pause = threading.Event()
    for _ in range(PATIENCE * 50):
        if condition():
            return
        assert server.process.poll() is None, server.log.read_text()
        pause.wait(0.02)
    raise AssertionError(server.log.read_text())


@dataclass
class Over:
    """Somebody with a token, over a real connection."""

    server: Server
    secret: str

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """Status, body (as JSON where it is that) and headers."""
        link = self.server.connection()
        sent = {"Authorization": f"Bearer {self.secret}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if isinstance(body, dict):
            body, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        link.request(method, path if path.startswith("/api") else f"/api/v1{path}", body, sent)
        answer = link.getresponse()
        raw = answer.read()
        link.close()
        found = dict(answer.getheaders())
        is_json = "json" in answer.headers.get("Content-Type", "")
        assert answer.status < 500, self.server.log.read_text()
        return answer.status, json.loads(raw) if is_json else raw, found


@dataclass
class Scene:
    """People, and Priya's token on the server."""

    people: People
    call: Over

    def decide(self, number: int, by: User) -> None:
        request = PromotionRequest.objects.get(pk=number)
        approve(by, request)


@pytest.fixture
def scene(server: Server) -> Scene:
    people = install(People())
    _, secret = factories.token(people.priya, SCOPES)
    call = Over(server, secret)
    status, body, _ = call("POST", "/models", {"slug": "m", "risk_tier": 1})
    assert status == 201, body
    factories.assessed(RegisteredModel.objects.get(slug="m"))
    return Scene(people, call)


def block(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest() * (MEGABYTE // 32)


def large_file() -> Iterator[bytes]:
    """64 MB that nobody holds at once."""
    return (block(number) for number in range(LARGE // MEGABYTE))


def digest_of(chunks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def declared(path: str, sha256: str, size: int) -> dict[str, Any]:
    return {"artifacts": [{"path": path, "sha256": sha256, "size": size}]}


def test_a_large_file_goes_in_and_out_in_flat_memory(scene: Scene, server: Server) -> None:
    sha256 = digest_of(large_file())
    for path, digest, size in [("small", hashlib.sha256(b"x").hexdigest(), 1), ("large", sha256, LARGE)]:
        scene.call("POST", "/models/m/versions", declared(path, digest, size))
    # What the first upload and the first download need stays: code that is loaded, buffers that are kept.
    assert scene.call("PUT", "/models/m/versions/1/artifacts/small", b"x")[0] == 200
    assert scene.call("GET", "/models/m/versions/1/artifacts/small")[1] == b"x"
    before = server.peak()

    status, stored, _ = scene.call(
        "PUT", "/models/m/versions/2/artifacts/large", large_file(), Content_Length=str(LARGE)
    )
    assert status == 200, stored
    assert stored["stored"] is True
    link = server.connection()
    link.request(
        "GET", "/api/v1/models/m/versions/2/artifacts/large", headers={"Authorization": f"Bearer {scene.call.secret}"}
    )
    answer = link.getresponse()
    assert answer.headers["Content-Length"] == str(LARGE)
    assert digest_of(iter(lambda: answer.read(MEGABYTE), b"")) == sha256
    link.close()

    grown = server.peak() - before
    assert grown < LARGE // 4, f"{grown / MEGABYTE:.1f} MB"


def test_a_body_that_is_cut_off_leaves_nothing(scene: Scene, server: Server) -> None:
    content = b"y" * (4 * MEGABYTE)
    scene.call("POST", "/models/m/versions", declared("a", hashlib.sha256(content).hexdigest(), len(content)))
    temporary = Path(settings.COUNTERSIGN_STORAGE_DIR) / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)

    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.sendall(
            b"PUT /api/v1/models/m/versions/1/artifacts/a HTTP/1.1\r\nHost: localhost\r\n"
            b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n" % (scene.call.secret.encode(), len(content))
        )
        link.sendall(content[: 2 * MEGABYTE])
        # It has begun to be written, …
        await_(lambda: any(temporary.iterdir()), server)
    # … and is gone once the connection is.
    await_(lambda: not any(temporary.iterdir()), server)

    assert scene.call("GET", "/models/m/versions/1")[1]["artifacts"][0]["stored"] is False
    assert scene.call("PUT", "/models/m/versions/1/artifacts/a", content)[0] == 200


def test_a_server_that_is_killed_in_the_middle_of_an_upload_leaves_nothing_to_be_seen(
    scene: Scene, server: Server
) -> None:
    content = b"z" * (4 * MEGABYTE)
    sha256 = hashlib.sha256(content).hexdigest()
    scene.call("POST", "/models/m/versions", declared("a", sha256, len(content)))
    temporary = Path(settings.COUNTERSIGN_STORAGE_DIR) / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.sendall(
            b"PUT /api/v1/models/m/versions/1/artifacts/a HTTP/1.1\r\nHost: localhost\r\n"
            b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n" % (scene.call.secret.encode(), len(content))
        )
        link.sendall(content[: 2 * MEGABYTE])
        await_(lambda: any(file.stat().st_size for file in temporary.iterdir()), server)
        server.kill()

    (half,) = temporary.iterdir()
    assert half.stat().st_size < len(content)
    with pytest.raises(FileNotFoundError):
        storage.path_of(sha256)
    with started() as again:
        call = Over(again, scene.call.secret)
        assert call("GET", "/models/m/versions/1")[1]["artifacts"][0]["state"] == "missing"
        assert call("GET", "/models/m/versions/1/artifacts/a")[0] == 404
        assert call("POST", "/models/m/versions/1/complete")[1]["code"] == "files_missing"
        # The same again, as a client does.
        assert call("PUT", "/models/m/versions/1/artifacts/a", content)[0] == 200
        assert call("PUT", "/models/m/versions/1/artifacts/a", content)[0] == 200
        assert call("POST", "/models/m/versions/1/complete")[1]["status"] == "registered"
    os.utime(half, (0, 0))
    assert storage.store().delete_abandoned(older_than=storage.ABANDONED_AFTER, pretend=False) == 1
    assert storage.exists(sha256, len(content))


def test_a_chunked_body_is_refused(scene: Scene) -> None:
    scene.call("POST", "/models/m/versions", declared("a", "0" * 64, 1))

    link = scene.call.server.connection()
    headers = {"Authorization": f"Bearer {scene.call.secret}", "Transfer-Encoding": "chunked"}
    link.request("PUT", "/api/v1/models/m/versions/1/artifacts/a", iter([b"x"]), headers, encode_chunked=True)
    answer = link.getresponse()

    assert (answer.status, json.load(answer)["code"]) == (411, "length_required")
    link.close()


def test_a_chunked_document_is_read_like_another(scene: Scene) -> None:
    link = scene.call.server.connection()
    headers = {
        "Authorization": f"Bearer {scene.call.secret}",
        "Transfer-Encoding": "chunked",
        "Content-Type": "application/json",
    }
    link.request("POST", "/api/v1/models", iter([b'{"slug": "in-', b'pieces"}']), headers, encode_chunked=True)
    answer = link.getresponse()

    assert answer.status == 201, answer.read()
    link.close()


def test_the_journey(scene: Scene, worker_process: object) -> None:
    """From registration to Production: CI over HTTP, a worker for the checks, two people."""
    call = scene.call
    content = b'{"weights": [1, 2, 3]}'
    status, version, _ = call(
        "POST",
        "/models/m/versions",
        {
            **declared("model.json", hashlib.sha256(content).hexdigest(), len(content)),
            "card": CARD,
            "metrics": [{"name": "accuracy", "value": 0.91}],
        },
        Idempotency_Key="build-1",
    )
    assert status == 201, version
    assert call("PUT", version["artifacts"][0]["url"], content)[0] == 200
    assert call("POST", f"{version['url']}/complete")[0] == 200

    staging = ask(call, "staging")
    assert follow(call, staging, lambda seen: not seen["live"])["state"] == "promoted"

    production = ask(call, "production")
    ready_for_people = follow(call, production, lambda seen: seen["packet_digest"] is not None)
    assert [r["id"] for r in ready_for_people["requirements"] if r["state"] != "met"] == ["approval:reviewers"]
    refused = call("POST", f"/promotions/{production}/decisions", {"outcome": "approve"})
    assert (refused[0], refused[1]["code"]) == (403, "tokens_do_not_decide")
    scene.decide(production, scene.people.marta)
    scene.decide(production, scene.people.chen)

    assert follow(call, production, lambda seen: not seen["live"])["state"] == "promoted"
    assert call("GET", "/resolve?ref=m/production")[1]["version"] == 1


def ask(call: Over, stage: str) -> int:
    body = {"model": "m", "version": 1, "target": {"stage": stage}, "reason": "the quarterly retraining"}
    status, promotion, _ = call("POST", "/promotions", body)
    assert status == 201, promotion
    number: int = promotion["id"]
    return number


def follow(call: Over, number: int, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """As a client does: wait for news, look, wait again from what was seen."""
    seen: dict[str, Any] = {}
    tag = "none"
    for _ in range(20):
        status, body, headers = call("GET", f"/promotions/{number}?wait=5", If_None_Match=tag)
        if status == 200:
            seen, tag = body, headers["etag"] if "etag" in headers else headers["ETag"]
        if until(seen):
            return seen
    raise AssertionError(seen)
