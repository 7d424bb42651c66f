"""The API reference as one HTML page, built from the OpenAPI description, without scripts or external resources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from rest_framework.request import Request

from governance.interfaces.rest.openapi_views import OpenEndpoint, described

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Field:
    """A parameter of an operation, or a member of a document."""

    name: str
    kind: str
    required: bool
    about: str
    place: str = ""


@dataclass(frozen=True)
class Shape:
    """A schema: its name and members."""

    name: str
    about: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Described:
    """One operation."""

    id: str
    method: str
    path: str
    summary: str
    about: str
    parameters: tuple[Field, ...]
    body: str
    answers: tuple[tuple[str, str, str], ...]
    """Status, description, and the name of the schema."""
    open: bool


class ReferenceView(OpenEndpoint):
    """/docs"""

    def get(self, request: Request) -> HttpResponse:
        """Show every operation and every schema."""
        groups, shapes, about = _reference()
        names = {shape.name for shape in shapes}
        context = {"groups": groups, "shapes": shapes, "about": about, "names": names}
        return render(request._request, "api/reference.html", context)


@cache
def _reference() -> tuple[list[tuple[str, list[Described]]], list[Shape], str]:
    """Cached per process: the description depends on the code only."""
    document = described()
    groups: defaultdict[str, list[Described]] = defaultdict(list)
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                groups[item[method]["tags"][0]].append(_operation(path, method, item[method], document))
    shapes = [
        _shape(name, schema, document)
        for name, schema in sorted(document["components"]["schemas"].items())
        if "properties" in schema
    ]
    return sorted(groups.items()), shapes, str(document["info"]["description"])


def _operation(path: str, method: str, operation: Mapping[str, Any], document: Mapping[str, Any]) -> Described:
    parameters = [_resolved(parameter, document) for parameter in operation.get("parameters", ())]
    return Described(
        id=str(operation["operationId"]),
        method=method.upper(),
        path=path,
        summary=str(operation.get("summary", "")),
        about=str(operation.get("description", "")),
        parameters=tuple(
            Field(
                str(p["name"]),
                _kind(p.get("schema", {})),
                bool(p.get("required")),
                str(p.get("description", "")),
                str(p["in"]),
            )
            for p in parameters
        ),
        body=_document_in(operation.get("requestBody", {})),
        answers=tuple(
            (status, str(answer.get("description", "")), _document_in(answer))
            for status, answer in ((s, _resolved(a, document)) for s, a in operation["responses"].items())
        ),
        open=operation.get("security") == [{}],
    )


def _resolved(part: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = part
    if "$ref" in part:
        found = document
        for step in str(part["$ref"]).removeprefix("#/").split("/"):
            found = found[step]
    return dict(found)


def _document_in(part: Mapping[str, Any]) -> str:
    """The name of the schema of a request or response body, or its media type."""
    for media, content in part.get("content", {}).items():
        return _kind(content.get("schema", {})) if "json" in media else str(media)
    return ""


def _kind(schema: Mapping[str, Any]) -> str:
    """A short description of a type."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    for name, between in (("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")):
        if name in schema:
            return between.join(dict.fromkeys(_kind(part) for part in schema[name]))
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    found = schema.get("type", "any")
    kind = " or ".join(found) if isinstance(found, list) else str(found)
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return f"{kind} ({schema['format']})" if "format" in schema else kind


def _shape(name: str, schema: Mapping[str, Any], document: Mapping[str, Any]) -> Shape:
    needed = set(schema.get("required", ()))
    members = schema["properties"].items()
    return Shape(
        name,
        str(schema.get("description", "")),
        tuple(Field(key, _kind(part), key in needed, str(part.get("description", ""))) for key, part in members),
    )
