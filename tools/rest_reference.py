"""Turn the OpenAPI description of the REST API into Markdown pages: one a tag, one with all documents.

Standard library and PyYAML only: the site is built in an environment of its own, without the product.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

METHODS = ("get", "post", "put", "patch", "delete")
DOCUMENTS = "documents.md"
"""The page that describes request and response bodies."""

Part = Mapping[str, Any]


def read_description(path: Path) -> dict[str, Any]:
    """Read an OpenAPI 3.1 description.

    Args:
        path: a YAML file.

    Raises:
        ValueError: when the file is no OpenAPI 3.1 description.
    """
    description = yaml.safe_load(path.read_text())
    if not isinstance(description, dict) or not str(description.get("openapi", "")).startswith("3.1"):
        raise ValueError(f"no OpenAPI 3.1 description: {path}")
    return description


def build_pages(description: Part) -> dict[str, str]:
    """Build the pages of the reference.

    Args:
        description: an OpenAPI 3.1 description. Every operation has one tag.

    Returns:
        Markdown by file name: ``index.md``, one page a tag, ``documents.md``.
    """
    operations = _operations_by_tag(description)
    pages = {"index.md": _index(description, operations), DOCUMENTS: _documents(description)}
    for tag, entries in operations.items():
        pages[f"{tag}.md"] = "\n".join(_tag_page(tag, entries, description))
    return pages


def _operations_by_tag(description: Part) -> dict[str, list[tuple[str, str, Part]]]:
    found: defaultdict[str, list[tuple[str, str, Part]]] = defaultdict(list)
    for path, item in description["paths"].items():
        for method in METHODS:
            if method in item:
                found[str(item[method]["tags"][0])].append((method.upper(), path, item[method]))
    return dict(sorted(found.items()))


def _index(description: Part, operations: Mapping[str, Sequence[tuple[str, str, Part]]]) -> str:
    lines = [
        "# REST API",
        "",
        str(description["info"]["description"]),
        "",
        f"This reference describes version {description['info']['version']}.",
        "A running server has the same description at `/api/v1/schema` (OpenAPI 3.1) and `/api/v1/docs` (a page).",
        "",
    ]
    for tag, entries in operations.items():
        lines += [f"## {tag}", "", "| operation | |", "| --- | --- |"]
        for method, path, operation in entries:
            address = f"{tag}.md#{operation['operationId'].lower()}"
            lines.append(f"| [`{method} {path}`]({address}) | {_cell(operation.get('summary', ''))} |")
        lines.append("")
    return "\n".join(lines)


def _tag_page(tag: str, entries: Sequence[tuple[str, str, Part]], description: Part) -> Iterator[str]:
    yield f"# REST: {tag}\n"
    for method, path, operation in entries:
        yield f"## {operation.get('summary') or operation['operationId']} {{ #{operation['operationId'].lower()} }}\n"
        yield f"```\n{method} {path}\n```\n"
        if text := operation.get("description"):
            yield f"{text}\n"
        if operation.get("deprecated"):
            yield "**Deprecated.**\n"
        if operation.get("security") == [{}]:
            yield "No token is needed.\n"
        parameters = [_resolve(entry, description) for entry in operation.get("parameters", ())]
        if parameters:
            yield "| parameter | in | type | |\n| --- | --- | --- | --- |"
            for parameter in parameters:
                required = ", required" if parameter.get("required") and parameter["in"] != "path" else ""
                yield (
                    f"| `{parameter['name']}` | {parameter['in']}{required} | {_type(parameter.get('schema', {}))} | "
                    f"{_cell(parameter.get('description', ''))} |"
                )
            yield ""
        if "requestBody" in operation:
            yield f"Body: {_body(_resolve(operation['requestBody'], description))}\n"
        yield "| status | body | |\n| --- | --- | --- |"
        for status, answer in operation["responses"].items():
            resolved = _resolve(answer, description)
            yield f"| {status} | {_body(resolved)} | {_cell(resolved.get('description', ''))} |"
        yield ""


def _documents(description: Part) -> str:
    lines = ["# REST: documents", "", "The bodies of requests and responses, in alphabetical order.", ""]
    for name, schema in sorted(description["components"]["schemas"].items()):
        lines += [f"## {name} {{ #{name.lower()} }}", ""]
        if text := schema.get("description"):
            lines += [str(text), ""]
        if "properties" not in schema:
            lines += [f"{_type(schema)}", ""]
            continue
        required = set(schema.get("required", ()))
        lines += ["| member | type | |", "| --- | --- | --- |"]
        for member, part in schema["properties"].items():
            mark = " **required**" if member in required else ""
            lines.append(f"| `{member}`{mark} | {_type(part)} | {_cell(part.get('description', ''))} |")
        lines.append("")
    return "\n".join(lines)


def _resolve(part: Part, description: Part) -> Part:
    found: Any = part
    if "$ref" in part:
        found = description
        for step in str(part["$ref"]).removeprefix("#/").split("/"):
            found = found[step]
    assert isinstance(found, Mapping)
    return found


def _body(part: Part) -> str:
    """The document that a request or response contains, by media type."""
    kinds = []
    for media_type, content in part.get("content", {}).items():
        kind = _type(content.get("schema", {}))
        kinds.append(kind if "json" in media_type else f"{kind} (`{media_type}`)")
    return " or ".join(dict.fromkeys(kinds)) or "none"


def _type(schema: Part) -> str:
    """A short description of a schema, with links to the documents it names and its limits."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f"[{name}]({DOCUMENTS}#{name.lower()})"
    for combined, word in (("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")):
        if combined in schema:
            return word.join(dict.fromkeys(_type(part) for part in schema[combined]))
    if "const" in schema:
        return _code(schema["const"])
    if "enum" in schema:
        return " ".join(_code(value) for value in schema["enum"])
    kind = schema.get("type", "any")
    kinds = kind if isinstance(kind, list) else [kind]
    return " or ".join(_one_type(str(each), schema) for each in kinds) + _limits(schema)


def _one_type(kind: str, schema: Part) -> str:
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object with values: {_type(schema['additionalProperties'])}"
    return str(schema["format"]) if kind == "string" and "format" in schema else kind


def _limits(schema: Part) -> str:
    names = {
        "minimum": "at least",
        "maximum": "at most",
        "maxLength": "length at most",
        "maxItems": "at most",
        "default": "default",
    }
    found = [f"{words} {_code(schema[name])}" for name, words in names.items() if name in schema]
    if "pattern" in schema:
        found.append(f"pattern {_code(schema['pattern'])}")
    return f", {', '.join(found)}" if found else ""


def _code(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`".replace("|", "\\|") if text else "empty text"


def _cell(text: object) -> str:
    """Text for one cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")
