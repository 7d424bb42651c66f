"""Licence expressions (SPDX) and licence identifiers of the Hugging Face Hub, as a tree that a rule evaluates. Pure.

The library license-expression parses; it is called here only. It accepts an empty text without an error and ends with
other exceptions than its own on some texts, so both are handled here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

MAX_EXPRESSION = 1_000
"""Maximum characters of an expression; the longest of the SPDX examples have about a hundred."""

CUSTOM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_:-]{0,119}")
"""Form of an identifier that a policy defines, such as LicenseRef-Bank-Internal."""

_OPERATORS = frozenset({"and", "or", "with"})
_HUB_TO_SPDX = {
    "bsl-1.0": "BSL-1.0", "c-uda": "C-UDA-1.0", "etalab-2.0": "etalab-2.0", "lgpl-lr": "LGPLLR", "ms-pl": "MS-PL",
    "odbl": "ODbL-1.0", "odc-by": "ODC-By-1.0", "ofl-1.1": "OFL-1.1", "pddl": "PDDL-1.0", "zlib": "Zlib",
}  # fmt: skip
_HUB_ONLY = frozenset(
    {
        "apple-amlr", "apple-ascl", "bigcode-openrail-m", "bigscience-bloom-rail-1.0", "bigscience-openrail-m",
        "creativeml-openrail-m", "deepfloyd-if-license", "fair-noncommercial-research-license", "gemma",
        "grok2-community", "h-research", "intel-research", "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3",
        "llama4", "open-mdw", "openmdw-1.0", "openrail", "openrail++",
    }
)  # fmt: skip
"""Identifiers of the Hub that are no SPDX identifiers and name one licence each.

Source: https://huggingface.co/docs/hub/repositories-licenses
"""
_FAMILIES = frozenset({"bsd", "cc", "gfdl", "gpl", "lgpl", "agpl", "apache", "creative commons"})
_WITHOUT_STATEMENT = frozenset({"noassertion", "none", "unknown", "other", "unlicensed", "n/a", "tbd", "todo"})


class LicenceExpressionError(ValueError):
    """A text is no licence expression. `code` is stable; the message has the rule and the remedy."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Licence:
    """One licence of an expression, perhaps with an exception. `problem` says why it identifies no licence."""

    id: str
    exception: str = ""
    problem: str = ""

    @property
    def text(self) -> str:
        """The licence as written in an expression."""
        return f"{self.id} WITH {self.exception}" if self.exception else self.id


@dataclass(frozen=True)
class Combination:
    """Licences joined by AND, which all apply, or by OR, of which the recipient chooses one."""

    operator: Literal["AND", "OR"]
    parts: tuple[Expression, ...]

    @property
    def text(self) -> str:
        """The combination as an expression."""
        return f" {self.operator} ".join(
            f"({part.text})" if isinstance(part, Combination) else part.text for part in self.parts
        )


Expression: TypeAlias = Licence | Combination


def parse_licence(text: str, custom_ids: Iterable[str] = ()) -> Expression:
    """Parse an expression. Identifiers are returned in the form of the SPDX list: `LGPL-2.1` as `LGPL-2.1-only`.

    Args:
        text: an SPDX expression, or an identifier of the Hugging Face Hub.
        custom_ids: further identifiers, each of the form `CUSTOM_ID`.

    Returns:
        The parsed tree. An identifier that is not known is part of it, with its `problem`.

    Raises:
        LicenceExpressionError: the text is empty, too long, or no expression.
    """
    custom = tuple(sorted(set(custom_ids)))
    text = " ".join(text.split())
    if not text:
        raise LicenceExpressionError("licence_empty", "The licence is empty. Write an SPDX expression, such as MIT.")
    if len(text) > MAX_EXPRESSION:
        message = f"The licence has {len(text):,} characters; at most {MAX_EXPRESSION:,} are read."
        raise LicenceExpressionError("licence_too_long", message)
    if CUSTOM_ID.fullmatch(text) or text.casefold() in _WITHOUT_STATEMENT:
        return _licence(text, custom)
    if "/" in text or "," in text or ";" in text:
        message = f"“{text[:200]}” is no SPDX expression. Join licences by AND if all apply, by OR if one is chosen."
        raise LicenceExpressionError("licence_unreadable", message)
    try:
        tree = _library_parser().parse(text, simple=True)
        found = _converted(tree, custom) if tree is not None else None
    except Exception as error:  # the library raises AttributeError and others besides its own errors
        raise LicenceExpressionError("licence_unreadable", _unreadable(text, error)) from error
    if found is None:
        raise LicenceExpressionError("licence_unreadable", _unreadable(text, None))
    return found


def evaluate(expression: Expression, allowed: Callable[[Licence], bool | None]) -> bool | None:
    """Return whether an expression is allowed: every part of AND, any part of OR; None if unknown parts decide it."""
    if isinstance(expression, Licence):
        return allowed(expression)
    results = [evaluate(part, allowed) for part in expression.parts]
    decisive = expression.operator == "OR"
    if decisive in results:
        return decisive
    return None if None in results else not decisive


def licences_of(expression: Expression) -> Iterator[Licence]:
    """Yield the licences of an expression from left to right."""
    if isinstance(expression, Licence):
        yield expression
    else:
        for part in expression.parts:
            yield from licences_of(part)


def base_id(licence_id: str) -> str:
    """Return an identifier without `-only`, `-or-later` and `+`, in lower case."""
    folded = licence_id.casefold()
    for ending in ("-only", "-or-later", "+"):
        folded = folded.removesuffix(ending)
    return folded


def is_taken(custom_id: str) -> bool:
    """Return whether an identifier has a meaning already, so that a policy cannot define it."""
    folded = custom_id.casefold()
    reserved = _OPERATORS | _FAMILIES | _WITHOUT_STATEMENT | _HUB_ONLY | _HUB_TO_SPDX.keys()
    return folded in reserved or folded in _spdx()


def _unreadable(text: str, error: Exception | None) -> str:
    reason = " ".join(str(error).split())[:200] if error is not None and str(error).strip() else ""
    detail = f" ({reason})" if reason else ""
    return f"“{text[:200]}” is no SPDX expression{detail}. Write one, such as “Apache-2.0” or “MIT OR BSD-3-Clause”."


def _licence(key: str, custom: tuple[str, ...]) -> Licence:
    folded = key.casefold()
    for name in custom:
        if name.casefold() == folded:
            return Licence(name)
    if folded in _HUB_TO_SPDX:
        return Licence(_HUB_TO_SPDX[folded])
    if folded in _HUB_ONLY:
        return Licence(folded)
    known = _spdx().get(folded)
    if known is not None and not known[1]:
        return Licence(known[0])
    return Licence(key, problem=_problem(key, folded, is_exception=known is not None))


def _problem(key: str, folded: str, *, is_exception: bool) -> str:
    if is_exception:
        return f"“{key}” is an exception. Write the licence before it: GPL-2.0-only WITH {key}."
    if folded in _WITHOUT_STATEMENT:
        return f"“{key}” names no licence. Write the licence, or the identifier that the policy defines for it."
    if folded in _FAMILIES:
        return f"“{key}” is a family of licences. Write the identifier of one, such as GPL-3.0-only or BSD-3-Clause."
    if folded.startswith(("licenseref-", "documentref-")):
        return f"“{key}” is defined by its author only. An officer can name it in custom_ids of the policy."
    near = difflib.get_close_matches(folded.replace(" ", "-"), _spdx().keys(), 1, 0.8)
    hint = f" Perhaps {_spdx()[near[0]][0]} is meant." if near else ""
    return f"“{key}” is no identifier of the SPDX list.{hint}"


def _converted(tree: Any, custom: tuple[str, ...]) -> Expression:
    """Convert the tree of the library: its classes are recognised by their members."""
    operator = getattr(tree, "operator", "").strip()
    if operator:
        joined = tuple(_converted(part, custom) for part in tree.args)
        return Combination("OR" if operator == "OR" else "AND", joined)
    if hasattr(tree, "license_symbol"):
        licence = _licence(tree.license_symbol.key, custom)
        known = _spdx().get(tree.exception_symbol.key.casefold())
        if known is None or not known[1]:
            problem = f"“{tree.exception_symbol.key}” is no exception of the SPDX list."
            return Licence(licence.id, tree.exception_symbol.key, licence.problem or problem)
        return Licence(licence.id, known[0], licence.problem)
    return _licence(tree.key, custom)


@lru_cache(maxsize=1)
def _spdx() -> dict[str, tuple[str, bool]]:
    """Return identifier and whether it is an exception, by identifier and by older form, all in lower case.

    The list of the library contains `LicenseRef-` names as well. A `LicenseRef-` is what its author defines, so these
    identify nothing here.
    """
    from license_expression import get_spdx_licensing  # noqa: PLC0415 (a tenth of a second, for one check only)

    found: dict[str, tuple[str, bool]] = {}
    for symbol in get_spdx_licensing().known_symbols.values():
        if symbol.key.startswith("LicenseRef-"):
            continue
        for name in (symbol.key, *symbol.aliases):
            if not name.startswith("LicenseRef-") and name.casefold() not in _FAMILIES:
                found.setdefault(name.casefold(), (symbol.key, bool(symbol.is_exception)))
    return found


@lru_cache(maxsize=1)
def _library_parser() -> Any:
    """Return a parser without a list: identifiers are resolved here, so that unknown ones do not end the parsing."""
    from license_expression import Licensing  # noqa: PLC0415 (as above)

    return Licensing()
