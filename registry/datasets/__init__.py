"""Dataset references: the forms people have them in, what each says, and how surely it identifies data. Pure.

A reference is read strictly into the six facts a version keeps of it; how strong it is, and whether two references are
of the same dataset, follows from those facts alone, so nobody can claim more than they gave.
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
