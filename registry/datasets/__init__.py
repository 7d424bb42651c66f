"""Dataset references: the forms people have them in, what each says, and how surely it identifies data. Pure.

A reference is read strictly into the six facts a version keeps of it; how strong it is, and whether two references are
of the same dataset, follows from those facts alone, so nobody can claim more than they gave.
"""

from registry.datasets.forms import FORMS, Form, form_of, read, recognised
from registry.datasets.identity import DIGEST_FORMS, Reference, advice, identity, strength
from registry.datasets.unreadable import Unreadable

__all__ = [
    "DIGEST_FORMS",
    "FORMS",
    "Form",
    "Reference",
    "Unreadable",
    "advice",
    "form_of",
    "identity",
    "read",
    "recognised",
    "strength",
]
