"""A server that speaks MLflow's registry protocol over real HTTP, and can be told to speak it badly."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
CREATED = 1_600_000_000_000
"""13 September 2020, in milliseconds."""


@dataclass
class Reply:
    """An answer that is given instead of the right one."""

    status: int = 200
    body: bytes = b"{}"
    kind: str = "application/json"
    location: str = ""


@dataclass
class Registry:
    """What the server holds; `page` is how many entries it gives at a time."""

    models: dict[str, Json] = field(default_factory=dict)
    versions: dict[str, list[Json]] = field(default_factory=dict)
    page: int = 2
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    instead: Callable[[str, dict[str, list[str]]], Reply | None] = lambda path, query: None
    url: str = ""

    def model(self, name: str, **facts: Any) -> Json:
        made = {"name": name, "creation_timestamp": CREATED, "last_updated_timestamp": CREATED + 1000, **facts}
        self.models[name] = made
        self.versions.setdefault(name, [])
        return made

    def version(self, name: str, number: int, stage: str = "None", **facts: Any) -> Json:
        made = {
            "name": name,
            "version": str(number),
            "creation_timestamp": CREATED + number * 1000,
            "last_updated_timestamp": CREATED + number * 1000,
            "current_stage": stage,
            "source": f"s3://models/{name}/{number}",
            "run_id": f"{number:032x}",
            "status": "READY",
            "user_id": "nadia",
            **facts,
        }
        self.versions[name].append(made)
        newest = {v["current_stage"]: v for v in self.versions[name]}
        self.models[name]["latest_versions"] = list(newest.values())
        return made

    def answer(self, path: str, query: dict[str, list[str]]) -> Reply:
        wrong = self.instead(path, query)
        if wrong is not None:
            return wrong
        start = int(query.get("page_token", ["0"])[0])
        if path.endswith("/registered-models/search"):
            found, key = [self.models[name] for name in sorted(self.models)], "registered_models"
        elif path.endswith("/model-versions/search"):
            asked = re.fullmatch(r"name=(['\"])(.*)\1", query["filter"][0])
            assert asked is not None
            found, key = self.versions[asked[2]], "model_versions"
        else:
            return Reply(404, b'{"error_code": "ENDPOINT_NOT_FOUND", "message": "no"}')
        body: Json = {key: found[start : start + self.page]}
        if start + self.page < len(found):
            body["next_page_token"] = str(start + self.page)
        return Reply(body=json.dumps(body).encode())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        registry = cast("_Server", self.server).registry
        parts = urlsplit(self.path)
        registry.asked.append(self.path)
        registry.headers.append(dict(self.headers))
        reply = registry.answer(parts.path, parse_qs(parts.query))
        if not reply.status:
            self.close_connection = True
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        if reply.location:
            self.send_header("Location", reply.location)
        self.end_headers()
        with suppress(ConnectionError):  # whoever asked may have read enough
            self.wfile.write(reply.body)

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, registry: Registry) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.registry = registry


@contextmanager
def serving(registry: Registry) -> Iterator[str]:
    """Serve it on a free port of this machine."""
    server = _Server(registry)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    registry.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield registry.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
