"""Canonical JSON of documents that are hashed but are not leaves: packets, policies, fingerprints, check inputs.

RFC 8785 in full, floats and any key included, by the `rfc8785` library. Leaves keep to a narrower domain and their own
encoder (`audit.leaf`), because a verifier without libraries must be able to write them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785

from audit.exceptions import NotCanonicalError


def dumps(value: Any) -> bytes:
    """The RFC 8785 bytes of a JSON value. Raises NotCanonicalError for NaN, infinity, integers past 2^53-1 and
    non-JSON."""
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as fault:
        raise NotCanonicalError(str(fault)) from fault


def digest(value: Any) -> str:
    """SHA-256 of `dumps(value)`, in hexadecimal."""
    return hashlib.sha256(dumps(value)).hexdigest()
