"""Schema errors of a YAML document, in plain words: line, field, what is wrong, what to write. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import AliasChoices, BaseModel, ValidationError

from registry import yaml_reader
from registry.exceptions import FieldError

_FORMS: Mapping[str, str] = {
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "string_type": "write text",
    "tuple_type": "write a list, such as [a, b]",
    "list_type": "write a list, such as [a, b]",
    "dict_type": "write fields, one a line, as “name: value”",
    "model_type": "write fields, one a line, as “name: value”",
    "model_attributes_type": "write fields, one a line, as “name: value”",
}
_PATTERNS: Mapping[str, str] = {
    "^[a-z0-9][a-z0-9-]": "use lower-case letters, digits and hyphens, beginning with a letter or digit",
    r"^[a-z0-9_]+(\.": "write the name of a check, such as integrity.digest",
}
_BOUNDS: Mapping[str, str] = {
    "greater_than_equal": "write {ge} or more",
    "less_than_equal": "write {le} or less",
    "greater_than": "write more than {gt}",
    "less_than": "write less than {lt}",
    "string_too_short": "write at least {min_length} characters",
    "string_too_long": "write at most {max_length} characters",
    "too_short": "give at least {min_length}",
    "too_long": "give at most {max_length}",
    "literal_error": "write {expected}",
}
SHOWN = 60
"""Maximum characters of a wrong value in a message."""


def faults_of(error: ValidationError, shape: type[BaseModel], source: str) -> list[FieldError]:
    """Return the schema errors of a document, each with its line and field.

    Args:
        error: the exception of the validation.
        shape: the schema of the whole document.
        source: the YAML of the document.
    """
    found = [
        FieldError("/" + "/".join(str(step) for step in e["loc"]), str(e["type"]), _rule(e, shape))
        for e in error.errors(include_url=False)
    ]
    return with_places(found, source)


def with_places(faults: Iterable[FieldError], source: str) -> list[FieldError]:
    """Return the errors with line and field, found by their pointers, before each detail."""
    placed = []
    for fault in faults:
        steps = [step for step in fault.pointer.split("/") if step]
        line = yaml_reader.find_line(source, steps)
        where = ", ".join(part for part in (f"line {line}" if line else "", f"field {_written(steps)}") if part)
        placed.append(FieldError(fault.pointer, fault.code, f"{where}: {fault.detail}" if steps else fault.detail))
    return placed


def _written(steps: Sequence[str]) -> str:
    """Return a path in the notation for YAML authors: `approvals[2].count`, with entries counted from 1."""
    text = ""
    for step in steps:
        text += f"[{int(step) + 1}]" if step.isdecimal() else f".{step}" if text else step
    return text


def _rule(error: Any, shape: type[BaseModel]) -> str:
    kind, context = str(error["type"]), error.get("ctx", {})
    if kind == "missing":
        return "this field is required and is missing."
    if kind == "extra_forbidden":
        return _unknown(str(error["loc"][-1]), _fields_at(shape, error["loc"][:-1]))
    if kind == "value_error":
        return _sentence(str(error["msg"]).removeprefix("Value error, "))
    if kind == "string_pattern_mismatch":
        pattern = str(context.get("pattern", ""))
        rule = next((words for start, words in _PATTERNS.items() if pattern.startswith(start)), f"match {pattern}")
    elif kind in _BOUNDS:
        rule = _BOUNDS[kind].format(**context)
    else:
        rule = _FORMS.get(kind, str(error["msg"]))
    return f"{rule}; found: {_shown(error.get('input'))}."


def _unknown(name: str, allowed: Sequence[str]) -> str:
    close = get_close_matches(name, allowed, n=1, cutoff=0.6)
    meant = f" Did you mean {close[0]}?" if close else ""
    names = f" Allowed here: {', '.join(allowed)}." if allowed else ""
    return f"there is no field “{name[:SHOWN]}” here.{meant}{names}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "fields"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    return f"“{text[:SHOWN]}…”" if len(text) > SHOWN else f"“{text}”"


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _fields_at(shape: type[BaseModel], steps: Iterable[Any]) -> list[str]:
    """Return the names of the fields that are allowed at a path of the document."""
    found: type[BaseModel] | None = shape
    for step in steps:
        if found is None:
            return []
        if isinstance(step, int):
            continue  # an entry of the list whose schema was found by the previous name
        field = next((f for name, f in found.model_fields.items() if step in _names(name, f)), None)
        found = _model_in(field.annotation) if field is not None else None
    return [_names(name, field)[0] for name, field in found.model_fields.items()] if found is not None else []


def _names(name: str, field: Any) -> list[str]:
    if isinstance(field.validation_alias, AliasChoices):
        return [str(choice) for choice in field.validation_alias.choices]
    return [str(field.alias)] if field.alias else [name]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the schema inside an annotation such as `tuple[Rule, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)
