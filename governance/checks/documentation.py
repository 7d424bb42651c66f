"""The documentation of a check, read from its class: what it checks, its parameters, its evidence, its examples."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.checks import entry_points
from governance.checks.base import ARTIFACT_FILES, BOM, ENVIRONMENT_LOCK, METRICS, MODEL_CARD, Check, described

EXAMPLES = Path(__file__).with_name("examples")
MAX_EXAMPLE = 1 << 20
"""Maximum bytes of an example file."""
_EXAMPLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MAX_DEPTH = 5

_KIND_TITLES = {
    ARTIFACT_FILES: "the files of the version",
    MODEL_CARD: "the model card",
    BOM: "the bill of materials",
    ENVIRONMENT_LOCK: "the lock of the environment in which the version was trained",
    METRICS: "the metrics that were declared for the version",
}
_FACTS = {
    "advisories": "the imported advisories that concern the packages in the evidence",
    "code": "repository, commit, and whether the working copy had changes",
    "champion": "the version that is in the target of the promotion now",
    "datasets": "the data sets that are declared for the version",
    "evaluation": "when the evaluation table was first attached",
    "licence": "the licence that was given when the version was registered",
    "metrics": "the declared metrics",
    "sign_offs": "the signatures under parts of the regulatory document",
    "target": "the stage or alias of the promotion",
}
CONCLUSIONS = (
    ("success", "The requirement is satisfied."),
    ("failure", "The requirement is not satisfied. A version or its evidence has to change."),
    ("action_required", "The check cannot decide until a person adds or corrects something."),
    ("neutral", "The check does not apply."),
    ("error", "The check did not finish. It is repeated twice and never counts as passed."),
)


@dataclass(frozen=True)
class ParameterRow:
    """One parameter: its name as written in a policy, its type, default and limits in words."""

    name: str
    type: str
    default: str
    limits: str
    meaning: str
    required: bool


@dataclass(frozen=True)
class EvidenceRow:
    """One kind of evidence that a check reads. `form` is Markdown; `example` names a file to download."""

    kind: str
    title: str
    required: bool
    form: str
    example: str


@dataclass(frozen=True)
class CheckDocumentation:
    """What the page of a check shows."""

    slug: str
    version: str
    title: str
    category: str
    origin: str
    description: str
    guide: str
    parameters: tuple[ParameterRow, ...]
    schema: Mapping[str, Any]
    evidence: tuple[EvidenceRow, ...]
    facts: tuple[tuple[str, str], ...]
    """Names of the facts that are read, and what they are."""
    waivable: bool
    seconds: int
    """Time limit of a run, in seconds, where a policy sets none."""


def describe(check: Check) -> CheckDocumentation:
    """Return the documentation of a check. A part of a plug-in that cannot be read is left out.

    Args:
        check: an installed check.
    """
    schema = _schema(check)
    return CheckDocumentation(
        slug=check.slug,
        version=check.version,
        title=check.title,
        category=check.category,
        origin=entry_points.installed().origins.get(check.slug, ""),
        description=described(check),
        guide=inspect.cleandoc(check.guide),
        parameters=tuple(_rows(schema, schema, "", 0)),
        schema=schema,
        evidence=tuple(
            EvidenceRow(need.kind, _KIND_TITLES.get(need.kind, ""), need.required, need.form, need.example)
            for need in check.needs
        ),
        facts=tuple((name, _FACTS.get(name, "")) for name in check.facts),
        waivable=check.waivable,
        seconds=check.sandbox.wall,
    )


def read_example(check: Check, name: str) -> bytes | None:
    """Return an example file that a check names; None if it names no such file or the file is missing.

    Args:
        check: an installed check.
        name: as in `RequiredEvidence.example`.
    """
    if not _EXAMPLE_NAME.fullmatch(name) or name not in {need.example for need in check.needs}:
        return None
    is_builtin = type(check).__module__.startswith("governance.checks.")
    folder = EXAMPLES if is_builtin else Path(inspect.getfile(type(check))).with_name("examples")
    try:
        with (folder / name).open("rb") as file:
            content = file.read(MAX_EXAMPLE + 1)
    except OSError:
        return None
    return content if len(content) <= MAX_EXAMPLE else None


def _schema(check: Check) -> Mapping[str, Any]:
    try:
        return check.Params.model_json_schema()
    except Exception:  # a plug-in's types may have no JSON schema
        return {}


def _rows(schema: Mapping[str, Any], whole: Mapping[str, Any], prefix: str, depth: int) -> Iterator[ParameterRow]:
    required = schema.get("required", ())
    for name, given in schema.get("properties", {}).items():
        part = _resolved(given, whole)
        path = f"{prefix}{name}"
        meaning = ": ".join(text for text in (str(part.get("title", "")), str(part.get("description", ""))) if text)
        yield ParameterRow(
            name=path,
            type=_type(part, whole),
            default=json.dumps(part["default"], ensure_ascii=False) if "default" in part else "",
            limits=", ".join(_limits(part, whole)),
            meaning=meaning,
            required=name in required,
        )
        inner = _member(part, whole)
        if inner is not None and depth < _MAX_DEPTH:
            yield from _rows(inner, whole, f"{path}[].", depth + 1)


def _member(part: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the schema of the mappings in a list, or of the only mapping that a part can be."""
    for option in _options(part, whole):
        inner = _resolved(option.get("items", {}), whole) if option.get("type") == "array" else option
        if "properties" in inner:
            return inner
    return None


def _options(part: Mapping[str, Any], whole: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [_resolved(option, whole) for option in part["anyOf"]] if "anyOf" in part else [part]


def _resolved(part: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = part.get("$ref", "")
    if not reference.startswith("#/$defs/"):
        return part
    found = whole.get("$defs", {}).get(reference.removeprefix("#/$defs/"), {})
    return {**found, **{name: value for name, value in part.items() if name != "$ref"}}


_TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false", "null": "null"}


def _type(part: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    part = _resolved(part, whole)
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(_type(option, whole) for option in part["anyOf"]))
    if "enum" in part:
        return "text" if all(isinstance(value, str) for value in part["enum"]) else "value"
    if "const" in part:
        return json.dumps(part["const"])
    kind = str(part.get("type", "any"))
    if kind == "array":
        return f"list of {_type(part.get('items', {}), whole)}"
    if kind == "object":
        values = part.get("additionalProperties")
        return f"mapping to {_type(values, whole)}" if isinstance(values, dict) else "mapping"
    return {"date": "date (YYYY-MM-DD)"}.get(str(part.get("format", "")), _TYPES.get(kind, kind))


def _limits(part: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterator[str]:
    words = {
        "minimum": "at least {}", "exclusiveMinimum": "more than {}", "maximum": "at most {}",
        "exclusiveMaximum": "less than {}", "minLength": "at least {} characters", "maxLength": "at most {} characters",
        "minItems": "at least {} entries", "maxItems": "at most {} entries", "minProperties": "at least {} entries",
        "pattern": "matches {}",
    }  # fmt: skip
    for option in _options(part, whole):
        for name, text in words.items():
            if name in option:
                yield text.format(option[name])
        values = option.get("enum") or _innermost(option, whole).get("enum")
        if values:
            yield "one of: " + " · ".join(str(value) for value in values)


def _innermost(part: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of the values in lists and mappings."""
    for _ in range(_MAX_DEPTH):
        inner = part.get("items") or part.get("additionalProperties")
        if not isinstance(inner, dict):
            break
        part = _resolved(inner, whole)
    return part
