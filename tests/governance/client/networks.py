"""What may stand between a client and a server, or in its place: things the real server cannot be made to be."""

from __future__ import annotations

import datetime
import json
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Asked:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    size: int


@dataclass
class Said:
    """An answer to give. `status` 0 closes the connection without one."""

    status: int
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    html: str = ""


class Scripted(ThreadingHTTPServer):
    """A server that gives prepared answers in turn, the last one for ever, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, *answers: Said, read_body: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.asked: list[Asked] = []
        self.read_body = read_body

    def next(self) -> Said:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        server = cast("Scripted", self.server)
        length, size = int(self.headers.get("Content-Length", 0)), 0
        while server.read_body and size < length:
            size += len(self.rfile.read(min(65536, length - size)))
        server.asked.append(Asked(self.command, self.path, dict(self.headers), size))
        said = server.next()
        self.close_connection = True
        if said.status == 0:
            return
        body = said.html.encode() if said.html else json.dumps(said.document or {}).encode()
        self.send_response(said.status)
        self.send_header("Content-Type", "text/html" if said.html else "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 (http.server's names)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[Any]:
    """Serve in a thread while the block runs."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def scripted(*answers: Said, read_body: bool = True) -> Iterator[Scripted]:
    """A scripted server that is up."""
    with serving(Scripted(*answers, read_body=read_body)) as server:
        yield server


@contextmanager
def over_tls(server: Scripted, host: str, folder: Path) -> Iterator[tuple[Scripted, Path]]:
    """The same behind TLS, with a certificate of its own for `host`, which is in the file that is given too."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    _certify(host, certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with serving(server):
        yield server, certificate


def _certify(host: str, certificate: Path, key: Path) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    try:
        known_as: x509.GeneralName = x509.IPAddress(ip_address(host))
    except ValueError:
        known_as = x509.DNSName(host)
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([known_as]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


class Tunnel(socketserver.ThreadingTCPServer):
    """An HTTP proxy that takes CONNECT for any host and leads to one port of this machine."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, leads_to: int) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnelling)
        self.leads_to = leads_to
        self.heads: list[str] = []

    @property
    def port(self) -> int:
        port: int = self.server_address[1]
        return port


class _Tunnelling(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        tunnel, head = cast("Tunnel", self.server), b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(4096)
        tunnel.heads.append(head.decode())
        with socket.create_connection(("127.0.0.1", tunnel.leads_to)) as far:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pump: dict[socket.socket, Callable[[bytes], None]] = {self.request: far.sendall, far: self.request.sendall}
            while True:
                for ready in select.select(list(pump), [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    pump[ready](data)
