"""The exact bytes: published vectors, agreement with RFC 8785, and everything that is refused."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit import leaf
from audit.exceptions import LeafTooLongError, NotCanonicalError

SALT = bytes(range(32))
LOG = "registry.example/audit/1"

GOLDEN = [
    (
        {
            "type": "audit.event/1",
            "log": LOG,
            "id": "00000000-0000-4000-8000-000000000001",
            "at": "2026-01-01T00:00:00.000000Z",
            "action": "log.opened",
            "actor": {"type": "system", "id": "system"},
            "object": {"type": "log", "id": LOG},
            "stream": {"id": "log", "seq": 1},
            "changes": [],
        },
        (
            '{"action":"log.opened","actor":{"id":"system","type":"system"},"at":"2026-01-01T00:00:00.000000Z",'
            '"changes":[],"id":"00000000-0000-4000-8000-000000000001","log":"registry.example/audit/1",'
            '"object":{"id":"registry.example/audit/1","type":"log"},"stream":{"id":"log","seq":1},'
            '"type":"audit.event/1"}'
        ),
        "4831a489a03c22912df7db1126b66066ef729f91fb22af0496545f37dde0d1cb",
    ),
    (
        {
            "type": "audit.event/1",
            "log": LOG,
            "id": "00000000-0000-4000-8000-000000000002",
            "at": "2026-01-01T00:00:01.250000Z",
            "action": "model.version.registered",
            "actor": {"type": "user", "id": "usr_01", "auth": "oidc"},
            "object": {"type": "model", "id": "mdl_7", "version": 1},
            "stream": {"id": "model:mdl_7", "seq": 1},
            "changes": [{"field": "stage", "from": None, "to": "staging"}],
        },
        (
            '{"action":"model.version.registered","actor":{"auth":"oidc","id":"usr_01","type":"user"},'
            '"at":"2026-01-01T00:00:01.250000Z","changes":[{"field":"stage","from":null,"to":"staging"}],'
            '"id":"00000000-0000-4000-8000-000000000002","log":"registry.example/audit/1",'
            '"object":{"id":"mdl_7","type":"model","version":1},"stream":{"id":"model:mdl_7","seq":1},'
            '"type":"audit.event/1"}'
        ),
        "2417b18bf2dc02d8d3683a7003cf1133e5ab203d94ce14b45630d796ebeba354",
    ),
    (
        {
            "type": "audit.event/1",
            "log": LOG,
            "id": "00000000-0000-4000-8000-000000000003",
            "at": "2026-01-01T00:00:02.000001Z",
            "action": "model.stage.approved",
            "actor": {"type": "user", "id": "usr_02", "auth": "oidc"},
            "object": {"type": "model", "id": "mdl_7", "version": 1},
            "stream": {"id": "model:mdl_7", "seq": 2},
            "changes": [
                {"field": "stage", "from": "staging", "to": "production"},
                {
                    "field": "comment",
                    "commit": "hmac-sha256:82430feaee301d59f5bf3163a3728d69aa0aefc2c62738a91cf294c72edd9af7",
                },
            ],
        },
        (
            '{"action":"model.stage.approved","actor":{"auth":"oidc","id":"usr_02","type":"user"},'
            '"at":"2026-01-01T00:00:02.000001Z","changes":[{"field":"stage","from":"staging","to":"production"},'
            '{"commit":"hmac-sha256:82430feaee301d59f5bf3163a3728d69aa0aefc2c62738a91cf294c72edd9af7",'
            '"field":"comment"}],"id":"00000000-0000-4000-8000-000000000003","log":"registry.example/audit/1",'
            '"object":{"id":"mdl_7","type":"model","version":1},"stream":{"id":"model:mdl_7","seq":2},'
            '"type":"audit.event/1"}'
        ),
        "902c89b99c6db3bc85e01bbd4b2cb859ba759ca30500d849c1aa46ab991208ae",
    ),
]


@pytest.mark.parametrize(("event", "written", "digest"), GOLDEN, ids=["opened", "registered", "approved"])
def test_golden_leaves(event: dict[str, Any], written: str, digest: str) -> None:
    assert leaf.encode_leaf(event) == written.encode()
    assert leaf.leaf_hash(written.encode()).hex() == digest
    assert leaf.decode(written.encode()) == event


def test_published_leaf_hash() -> None:
    # transparency-dev/merkle, HashLeaf("L123456"): separated from the nodes by a zero byte (RFC 9162 section 2.1.1).
    assert leaf.leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"


def test_golden_commitment() -> None:
    facts = {"salt": SALT, "event_id": "00000000-0000-4000-8000-000000000003", "field": "comment", "value": "grün ✓"}
    committed = leaf.commitment(**facts)  # type: ignore[arg-type]  # the arguments of the case have many types

    assert committed == "hmac-sha256:82430feaee301d59f5bf3163a3728d69aa0aefc2c62738a91cf294c72edd9af7"
    assert leaf.verify_commitment(committed, **facts)  # type: ignore[arg-type]  # the arguments of the case have many types


@pytest.mark.parametrize(
    "other",
    [
        {"salt": bytes(32)},
        {"salt": b"short"},
        {"event_id": "00000000-0000-4000-8000-000000000002"},
        {"field": "reason"},
        {"value": "grün"},
        {"value": "half \ud800"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_commitment_opens_for_its_own_event_field_and_value_only(other: dict[str, Any]) -> None:
    facts: dict[str, Any] = {"salt": SALT, "event_id": "e", "field": "comment", "value": "grün ✓"}
    committed = leaf.commitment(**facts)

    assert not leaf.verify_commitment(committed, **(facts | other))


def test_a_salt_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        leaf.commitment(salt=b"short", event_id="e", field="f", value="v")


def _nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


class Opaque:
    def __repr__(self) -> str:
        return "Opaque()"


@pytest.mark.parametrize(
    ("value", "pointer", "words"),
    [
        (1.0, "", "float"),
        (float("nan"), "", "float"),
        ({"a": [1, {"b": -0.0}]}, "/a/1/b", "float"),
        (2**53, "", "2^53-1"),
        (-(2**53), "", "2^53-1"),
        ({"a": "x\x00"}, "/a", "NUL"),
        (["\ud800"], "/0", "surrogate"),
        ({"a": {"Upper": 1}}, "/a", "'Upper'"),
        ({"": 1}, "", "''"),
        ({"1a": 1}, "", "'1a'"),
        ({"a-b": 1}, "", "'a-b'"),
        ({"a\n": 1}, "", "'a\\n'"),
        ({1: 1}, "", "1"),
        ({True: 1}, "", "True"),
        (b"bytes", "", "bytes"),
        (datetime(2026, 1, 1, tzinfo=UTC), "", "datetime"),
        ({"a": {"b": Opaque()}}, "/a/b", "Opaque"),
        ({"a": {1, 2}}, "/a", "set"),
        (_nested(33), "/0" * 32, "deeper"),
    ],
    ids=repr,
)
def test_outside_the_domain_is_refused_by_place(value: Any, pointer: str, words: str) -> None:
    with pytest.raises(NotCanonicalError, match=re.escape(words)) as refused:
        leaf.encode(value)

    assert refused.value.pointer == pointer


def test_the_limits_themselves_are_allowed() -> None:
    value = {"most": 2**53 - 1, "least": -(2**53) + 1, "deep": _nested(31)}

    assert leaf.encode(value) == rfc8785.dumps(value)


def test_a_leaf_longer_than_an_entry_is_refused_with_its_size() -> None:
    overhead = len(leaf.encode({"a": ""}))

    assert len(leaf.encode_leaf({"a": "x" * (65_535 - overhead)})) == 65_535
    with pytest.raises(LeafTooLongError, match="65,536 bytes and the limit is 65,535"):
        leaf.encode_leaf({"a": "x" * (65_536 - overhead)})


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
_in_domain = st.recursive(
    st.none() | st.booleans() | st.integers(-leaf.MAX_INTEGER, leaf.MAX_INTEGER) | _text,
    lambda inner: st.lists(inner) | st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True), inner),
    max_leaves=25,
)
_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(_in_domain)
def test_inside_the_domain_the_bytes_are_those_of_rfc8785(value: Any) -> None:
    written = leaf.encode(value)

    assert written == rfc8785.dumps(value)
    assert leaf.decode(written) == value


@given(_anything)
def test_any_value_is_refused_or_written_as_rfc8785_writes_it(value: Any) -> None:
    try:
        written = leaf.encode(value)
    except NotCanonicalError:
        return
    assert written == rfc8785.dumps(value)


@given(_anything)
def test_json_of_any_form_is_refused_or_already_canonical(value: Any) -> None:
    data = json.dumps(value).encode()
    try:
        read = leaf.decode(data)
    except NotCanonicalError:
        return
    assert rfc8785.dumps(read) == data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a":1,"a":2}', "twice"),
        (b'{"b":1,"a":2}', "canonical form"),
        (b'{"a": 1}', "canonical form"),
        (b'{"a":1}\n', "canonical form"),
        (b'"\\u00fc"', "canonical form"),
        (b'"\\/"', "canonical form"),
        (b"-0", "canonical form"),
        (b"1.0", "float"),
        (b"1e3", "float"),
        (b"Infinity", "float"),
        (b"NaN", "float"),
        (b'"\xff"', "UTF-8"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "deeper"),
        (b'"\\ud800"', "surrogate"),
        (b'{"A":1}', "'A'"),
    ],
)
def test_bytes_in_another_form_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(NotCanonicalError, match=words):
        leaf.decode(data)


def test_recorded_times_are_utc_to_the_microsecond() -> None:
    vienna = timezone(timedelta(hours=1))

    assert leaf.timestamp(datetime(2026, 1, 1, 1, 0, tzinfo=vienna)) == "2026-01-01T00:00:00.000000Z"
    assert leaf.timestamp(datetime(26, 1, 1, microsecond=7, tzinfo=UTC)) == "0026-01-01T00:00:00.000007Z"
    with pytest.raises(ValueError, match="time zone"):
        leaf.timestamp(datetime(2026, 1, 1))  # noqa: DTZ001  # a time without a zone is the case
