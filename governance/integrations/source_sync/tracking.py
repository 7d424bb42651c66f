"""Read runs and logged models of an MLflow tracking server: files, parameters, metrics and tags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from governance.integrations.source_sync import sources
from governance.integrations.source_sync.sources import (
    MOST_FILES,
    CopyError,
    RetryableCopyError,
    Source,
    SourceFile,
    Tracking,
)
from governance.outbound_http import RemoteServer, ServerFault, ServerResponseError, ServerUnavailableError
from registry.storage import Stream

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}")


@dataclass(frozen=True)
class Run:
    """The logged data of a run; of each metric the last value."""

    parameters: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    user: str


def files(source: Tracking, uri: str, others: Sequence[Source]) -> Iterator[SourceFile]:
    """Yield the files of a run, a logged model or an artifact URI of this server.

    If the server stores them in a folder or a bucket, they are read there, provided that it is configured as a source.

    Raises:
        CopyError: the files cannot be read.
    """
    server = _server(source)
    place = _place(server, uri)
    if not place.startswith("mlflow-artifacts:"):
        yield from sources.files(place, others)
        return
    parts = urlsplit(place)
    if parts.netloc and parts.netloc.casefold() not in (server.host, f"{server.host}:{server.port}"):
        raise CopyError(f"The files are on the server {parts.netloc[:100]}, which no operator has named as a source.")
    root = parts.path.strip("/")
    if ".." in root.split("/"):
        raise CopyError("“..” is not allowed in a source.")
    yield from _listed(server, root, "", [0])


def run(source: Tracking, run_id: str) -> Run:
    """Return the logged data of a run.

    Raises:
        CopyError: the run cannot be read.
    """
    if not _NAME.fullmatch(run_id):
        raise CopyError("The run's id is not valid in MLflow.")
    answer = _json(_server(source), f"{API}/runs/get", [("run_id", run_id)])
    data, info = _object(_object(answer.get("run")).get("data")), _object(_object(answer.get("run")).get("info"))
    metrics = {}
    for entry in _members(data, "metrics"):
        if isinstance(entry.get("value"), int | float) and not isinstance(entry.get("value"), bool):
            metrics[str(entry.get("key"))] = float(entry["value"])
    return Run(
        parameters={str(p.get("key")): str(p.get("value", "")) for p in _members(data, "params")},
        metrics=metrics,
        tags={str(t.get("key")): str(t.get("value", "")) for t in _members(data, "tags")},
        user=str(info.get("user_id", "")),
    )


def _server(source: Tracking) -> RemoteServer:
    return RemoteServer(source.url, token=source.token, username=source.username, password=source.password)


def _place(server: RemoteServer, uri: str) -> str:
    """Return the artifact URI of a run or a logged model."""
    if uri.startswith("runs:/"):
        run_id, _, path = uri.removeprefix("runs:/").partition("/")
        if not _NAME.fullmatch(run_id):
            raise CopyError("The source names no valid MLflow run.")
        answer = _json(server, f"{API}/runs/get", [("run_id", run_id)])
        root = _object(_object(answer.get("run")).get("info")).get("artifact_uri")
    elif uri.startswith("models:/m-"):
        model, _, path = uri.removeprefix("models:/").partition("/")
        if not _NAME.fullmatch(model):
            raise CopyError("The source names no valid MLflow logged model.")
        answer = _json(server, f"{API}/logged-models/{model}", [])
        root = _object(_object(answer.get("model")).get("info")).get("artifact_uri")
    else:
        return uri
    if not isinstance(root, str) or not root:
        raise CopyError("The tracking server does not return the location of the files.")
    if root.startswith(("runs:", "models:")):
        raise CopyError("The tracking server returns a location that refers to itself.")
    return f"{root.rstrip('/')}/{path}".rstrip("/")


def _listed(server: RemoteServer, root: str, path: str, seen: list[int], depth: int = 0) -> Iterator[SourceFile]:
    if depth > 30:
        raise CopyError("The folders of the source are too deep.")
    place = f"{root}/{path}".strip("/")
    answer = _json(server, ARTIFACTS, [("path", place)])
    for entry in _members(answer, "files"):
        seen[0] += 1
        if seen[0] > MOST_FILES:
            raise CopyError(f"The source holds more than {MOST_FILES:,} files: attach what belongs to it.")
        name = str(entry.get("path", "")).rstrip("/").rpartition("/")[2]
        if name in ("", ".", ".."):
            raise CopyError("The tracking server lists an invalid file name.")
        inner = f"{path}/{name}".strip("/")
        if entry.get("is_dir"):
            yield from _listed(server, root, inner, seen, depth + 1)
        else:
            size = entry.get("file_size")
            size = int(size) if isinstance(size, int) or (isinstance(size, str) and size.isdecimal()) else None
            yield SourceFile(inner, size, partial(_open, server, f"{ARTIFACTS}/{root}/{inner}"))


@contextmanager
def _open(server: RemoteServer, path: str) -> Iterator[Stream]:
    try:
        with server.open(path) as answer:
            if answer.status >= 500 or answer.status == 429:
                raise RetryableCopyError(f"The tracking server answered {answer.status}.")
            if answer.status != 200:
                raise CopyError(f"The tracking server answered {answer.status} to a file it listed.")
            yield answer
    except ServerUnavailableError as fault:
        raise RetryableCopyError(str(fault)) from None
    except ServerFault as fault:
        raise CopyError(str(fault)) from None


def _json(server: RemoteServer, path: str, query: list[tuple[str, str]]) -> dict[str, Any]:
    try:
        return server.json(path, query)
    except ServerUnavailableError as fault:
        raise RetryableCopyError(str(fault)) from None
    except ServerResponseError as fault:
        raise CopyError(str(fault)) from None
    except ServerFault as fault:
        raise CopyError(str(fault)) from None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _members(given: dict[str, Any], field: str) -> list[dict[str, Any]]:
    found = given.get(field)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
