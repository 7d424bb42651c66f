"""Dataset references: their formats, their fields, and how reliably they identify data. Pure.

A reference is parsed strictly into fields; its identity strength, and whether two references are of the same dataset,
follow from these fields only, so a reference cannot claim more than it contains.
"""

from registry.datasets.identity import DIGEST_FORMS, Reference, identity, identity_hint, identity_strength
from registry.datasets.parsers import FORMS, ReferenceFormat, detect_formats, form_of, read
from registry.datasets.unreadable import DatasetParseError

__all__ = [
    "DIGEST_FORMS",
    "FORMS",
    "DatasetParseError",
    "Reference",
    "ReferenceFormat",
    "detect_formats",
    "form_of",
    "identity",
    "identity_hint",
    "identity_strength",
    "read",
]
