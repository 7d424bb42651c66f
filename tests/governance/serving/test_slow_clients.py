"""Slow clients on a real server, on this machine only: while they are connected, everybody else is answered."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings

from governance.serving.calls import environ
from registry.access import SCOPES
from tests import factories
from tests.governance.interfaces.rest.conftest import install
from tests.governance.interfaces.rest.test_server import PATIENCE, Over, Server, await_, declared, started
from tests.personas import People

HEAD = b" HTTP/1.1\r\nHost: localhost\r\n"
NO_BODY = b"POST /sign-in/" + HEAD + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"
PART_OF_BODY = b"POST /sign-in/" + HEAD + b"Content-Length: 100000\r\n\r\nusername="
HALF_A_HEAD = b"POST /sign-in/" + HEAD
LARGE_UPLOAD = (
    b"PUT /api/v1/models/m/versions/1/artifacts/a" + HEAD + b"Authorization: Bearer cs_none\r\n"
    b"Content-Length: 10000000000\r\n\r\n"
)
LARGE_FORM = (
    b"POST /sign-in/" + HEAD + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 10000000000\r\n\r\n"
)
UNREAD = (b"GET /static/js/htmx.min.js" + HEAD + b"\r\n") * 40
"""Requests of one connection whose answers nobody reads."""

ATTACKERS = 64
"""Eight times as many as there are worker threads."""


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: object) -> Iterator[Server]:
    with django_db_blocker.unblock(), started() as running:  # type: ignore[attr-defined]  # the fixture is typed as object
        yield running


def connect(server: Server, sent: bytes, source: str = "127.0.0.1") -> socket.socket:
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.settimeout(PATIENCE)
    link.bind((source, 0))
    link.connect(("127.0.0.1", server.port))
    link.sendall(sent)
    return link


def ask(server: Server, method: str, path: str, body: str = "", source: str = "127.0.0.1", **headers: str) -> int:
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE, source_address=(source, 0))
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    link.request(method, path, body or None, {"Host": "localhost", **kind, **headers})
    answer = link.getresponse()
    answer.read()
    link.close()
    return answer.status


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(HALF_A_HEAD, id="half-a-head"),
        pytest.param(NO_BODY, id="no-body"),
        pytest.param(PART_OF_BODY, id="part-of-a-body"),
        pytest.param(LARGE_UPLOAD, id="large-upload"),
        pytest.param(LARGE_FORM, id="large-form"),
        pytest.param(UNREAD, id="unread-answers"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_others_are_answered_while_slow_clients_are_connected(server: Server, sent: bytes) -> None:
    with ExitStack() as attackers:
        for _ in range(ATTACKERS):
            attackers.enter_context(connect(server, sent))

        for source in ("127.0.0.1", "127.0.0.9"):
            assert ask(server, "GET", "/healthz", source=source) == 200
            assert ask(server, "GET", "/readyz", source=source) == 200
            assert ask(server, "GET", "/sign-in/", source=source) == 200
            sign_in(server, source)


def sign_in(server: Server, source: str) -> None:
    """Take the form's token and post a name and a password: a whole request with a body is answered by Django."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE, source_address=(source, 0))
    link.request("GET", "/sign-in/", headers={"Host": "localhost"})
    answer = link.getresponse()
    page = answer.read().decode()
    cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found is not None
    link.close()
    body = f"csrfmiddlewaretoken={found[1]}&username=nobody&password=wrong"
    assert ask(server, "POST", "/sign-in/", body, source, Cookie=cookie) == 403
    link.close()


@pytest.mark.django_db(transaction=True)
def test_the_oldest_unfinished_body_of_an_address_gives_way(server: Server) -> None:
    with ExitStack() as attackers:
        links = [attackers.enter_context(connect(server, NO_BODY, "127.0.0.3")) for _ in range(17)]

        assert links[0].recv(65536).startswith(b"HTTP/1.1 408 ")
        assert links[0].recv(1) == b"", "the connection goes with the request"
        # Those of another address are not touched.
        other = attackers.enter_context(connect(server, NO_BODY, "127.0.0.4"))
        other.sendall(b"a" * 1000)
        assert other.recv(65536).startswith(b"HTTP/1.1 403 ")


@pytest.mark.django_db(transaction=True)
def test_what_the_server_refuses_itself_says_so_in_the_form_of_the_interface(server: Server) -> None:
    def refused(path: bytes) -> tuple[bytes, bytes]:
        with ExitStack() as links:
            first = links.enter_context(
                connect(server, b"POST " + path + HEAD + b"Content-Length: 10\r\n\r\n", "127.0.0.5")
            )
            for _ in range(16):
                links.enter_context(connect(server, NO_BODY, "127.0.0.5"))
            head, _, body = first.recv(65536).partition(b"\r\n\r\n")
            return head.lower(), body

    head, body = refused(b"/api/v1/models")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["code"] == "too_slow"
    head, body = refused(b"/api/2.0/mlflow/registered-models/create")
    assert json.loads(body)["error_code"] == "BAD_REQUEST"
    head, body = refused(b"/sign-in/")
    assert b"content-type: text/plain" in head
    assert b"permissions-policy: " in head


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("sent", "status"), [(LARGE_UPLOAD, b"401"), (LARGE_FORM, b"413")])
def test_a_large_body_is_read_for_those_alone_who_may_send_one(server: Server, sent: bytes, status: bytes) -> None:
    with connect(server, sent) as link:
        assert link.recv(65536).startswith(b"HTTP/1.1 " + status)


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_stalls_holds_no_other_request_and_leaves_nothing(server: Server) -> None:
    people = install(People())
    _, secret = factories.token(people.priya, SCOPES)
    call = Over(server, secret)
    size = 8 * 1024 * 1024
    assert call("POST", "/models", {"slug": "m", "risk_tier": 1})[0] == 201
    call("POST", "/models/m/versions", declared("a", hashlib.sha256(b"y" * size).hexdigest(), size))
    head = (
        b"PUT /api/v1/models/m/versions/1/artifacts/a"
        + HEAD
        + b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"
    ) % (secret.encode(), size)
    temporary = Path(settings.COUNTERSIGN_STORAGE_DIR) / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)

    with ExitStack() as attackers:
        for _ in range(ATTACKERS):
            attackers.enter_context(connect(server, head + b"y" * 65536))
        await_(lambda: any(temporary.iterdir()), server)
        assert len(list(temporary.iterdir())) <= 3, "one address does not use every thread for uploads"
        assert call("GET", "/models/m")[0] == 200
        # An address of its own has a thread left.
        link = connect(server, head + b"y" * size, "127.0.0.8")
        attackers.enter_context(link)
        assert link.recv(65536).startswith(b"HTTP/1.1 200 ")
    await_(lambda: not any(temporary.iterdir()), server)


@pytest.mark.django_db(transaction=True)
def test_readers_who_stall_hold_no_thread(server: Server) -> None:
    people = install(People())
    _, secret = factories.token(people.priya, SCOPES)
    call = Over(server, secret)
    content = b"z" * (8 * 1024 * 1024)
    call("POST", "/models", {"slug": "m", "risk_tier": 1})
    call("POST", "/models/m/versions", declared("a", hashlib.sha256(content).hexdigest(), len(content)))
    assert call("PUT", "/models/m/versions/1/artifacts/a", content)[0] == 200
    head = b"GET /api/v1/models/m/versions/1/artifacts/a" + HEAD + b"Authorization: Bearer %s\r\n\r\n" % secret.encode()

    with ExitStack() as attackers:
        links = [attackers.enter_context(connect(server, head)) for _ in range(ATTACKERS)]
        assert all(link.recv(9) == b"HTTP/1.1 " for link in links)
        assert call("GET", "/models/m")[0] == 200
        assert call("GET", "/models/m/versions/1/artifacts/a")[1] == content


def test_a_header_with_an_underscore_does_not_pass_for_one_of_a_proxy() -> None:
    """X_Forwarded_For and X-Forwarded-For are one name in the environment of WSGI."""
    scope = {
        "method": "GET", "path": "/", "query_string": b"", "http_version": "1.1",
        "headers": [(b"x_forwarded_for", b"192.0.2.1"), (b"x-forwarded-for", b"192.0.2.2")],
    }  # fmt: skip
    assert environ(scope, io.BytesIO(), None)["HTTP_X_FORWARDED_FOR"] == "192.0.2.2"
