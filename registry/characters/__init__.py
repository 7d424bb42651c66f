"""Unicode properties of names and texts: which characters are invisible, and which names look alike. Pure."""

from registry.characters.classes import (
    DIRECTIONAL,
    Place,
    code_point,
    first_unfit,
    is_unfit_for_name,
    is_unseen,
    marked,
)
from registry.characters.skeletons import caseless_skeleton, skeleton, skeleton_digest

__all__ = [
    "DIRECTIONAL",
    "Place",
    "caseless_skeleton",
    "code_point",
    "first_unfit",
    "is_unfit_for_name",
    "is_unseen",
    "marked",
    "skeleton",
    "skeleton_digest",
]
