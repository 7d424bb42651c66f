"""Structured evidence that people write: YAML or JSON with fixed members. Pure."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, StringConstraints, ValidationError

from governance.checks.base import File
from registry import moments, yaml_reader

_PLACEHOLDERS = frozenset({"todo", "tbd", "n/a", "na", "none", "name", "unknown", "xxx", "placeholder", "to be done"})
_SHOWN = 5
_Model = TypeVar("_Model", bound=BaseModel)


def _named(name: str) -> str:
    if name.casefold() in _PLACEHOLDERS:
        raise ValueError("write the name of a person")
    return name


Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=250), AfterValidator(_named)]
"""The name of a person, not a placeholder."""


def read_day(given: Any) -> date:
    """Return a date that is written as text. Raises ValueError."""
    if not isinstance(given, str):
        raise ValueError("write a date, such as 2026-09-14")
    return moments.read_day(given)


def read_structured(file: File, model: type[_Model], max_bytes: int) -> tuple[_Model | None, str]:
    """Read a document into a model.

    Args:
        file: the evidence, with its local copy.
        model: what the document has to be.
        max_bytes: maximum size.

    Returns:
        The document, or None and why it cannot be used, naming the members.
    """
    if file.local is None or file.size > max_bytes:
        return None, f"it has {file.size:,} bytes; at most {max_bytes:,} are read."
    try:
        return model.model_validate(yaml_reader.read(file.local.read_text("utf-8-sig"))), ""
    except (yaml_reader.YamlUnreadableError, UnicodeDecodeError) as error:
        return None, f"{error}."
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)[:_SHOWN]
        return None, "; ".join(f"{'/'.join(map(str, f['loc'])) or 'the document'}: {f['msg']}" for f in faults) + "."
