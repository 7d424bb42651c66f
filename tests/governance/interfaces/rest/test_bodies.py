"""JSON bodies: ambiguous input is rejected, and no input breaks the server."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.interfaces.rest.parsers import MAX_DEPTH, MAX_INTEGER, read_json
from governance.interfaces.rest.problem import Problem
from tests.governance.interfaces.rest.conftest import Caller


@pytest.mark.parametrize(
    ("raw", "code", "pointer"),
    [
        (b'{"slug": NaN}', "not_finite", ""),
        (b'{"slug": -Infinity}', "not_finite", ""),
        (b'{"slug": 1e400}', "number_too_large", ""),
        (b'{"slug": 9007199254740992}', "integer_too_large", ""),
        (b'{"slug": ' + b"9" * 5000 + b"}", "integer_too_large", ""),
        (b'{"slug": "\\u0000"}', "characters", "/slug"),
        (b'{"a": {"b": ["x", "\\ud800"]}}', "characters", "/a/b/1"),
        (b'{"\\udfff": 1}', "characters", ""),
        (b'{"slug": "a", "slug": "b"}', "duplicate_member", ""),
        (b'{"a": [{"x": 1, "x": 1}]}', "duplicate_member", ""),
        (b'{"slug": "\xff"}', "encoding", ""),
        (b"\xff\xfe{\x00}\x00", "encoding", ""),
        (b"\xef\xbb\xbf{}", "syntax", ""),
        (b"{'slug': 1}", "syntax", ""),
        (b'{"slug": 1} x', "syntax", ""),
        (b'{"slug": "\n"}', "syntax", ""),
        (b"[" * 40 + b"]" * 40, "too_deep", ""),
        (b"[" * 100_000 + b"]" * 100_000, "too_deep", ""),
        (b'{"a":' * 50_000, "too_deep", ""),
    ],
)
def test_json_that_is_not_plain_is_refused(priya_calls: Caller, raw: bytes, code: str, pointer: str) -> None:
    problem = priya_calls("POST", "/models", body=raw, content_type="application/json").problem(400, "malformed_json")

    assert [(e["code"], e["pointer"]) for e in problem["errors"]] == [(code, pointer)]


def test_the_edges_are_inside() -> None:
    assert read_json(json.dumps({"n": [MAX_INTEGER, -MAX_INTEGER, 1.7976931348623157e308, "😀", "\x1f"]}).encode())
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    assert read_json(b'{"text": "\\ud83d\\ude00"}') == {"text": "😀"}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(Problem):
        read_json(raw)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_plain_json_is_read_as_it_is(value: object) -> None:
    assert read_json(json.dumps(value).encode()) == value


def test_a_body_of_another_type_is_refused(priya_calls: Caller) -> None:
    for content_type in ("text/plain", "application/xml", "multipart/form-data; boundary=x",
                         "application/x-www-form-urlencoded", "nonsense"):  # fmt: skip
        answer = priya_calls("POST", "/models", body=b'{"slug": "m"}', content_type=content_type)
        answer.problem(415, "unsupported_media_type")


def test_no_body_lacks_its_members(priya_calls: Caller) -> None:
    problem = priya_calls("POST", "/models", content_type="application/json").problem(400, "invalid_request")
    assert problem["errors"][0]["code"] == "required"


def test_a_large_document_is_refused_before_it_is_read(priya_calls: Caller) -> None:
    raw = b'{"slug": "m", "description": "' + b"x" * (3 * 1024 * 1024) + b'"}'

    priya_calls("POST", "/models", body=raw, content_type="application/json").problem(413, "too_large")


def test_accept_chooses_nothing(priya_calls: Caller) -> None:
    for accept in ("text/html", "application/xml", "image/*", "*/*", "nonsense"):
        answer = priya_calls.get("/whoami", Accept=accept)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
