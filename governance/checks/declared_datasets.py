"""What the declared datasets of versions show: which are of a role, and whether two are the same data. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from governance.checks.base import Context
from registry.datasets import Reference, identity


def of_role(ctx: Context, role: str) -> Sequence[Mapping[str, str]]:
    """Return the declared datasets of a role, as the fact `datasets` has them."""
    return [reference for reference in ctx.facts["datasets"] if reference["role"] == role]


def relation(one: Mapping[str, str], other: Mapping[str, str]) -> Literal["same", "different", "unknown"]:
    """Return whether two declared datasets are the same data, as far as their identifiers show it.

    Labels that are equal count as the same data; labels that differ show nothing. Digests of different kinds cannot be
    compared.
    """
    first, second = (
        Reference(each["name"], each["version"], each["uri"], each["algorithm"], each["digest"])
        for each in (one, other)
    )
    same_kind = first.digest_algorithm == second.digest_algorithm
    is_label = "weak" in (one["strength"], other["strength"])
    same_label = is_label and same_kind and first.digest != "" and first.digest == second.digest
    if identity(first) == identity(second) or same_label:
        return "same"
    return "different" if same_kind and not is_label else "unknown"
