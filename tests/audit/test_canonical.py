"""Documents that are hashed but are not leaves: RFC 8785 in full."""

from __future__ import annotations

import math
from typing import Any

import pytest

from audit import canonical
from audit.exceptions import NotCanonicalError


def test_the_example_of_rfc_8785_section_3_2_2() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '\u20ac$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }

    assert canonical.dumps(value) == (
        b'{"literals":[null,true,false],'
        b'"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_keys_are_sorted_as_rfc_8785_section_3_2_3_sorts_them() -> None:
    # Section 3.2.3: by UTF-16 code units, so the surrogate pair of the grinning face comes before U+FB33.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]

    written = canonical.dumps(dict.fromkeys(keys, 0)).decode()

    order = ["\\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert written == "{" + ",".join(f'"{key}":0' for key in order) + "}"


def test_the_digest_is_that_of_the_bytes() -> None:
    assert canonical.digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert canonical.digest({"a": 1, "b": 2}) == canonical.digest({"b": 2, "a": 1})
    assert canonical.digest({"a": 1}) != canonical.digest({"a": "1"})


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, 2**53, {1: 1}, b"x", complex(1), "\ud800", {"a": [{1, 2}]}], ids=ascii
)
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonicalError):
        canonical.dumps(value)
