"""Read the lists of reviewed names beside this module: one exact name a line, in sections where kinds differ."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def sections(name: str) -> Mapping[str, frozenset[str]]:
    """Return the names of a list by section; names before the first section have the section "".

    Args:
        name: file name of the list, such as "skops_names.txt".
    """
    found: dict[str, set[str]] = {"": set()}
    section = found[""]
    for line in files(__package__).joinpath(name).read_text("utf-8").splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), set())
        elif line and not line.startswith("#"):
            section.add(line)
    return {key: frozenset(names) for key, names in found.items()}


def names(name: str) -> frozenset[str]:
    """Return the names of a list without sections."""
    return sections(name)[""]
