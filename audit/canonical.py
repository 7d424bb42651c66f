"""Canonical JSON of hashed documents that are not leaves: packets, policies, fingerprints, check inputs.

The `rfc8785` library implements RFC 8785 in full, including floats and any key. Leaves use a narrower domain and their
own encoder (`audit.leaf`), because a verifier without libraries must be able to encode them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785

from audit.exceptions import NotCanonicalError


def dumps(value: Any) -> bytes:
    """Return the RFC 8785 bytes of a JSON value.

    Raises:
        NotCanonicalError: the value contains NaN, infinity, an integer beyond 2^53-1, or a type that JSON does not
            have.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as fault:
        raise NotCanonicalError(str(fault)) from fault


def digest(value: Any) -> str:
    """Return the SHA-256 of `dumps(value)` in hexadecimal."""
    return hashlib.sha256(dumps(value)).hexdigest()
