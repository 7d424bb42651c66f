"""Client of an MLflow server's registry protocol, page by page. Every entry is validated."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.outbound_http import InvalidResponseError, RemoteServer
from registry import moments

API = "/api/2.0/mlflow"
MODELS_A_PAGE = 100
VERSIONS_A_PAGE = 500
MOST_PAGES = 200_000
"""A server with more pages is assumed to loop."""


class Malformed(Exception):
    """One entry of a response is invalid; the others may be valid."""


@dataclass(frozen=True)
class RemoteModel:
    """A registered model as returned by the server. `newest` is the highest version number of each stage."""

    name: str
    created: datetime | None
    updated: datetime | None
    author: str
    description: str
    tags: Mapping[str, str]
    aliases: Mapping[str, str]
    newest: Mapping[str, str]


@dataclass(frozen=True)
class RemoteVersion:
    """A model version as returned by the server; `number` is its text."""

    number: str
    created: datetime | None
    updated: datetime | None
    author: str
    description: str
    stage: str
    source: str
    run_id: str
    run_link: str
    tags: Mapping[str, str]
    rest: Mapping[str, Any]


def models(server: RemoteServer) -> Iterator[RemoteModel | str]:
    """Yield every model, ordered by name; for an invalid one, a message.

    Raises:
        ServerFault: the server could not be used.
    """
    query = [("max_results", str(MODELS_A_PAGE)), ("order_by", "name ASC")]
    for entry in _entries(server, "/registered-models/search", query, "registered_models"):
        try:
            yield _model(entry)
        except Malformed as fault:
            yield f"a model ({_named(entry)}): {fault}"


def versions(server: RemoteServer, name: str) -> Iterator[list[RemoteVersion | str]]:
    """Yield the versions of a model, lowest number first, one page at a time; for an invalid one, a message.

    Raises:
        ServerFault: the server could not be used.
        Malformed: the name cannot be expressed in MLflow's filter.
    """
    quote = "'" if "'" not in name else '"'
    if quote in name:
        raise Malformed("its name contains both kinds of quotation marks, which MLflow's filter cannot express")
    query = [
        ("filter", f"name={quote}{name}{quote}"),
        ("max_results", str(VERSIONS_A_PAGE)),
        ("order_by", "version_number ASC"),
    ]
    for page in _pages(server, "/model-versions/search", query, "model_versions"):
        entries: list[RemoteVersion | str] = []
        for entry in page:
            try:
                entries.append(_version(entry, name))
            except Malformed as fault:
                entries.append(
                    f"version {_shown(entry.get('version'))}: {fault}" if isinstance(entry, dict) else str(fault)
                )
        yield entries


def _entries(server: RemoteServer, path: str, query: list[tuple[str, str]], field: str) -> Iterator[Any]:
    for page in _pages(server, path, query, field):
        yield from page


def _pages(server: RemoteServer, path: str, query: list[tuple[str, str]], field: str) -> Iterator[list[Any]]:
    token, seen = "", set[bytes]()
    for _ in range(MOST_PAGES):
        answer = server.json(f"{API}{path}", [*query, *([("page_token", token)] if token else [])])
        page = answer.get(field, [])
        if not isinstance(page, list):
            raise InvalidResponseError(f"{server.origin}{API}{path} returned a {field} that is not a list.")
        yield page
        token = answer.get("next_page_token") or ""
        if not isinstance(token, str) or len(token) > 10_000:
            raise InvalidResponseError(f"{server.origin}{API}{path} returned an invalid next_page_token.")
        if not token:
            return
        mark = hashlib.sha256(token.encode(errors="replace")).digest()[:12]
        if mark in seen:
            raise InvalidResponseError(
                f"{server.origin}{API}{path} repeats pages: it returned the same page token twice."
            )
        seen.add(mark)
    raise InvalidResponseError(f"{server.origin}{API}{path} has too many pages: more than {MOST_PAGES:,}.")


def _model(entry: object) -> RemoteModel:
    given = _object(entry)
    newest = {}
    for version in _list(given, "latest_versions"):
        about = _object(version)
        newest[_text(about, "current_stage").casefold()] = _text(about, "version")
    aliases = {}
    for alias in _list(given, "aliases"):
        about = _object(alias)
        aliases[_text(about, "alias")] = _text(about, "version")
    return RemoteModel(
        name=_required(given, "name"),
        created=_moment(given, "creation_timestamp"),
        updated=_moment(given, "last_updated_timestamp"),
        author=_text(given, "user_id"),
        description=_text(given, "description"),
        tags=_tags(given),
        aliases=aliases,
        newest=newest,
    )


_TAKEN = frozenset(
    {"name", "version", "creation_timestamp", "last_updated_timestamp", "user_id", "description", "source", "run_id"}
    | {"run_link", "tags", "aliases", "current_stage"}
)


def _version(entry: object, name: str) -> RemoteVersion:
    given = _object(entry)
    if _required(given, "name") != name:
        raise Malformed(f"its name is {_shown(given['name'])}")
    number = _required(given, "version")
    if not (number.isascii() and number.isdecimal() and len(number) <= 9 and int(number) > 0):
        raise Malformed("its version is not a number")
    return RemoteVersion(
        number=str(int(number)),
        created=_moment(given, "creation_timestamp"),
        updated=_moment(given, "last_updated_timestamp"),
        author=_text(given, "user_id"),
        description=_text(given, "description"),
        stage=_text(given, "current_stage"),
        source=_text(given, "source"),
        run_id=_text(given, "run_id"),
        run_link=_text(given, "run_link"),
        tags=_tags(given),
        rest={key: value for key, value in given.items() if key not in _TAKEN},
    )


def _object(entry: object) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise Malformed("it is not a JSON object")
    return entry


def _list(given: Mapping[str, Any], field: str) -> list[Any]:
    found = given.get(field) or []
    if not isinstance(found, list):
        raise Malformed(f"its {field} is not a list")
    return found


def _text(given: Mapping[str, Any], field: str) -> str:
    found = given.get(field)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise Malformed(f"its {field} is not text")
    return found


def _required(given: Mapping[str, Any], field: str) -> str:
    found = _text(given, field)
    if not found:
        raise Malformed(f"it has no {field}")
    return found


def _moment(given: Mapping[str, Any], field: str) -> datetime | None:
    found = given.get(field)
    if found is None or found == 0:
        return None
    if isinstance(found, str) and found.isascii() and found.isdecimal() and len(found) < 20:
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Malformed(f"its {field} is not a time in milliseconds")
    try:
        return moments.from_seconds(found / 1000)
    except (moments.MomentError, OverflowError):
        raise Malformed(f"its {field} is not a time in milliseconds") from None


def _tags(given: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for tag in _list(given, "tags"):
        about = _object(tag)
        found[_required(about, "key")] = _text(about, "value")
    return found


def _named(entry: object) -> str:
    return _shown(entry.get("name")) if isinstance(entry, dict) else "without a name"


def _shown(value: object) -> str:
    text = "".join(character if character.isprintable() else "�" for character in str(value))
    return text if len(text) <= 80 else f"{text[:79]}…"
