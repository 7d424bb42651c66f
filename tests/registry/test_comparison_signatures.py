"""Signatures: what breaks a caller is named, in words, and nothing is claimed of what is not read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.comparison import SchemaChange, compare_signatures

COLUMN = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "long", "double", "string"])},
    optional={"name": st.sampled_from(["a", "b", "c"]), "required": st.booleans()},
)
TENSOR = st.fixed_dictionaries(
    {
        "type": st.just("tensor"),
        "tensor-spec": st.fixed_dictionaries(
            {
                "dtype": st.sampled_from(["float32", "float64"]),
                "shape": st.lists(st.sampled_from([-1, 3]), max_size=3),
            }
        ),
    },
    optional={"name": st.sampled_from(["x", "y"])},
)
SIDE = st.one_of(st.none(), st.lists(COLUMN, max_size=4), st.lists(TENSOR, max_size=3), st.text(max_size=5))
SIGNATURES = st.fixed_dictionaries(
    {}, optional={"inputs": SIDE, "outputs": SIDE, "params": SIDE, "else": st.integers()}
)


def columns(*given: Any) -> list[dict[str, Any]]:
    """("age", "long"), ("town", "string", False) …"""
    return [{"name": n, "type": t, "required": (rest or [True])[0]} for n, t, *rest in given]


def only(before: dict[str, Any], after: dict[str, Any]) -> SchemaChange:
    (change,) = compare_signatures(before, after).changes
    return change


@given(SIGNATURES)
def test_a_signature_does_not_differ_from_itself(signature: dict[str, Any]) -> None:
    assert compare_signatures(signature, signature).changes == ()


@given(SIGNATURES, SIGNATURES)
def test_what_differs_one_way_differs_the_other(a: dict[str, Any], b: dict[str, Any]) -> None:
    there, back = compare_signatures(a, b), compare_signatures(b, a)
    mirrored = {(c.side, c.name, c.aspect, c.after, c.before) for c in back.changes}
    assert {(c.side, c.name, c.aspect, c.before, c.after) for c in there.changes} == mirrored
    assert (there.same, there.unread) == (back.same, back.unread)


def test_json_in_a_string_is_the_same_as_json() -> None:
    listed = columns(("age", "long"))
    assert compare_signatures({"inputs": listed}, {"inputs": json.dumps(listed)}).changes == ()


@pytest.mark.parametrize(
    ("before", "after", "aspect", "breaking", "description"),
    [
        ([("a", "long"), ("b", "long")], [("a", "long")], "presence", True, "removed input"),
        ([("a", "long")], [("a", "long"), ("b", "long")], "presence", True, "new required input"),
        ([("a", "long")], [("a", "long"), ("b", "long", False)], "presence", False, "new optional input"),
        ([("a", "long", False)], [("a", "long")], "required", True, "newly required"),
        ([("a", "long")], [("a", "long", False)], "required", False, "no longer required"),
        ([("a", "integer")], [("a", "long")], "type", False, "widened"),
        ([("a", "long")], [("a", "integer")], "type", True, "narrowed"),
        ([("a", "long")], [("a", "double")], "type", True, "retyped:"),
        ([("a", "long")], [("a", "string")], "type", True, "retyped:"),
        ([("a", "long"), ("b", "long")], [("b", "long"), ("a", "long")], "order", False, "by name"),
    ],
)
def test_inputs(before: Any, after: Any, aspect: str, breaking: bool, description: str) -> None:
    change = only({"inputs": columns(*before)}, {"inputs": columns(*after)})
    assert (change.aspect, change.breaking) == (aspect, breaking)
    assert description in change.description


@pytest.mark.parametrize(
    ("before", "after", "aspect", "breaking"),
    [
        ([("a", "long"), ("b", "long")], [("a", "long")], "presence", True),
        ([("a", "long")], [("a", "long"), ("b", "long")], "presence", False),
        ([("a", "integer")], [("a", "long")], "type", True),
        ([("a", "long")], [("a", "long", False)], "required", True),
    ],
)
def test_outputs(before: Any, after: Any, aspect: str, breaking: bool) -> None:
    change = only({"outputs": columns(*before)}, {"outputs": columns(*after)})
    assert (change.aspect, change.breaking) == (aspect, breaking)


def tensor(*shape: int, name: str = "", dtype: str = "float32") -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}, **({"name": name} if name else {})}


def test_tensors() -> None:
    change = only({"inputs": [tensor(-1, 28)]}, {"inputs": [tensor(-1, 32)]})
    assert (change.aspect, change.before, change.after, change.breaking) == ("shape", "(-1, 28)", "(-1, 32)", True)
    change = only({"inputs": [tensor(-1, 28)]}, {"inputs": [tensor(-1, -1)]})
    assert (change.aspect, change.breaking) == ("shape", False)
    change = only({"outputs": [tensor(-1, 28)]}, {"outputs": [tensor(-1, -1)]})
    assert change.breaking
    image, mask = tensor(-1, 3, name="image"), tensor(-1, 1, name="mask")
    change = only({"inputs": [image, mask]}, {"inputs": [mask, image]})
    assert (change.aspect, change.breaking) == ("order", True)
    assert "reordered tensors" in change.description
    change = only({"inputs": [tensor(2)]}, {"inputs": [tensor(2, dtype="float64")]})
    assert (change.aspect, change.breaking) == ("type", False)


def test_what_is_inside_a_column_is_compared_by_path() -> None:
    def address(*properties: str) -> dict[str, Any]:
        inner = {name: {"type": "string", "required": name != "flat"} for name in properties}
        return {"inputs": [{"name": "address", "type": "object", "properties": inner}]}

    change = only(address("street", "town"), address("street"))
    assert (change.name, change.breaking) == ("address.town", True)
    change = only(address("street"), address("street", "flat"))
    assert (change.name, change.breaking) == ("address.flat", False)


def test_parameters_and_their_defaults() -> None:
    def params(default: float) -> dict[str, Any]:
        return {"params": [{"name": "temperature", "type": "double", "default": default, "shape": None}]}

    change = only(params(0.7), params(0.1))
    assert (change.aspect, change.breaking) == ("default", False)
    assert only(params(0.7), {}).breaking


def test_what_is_in_no_known_form_is_shown_and_not_judged() -> None:
    found = compare_signatures({"inputs": {"age": "int"}}, {"inputs": {"age": "text"}})
    assert found.unread == ("inputs",)
    assert not found.breaking
    assert found.changes[0].before == '{"age": "int"}'
