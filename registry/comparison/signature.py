"""Differences between two model signatures, and their effect on clients of the model. Pure.

Reads MLflow's format (https://mlflow.org/docs/latest/model/signatures): `inputs`, `outputs` and `params`, each a list
of column, tensor or parameter specifications, or the same as JSON in a string. Nested objects and arrays are read by
path. A side in any other format is compared as a value, without a statement about its effect.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry.json_text import parse_json_or

SIDES = ("inputs", "outputs", "params")
MAX_FIELDS = 5_000
"""Maximum number of columns of a side compared one by one; a model signature is at most 256 KiB of JSON."""
MAX_DEPTH = 8

_WIDER = {
    "boolean": {"integer", "long", "float", "double"},
    "integer": {"long", "double"},
    "long": set[str](),
    "float": {"double"},
    "bool": {"int8", "int16", "int32", "int64", "float32", "float64"},
    "int8": {"int16", "int32", "int64", "float16", "float32", "float64"},
    "uint8": {"uint16", "uint32", "uint64", "int16", "int32", "int64", "float32", "float64"},
    "int16": {"int32", "int64", "float32", "float64"},
    "uint16": {"uint32", "uint64", "int32", "int64", "float32", "float64"},
    "int32": {"int64", "float64"},
    "uint32": {"uint64", "int64", "float64"},
    "float16": {"float32", "float64"},
    "float32": {"float64"},
}
"""Types that represent every value of the key type exactly. 64-bit integers fit no floating-point type."""


@dataclass(frozen=True)
class SchemaChange:
    """One difference between two model signatures.

    Attributes:
        aspect: what differs: presence, type, required, shape, order, default or value.
        description: a description for people.
        breaking: a client of the first version fails, or misreads the response.
    """

    side: str
    name: str
    aspect: str
    before: str | None
    after: str | None
    description: str
    breaking: bool = False


@dataclass(frozen=True)
class SignatureChange:
    """The differences between two model signatures; `unread` names the sides in an unknown format."""

    changes: tuple[SchemaChange, ...] = ()
    unread: tuple[str, ...] = ()
    same: int = 0
    """Number of fields that are in both and equal."""

    @property
    def breaking(self) -> tuple[SchemaChange, ...]:
        return tuple(change for change in self.changes if change.breaking)


@dataclass(frozen=True)
class _Field:
    name: str
    type: str
    required: bool = True
    shape: tuple[int, ...] | None = None
    default: str | None = None
    tensor: bool = False
    named: bool = True

    @property
    def shown(self) -> str:
        """The field in one line: "double, optional"."""
        shape = f"({', '.join(map(str, self.shape))})" if self.shape is not None else ""
        default = f" = {self.default}" if self.default is not None else ""
        return f"{self.type}{shape}{default}{'' if self.required else ', optional'}"


@dataclass
class _Side:
    fields: dict[str, _Field] = field(default_factory=dict)
    readable: bool = True
    raw: Any = None


def compare_signatures(before: Mapping[str, Any], after: Mapping[str, Any]) -> SignatureChange:
    """Return the differences between two model signatures, from the view of a client of the first version.

    Args:
        before: the model signature of the first version.
        after: the model signature of the second version.
    """
    changes: list[SchemaChange] = []
    unread: list[str] = []
    same = 0
    others = sorted((before.keys() | after.keys()) - set(SIDES))
    for side in (*SIDES, *others):
        old, new = _read(side, before.get(side)), _read(side, after.get(side))
        if old.readable and new.readable:
            found = list(_compare(side, old.fields, new.fields))
            changes += found
            differing = {change.name for change in found if change.aspect != "order"}
            same += len((old.fields.keys() & new.fields.keys()) - differing)
            continue
        unread.append(side)
        if old.raw != new.raw:
            description = "in a form that is not read: compare the two by eye"
            changes.append(SchemaChange(side, side, "value", _text(old.raw), _text(new.raw), description))
    return SignatureChange(tuple(changes), tuple(unread), same)


# --- reading


def _read(side: str, given: Any) -> _Side:
    raw = parse_side(given)
    if raw in (None, "", [], {}):
        return _Side(raw=None)
    if side not in SIDES or not isinstance(raw, list) or len(raw) > MAX_FIELDS:
        return _Side(readable=False, raw=raw)
    found = _Side(raw=raw)
    seen: Counter[str] = Counter()
    for position, spec in enumerate(raw):
        if not isinstance(spec, dict) or "type" not in spec:
            return _Side(readable=False, raw=raw)
        for each in _fields(spec, position, params=side == "params"):
            name = each.name
            while name in found.fields:
                # Keep the last number: counting from 2 for each of n equal names would take n² steps.
                seen[each.name] += 1
                name = f"{each.name} ({seen[each.name] + 1})"
            found.fields[name] = each
    return found


def parse_side(value: Any) -> Any:
    """Return a side of a model signature as a value: MLflow stores it as JSON in a string. Invalid JSON stays a
    string.
    """
    return parse_json_or(value, value) if isinstance(value, str) else value


def _fields(spec: dict[str, Any], position: int, *, params: bool) -> Iterator[_Field]:
    named = isinstance(spec.get("name"), str) and spec["name"] != ""
    name = str(spec["name"]) if named else f"#{position}"
    if spec["type"] == "tensor":
        inner = spec.get("tensor-spec")
        inner = inner if isinstance(inner, dict) else {}
        yield _Field(name, str(inner.get("dtype", "?")), True, _shape(inner.get("shape")), None, True, named)
        return
    if params:
        default = _text(spec.get("default"))
        yield _Field(name, str(spec["type"]), False, _shape(spec.get("shape")), default, False, named)
        return
    yield from _column(spec, name, spec.get("required", True) is not False, named, 1)


def _column(spec: Any, name: str, required: bool, named: bool, depth: int) -> Iterator[_Field]:
    """Yield a column and its nested fields: `address.street`, `items[]`."""
    kind = spec.get("type") if isinstance(spec, dict) else spec
    yield _Field(name, str(kind) if isinstance(kind, str) else _text(kind) or "?", required, named=named)
    if not isinstance(spec, dict) or depth >= MAX_DEPTH:
        return
    properties = spec.get("properties")
    if kind == "object" and isinstance(properties, dict):
        for key, inner in properties.items():
            inside = inner.get("required", True) is not False if isinstance(inner, dict) else True
            yield from _column(inner, f"{name}.{key}", inside, named, depth + 1)
    elif kind == "array" and "items" in spec:
        yield from _column(spec["items"], f"{name}[]", True, named, depth + 1)
    elif kind == "map" and "values" in spec:
        yield from _column(spec["values"], f"{name}{{}}", True, named, depth + 1)


def _shape(value: Any) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(n if isinstance(n, int) and not isinstance(n, bool) else -1 for n in value)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


# --- comparing


def _compare(side: str, old: Mapping[str, _Field], new: Mapping[str, _Field]) -> Iterator[SchemaChange]:
    for name in [*old, *(n for n in new if n not in old)]:
        was, now = old.get(name), new.get(name)
        if was is None and now is not None:
            yield _added(side, name, now)
        elif was is not None and now is None:
            yield _removed(side, name, was)
        elif was is not None and now is not None and was != now:
            yield from _changed(side, name, was, now)
    yield from _reordered(side, old, new)


def _added(side: str, name: str, now: _Field) -> SchemaChange:
    if side == "inputs" and now.required:
        description, breaking = "new required input: callers that do not send it are refused", True
    else:
        description, breaking = (
            {"inputs": "new optional input", "outputs": "new output"}.get(side, "new parameter"),
            False,
        )
    return SchemaChange(side, name, "presence", None, now.shown, description, breaking)


def _removed(side: str, name: str, was: _Field) -> SchemaChange:
    description = {
        "inputs": "removed input: what callers send here is refused or ignored",
        "outputs": "removed output: callers that read it find nothing",
    }.get(side, "removed parameter: callers that set it are refused or ignored")
    return SchemaChange(side, name, "presence", was.shown, None, description, True)


def _changed(side: str, name: str, was: _Field, now: _Field) -> Iterator[SchemaChange]:
    if (was.type, was.tensor) != (now.type, now.tensor):
        wider = now.type in _WIDER.get(was.type, ())
        if side == "outputs":
            description = "retyped output, widened" if wider else "retyped output"
            description += ": callers that expect the old type may misread it"
            yield SchemaChange(side, name, "type", was.type, now.type, description, True)
        elif wider:
            description = "retyped, widened: every value sent so far still fits"
            yield SchemaChange(side, name, "type", was.type, now.type, description)
        else:
            narrowed = ", narrowed" if was.type in _WIDER.get(now.type, ()) else ""
            description = f"retyped{narrowed}: values callers send may be refused"
            yield SchemaChange(side, name, "type", was.type, now.type, description, True)
    if was.required != now.required:
        yield _requiredness(side, name, now)
    if was.shape != now.shape:
        loosened = side != "outputs" and _loosened(was.shape, now.shape)
        description = "changed shape, loosened: what was sent so far still fits" if loosened else "changed shape"
        before, after = _text_of(was.shape), _text_of(now.shape)
        yield SchemaChange(side, name, "shape", before, after, description, not loosened)
    if was.default != now.default:
        description = "another default: callers that do not set it get other answers"
        yield SchemaChange(side, name, "default", was.default, now.default, description)


def _requiredness(side: str, name: str, now: _Field) -> SchemaChange:
    words = ("optional", "required") if now.required else ("required", "optional")
    if side == "outputs":
        description = "always there now" if now.required else "may be missing now: callers that rely on it fail"
        breaking = not now.required
    else:
        description = (
            "newly required input: callers that leave it out are refused" if now.required else "no longer required"
        )
        breaking = now.required
    return SchemaChange(side, name, "required", *words, description, breaking)


def _loosened(was: tuple[int, ...] | None, now: tuple[int, ...] | None) -> bool:
    """Return whether every shape that was accepted is still accepted. -1 is any size."""
    if now is None:
        return True
    return was is not None and len(was) == len(now) and all(n in (-1, w) for w, n in zip(was, now, strict=True))


def _text_of(shape: tuple[int, ...] | None) -> str:
    return "any" if shape is None else f"({', '.join(map(str, shape))})"


def _reordered(side: str, old: Mapping[str, _Field], new: Mapping[str, _Field]) -> Iterator[SchemaChange]:
    """Yield a change if the common fields have another order, which matters to clients that pass values by position.

    MLflow matches named columns by name, and tensors by position if a client passes an array.
    """
    before, after = [n for n in old if n in new], [n for n in new if n in old]
    if before == after or side == "params":
        return
    tensors = any(old[name].tensor for name in before)
    if tensors:
        description = "reordered tensors: callers that pass them by position send the wrong one"
    else:
        description = "reordered columns: no difference to callers that pass them by name"
    yield SchemaChange(side, "order", "order", _few(before), _few(after), description, tensors)


def _few(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
