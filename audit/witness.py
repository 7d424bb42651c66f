"""A witness: keeps checkpoints of a log on another host and accepts only heads that continue the last one.

Needs neither Django nor the database, only ``cryptography`` and the files of this package that it imports::

    python -m audit.witness --folder /var/lib/witness --log VKEY --name witness.example/1 serve --port 8090
    python -m audit.witness --folder /var/lib/witness --log VKEY show

Source: C2SP tlog-witness.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import clock, merkle, notes
from audit.durable_files import sync_folder, write_durably
from audit.exceptions import BadNoteError

MAX_BODY = 100_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answers: an HTTP status, and the text with its media type."""

    status: int
    text: str
    media_type: str = "text/plain; charset=utf-8"


class Witness:
    """Keeps the checkpoints of the logs whose keys it knows, one append-only file for each origin.

    Args:
        folder: where the files are; created.
        logs: keys of the logs.
        name: name of the witness in its cosignatures; empty for a witness that keeps and does not sign.
    """

    def __init__(self, folder: Path, logs: Iterable[notes.VerificationKey], name: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.logs, self.name = folder, tuple(logs), name
        self.private = _own_key(folder) if name else None

    @property
    def vkey(self) -> str:
        """The text of the key of the cosignatures; empty for a witness that does not sign."""
        return str(notes.public_key(self.private, self.name, notes.COSIGNATURE)) if self.private else ""

    def add_checkpoint(self, body: str) -> Answer:
        """Verify and keep a checkpoint, and return the cosignature. It is kept before this returns."""
        try:
            old, proof, text = notes.parse_consistency_request(body)
            note = notes.parse(text)
            head = notes.parse_checkpoint(note.text)
        except BadNoteError as error:
            return Answer(400, f"{error}\n")
        keys = [key for key in self.logs if key.name == head.origin]
        if not keys:
            return Answer(404, f"This witness does not know the log {head.origin}.\n")
        try:
            notes.verify(note, keys)
        except BadNoteError as error:
            return Answer(403, f"{error}\n")
        if old > head.size:
            return Answer(400, f"The old size {old} is above the size {head.size} of the checkpoint.\n")
        with self._file(head.origin).open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            last = _last_head(file)
            if old != last.size:
                return Answer(409, f"{last.size}\n", "text/x.tlog.size")
            if head.size == last.size and head.size and head.root != last.root:
                return Answer(409, f"{last.size}\n", "text/x.tlog.size")
            if not merkle.verify_consistency(last.size, last.root, head.size, head.root, proof):
                return Answer(422, f"The proof does not show that {head.size} continues {last.size}.\n")
            seconds = int(clock.now().timestamp())
            signed = f"{notes.cosign(note.text, self.private, self.name, seconds)}\n" if self.private else ""
            line = {"size": head.size, "root": notes.encode64(head.root), "at": seconds, "note": text, "answer": signed}
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.folder)
        return Answer(200, signed)

    def last_size(self, origin: str) -> int:
        """Return the size of the last checkpoint of a log; 0 without one."""
        path = self._file(origin)
        if not path.exists():
            return 0
        with path.open("r+") as file:
            return _last_head(file).size

    def _file(self, origin: str) -> Path:
        return self.folder / f"{hashlib.sha256(origin.encode()).hexdigest()[:16]}.jsonl"


def _last_head(file: Any) -> notes.Checkpoint:
    """Return the head in the last complete line. A line that a crash cut was never answered and is removed."""
    file.seek(0, os.SEEK_END)
    end = file.tell()
    file.seek(max(0, end - 2 * MAX_BODY))
    text = file.read()
    complete = text[: text.rfind("\n") + 1]
    if complete != text:
        file.truncate(end - len(text[len(complete) :].encode()))
        file.seek(0, os.SEEK_END)
    lines = complete.splitlines()
    if not lines:
        return notes.Checkpoint("", 0, merkle.EMPTY_ROOT)
    last = json.loads(lines[-1])
    return notes.Checkpoint("", int(last["size"]), notes.decode64(last["root"]))


def _own_key(folder: Path) -> Ed25519PrivateKey:
    path = folder / "witness.key"
    if not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_durably(path, pem, mode=0o600)
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise BadNoteError(f"{path} is not an Ed25519 key.")
    return key


def server(witness: Witness, port: int, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """Return an HTTP server of the witness that is bound and not started. TLS is the task of a proxy before it."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if self.path != "/add-checkpoint" or not length.isdigit() or int(length) > MAX_BODY:
                self._send(Answer(400 if self.path == "/add-checkpoint" else 404, "POST /add-checkpoint\n"))
                return
            try:
                body = self.rfile.read(int(length)).decode()
            except UnicodeDecodeError:
                self._send(Answer(400, "The body is not UTF-8.\n"))
                return
            self._send(witness.add_checkpoint(body))

        def do_GET(self) -> None:
            self._send(Answer(200, f"{witness.vkey}\n") if self.path == "/vkey" else Answer(404, "GET /vkey\n"))

        def _send(self, answer: Answer) -> None:
            data = answer.text.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.media_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name in the base class)
            pass

    return ThreadingHTTPServer((host, port), Handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the witness; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m audit.witness", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--folder", type=Path, required=True, help="where the checkpoints are kept")
    parser.add_argument("--log", action="append", required=True, help="verification key of a log; can be repeated")
    parser.add_argument("--name", default="", help="name of the witness; without it nothing is signed")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer the tlog-witness protocol")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8090)
    commands.add_parser("show", help="print the key of the witness and the last size of each log")
    options = parser.parse_args(arguments)
    try:
        witness = Witness(options.folder, [notes.VerificationKey.parse(key) for key in options.log], options.name)
    except (BadNoteError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.command == "show":
        print(witness.vkey or "this witness does not sign")
        for key in witness.logs:
            print(f"{key.name}: {witness.last_size(key.name)}")
        return 0
    with server(witness, options.port, options.host) as listening:
        print(f"{witness.vkey or 'no signatures'}\nlistening on {options.host}:{listening.server_port}", flush=True)
        try:
            listening.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
