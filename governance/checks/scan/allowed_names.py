"""What a pickle may import: a reviewed list of exact names, and the names that no policy can add to it. Pure.

The list is the file `allowed_names.txt`. A name is `module.attribute`; the attribute has no dot, because a dotted name
reaches through one module into another (`logging.os.getpid`). docs/decisions/0040 says how a name is reviewed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files

from governance.checks.scan import name_lists

_ALLOWED = "allowed_names.txt"
_REFUSED = "refused_names.txt"
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)


class Use(StrEnum):
    """What a pickle may do with a name on the list. Each section of the file has the name of a use."""

    CLASS = "classes"
    """Call it, and make instances of it."""
    FUNCTION = "functions"
    """Call it, with any arguments."""
    INSTANCE = "instances"
    """Make an instance without calling `__init__`; calling the class can do more than the review covers."""
    REFERENCE = "references"
    """Refer to it as a value: loading does not call it."""


@cache
def digest() -> str:
    """Return the SHA-256 of the list: results of a scan name the list that they were computed with."""
    return hashlib.sha256(files(__package__).joinpath(_ALLOWED).read_bytes()).hexdigest()


@cache
def listed() -> Mapping[str, Use]:
    """Return the list: each name with its use."""
    return {name: use for use in Use for name in name_lists.sections(_ALLOWED)[use]}


@cache
def vocabulary() -> Mapping[str, str]:
    """Return the modules and attributes of the list, each mapped to itself: one object for all equal strings."""
    words = {part: part for name in listed() for part in name.rpartition(".")[::2]}
    return {**words, "latin1": "latin1", "storage": "storage"}


class AllowedNames:
    """The list, with the names that a policy adds."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        self._extra = frozenset(name for name in extra if refusal(name) is None)

    def use(self, module: str, attribute: str) -> Use | None:
        """Return what a pickle may do with a name; None if it may not import it.

        A name of the policy may be called: the reviewer decides that it is harmless with any arguments.
        """
        if "." in attribute:
            return None
        name = f"{module}.{attribute}"
        return listed().get(name) or (Use.CLASS if name in self._extra else None)


_REFUSED_ATTRIBUTES = re.compile(
    r"__\w+__|eval|exec|execfile|compile|getattr|setattr|delattr|open|_*(un)?load\w*|_ufunc_\w+|save\w*|dump\w*|read_\w+|"
    r"import_\w+|run\w*|system|popen|spawn\w*|memmap|fromfile|tofile|genfromtxt|loadtxt|fromregex|DataSource|"
    r"vectorize|frompyfunc|apply_along_axis|apply_over_axes|piecewise|fromfunction|partial|attrgetter|itemgetter|"
    r"methodcaller|reduce|_wrapit|_wrapfunc|rv_\w+|query|pipe|apply|\w+_gen|os|sys|subprocess|"
    r"importlib|pickle|builtins|warnings",
    re.IGNORECASE,
)
"""Attributes refused in every module: they import, evaluate, open files, or call what they are given."""


def refusal(name: str) -> str | None:
    """Return why a policy cannot add a name to the list; None if it can.

    Args:
        name: the exact name, `module.attribute`.
    """
    if not _NAME.fullmatch(name):
        return "It is not an exact name of the form module.attribute, in ASCII letters, without a pattern."
    if name in listed():
        return None
    module, _, attribute = name.rpartition(".")
    refused = name_lists.sections(_REFUSED)
    if module.partition(".")[0] in refused["packages"] or not refused["modules"].isdisjoint(_parents(module)):
        return f"The module {module} can import, evaluate, open files or reach other objects, so it is never allowed."
    if any(part[:1].isupper() for part in module.split(".")):
        return "A name that reaches through a class or an object is never allowed; name an attribute of a module."
    if _REFUSED_ATTRIBUTES.fullmatch(attribute):
        return f"A name that is called {attribute} can import, evaluate, open files or call others: never allowed."
    return None


def is_added(name: str, extra: Iterable[str]) -> bool:
    """Return whether a policy adds a name, and may: for formats that have lists of their own."""
    return name in extra and refusal(name) is None


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
