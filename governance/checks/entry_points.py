"""The checks there are: the built-in ones and those of installed plug-ins. A broken plug-in is listed, never fatal.

Finding a plug-in runs its module's code, in the web process and in the worker: installing one is trusting it. The
sandbox protects from evidence, not from plug-ins.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from audit import canonical
from audit.exceptions import NotCanonicalError
from governance.checks.base import Check, CheckContractError, Parameters, refuse_bad_check
from governance.checks.builtin.artifact_format import ArtifactFormat
from governance.checks.builtin.integrity_digest import IntegrityDigest
from governance.checks.builtin.model_card import ModelCardComplete
from governance.checks.builtin.performance_threshold import PerformanceThreshold

log = logging.getLogger(__name__)

GROUP = "countersign.checks"

BUILTIN: tuple[type[Check], ...] = (IntegrityDigest, ArtifactFormat, ModelCardComplete, PerformanceThreshold)

RESERVED = frozenset(
    {
        "artifact", "bom", "countersign", "dependencies", "docs", "evaluation", "fairness", "integrity", "license",
        "lineage", "performance", "provenance", "stability",
    }
)  # fmt: skip
"""Namespaces of the product's own checks, present and to come."""


class UnknownCheck(LookupError):
    """No installed check has that slug; the message names those there are."""


class BadParameters(ValueError):
    """A check does not take these parameters. `errors` are (JSON pointer, sentence)."""

    def __init__(self, slug: str, errors: tuple[tuple[str, str], ...]) -> None:
        super().__init__(f"{slug}: " + "; ".join(f"{pointer or '/'}: {message}" for pointer, message in errors))
        self.errors = errors


@dataclass(frozen=True)
class Broken:
    """A plug-in that cannot be used, and why."""

    name: str
    origin: str
    problem: str
    slug: str = ""
    """The check that it would be, where it says so."""


@dataclass(frozen=True)
class Catalogue:
    """What was found: checks by slug, where each came from, and what was refused."""

    checks: Mapping[str, type[Check]]
    origins: Mapping[str, str]
    broken: tuple[Broken, ...]


def collect(builtin: Iterable[type[Check]], plugins: Iterable[EntryPoint]) -> Catalogue:
    """Put a catalogue together. A slug that two plug-ins claim belongs to neither: nobody could say which one ran."""
    checks: dict[str, type[Check]] = {}
    for check in builtin:
        refuse_bad_check(check)
        if check.slug in checks:
            raise CheckContractError(f"two built-in checks are called {check.slug}")
        checks[check.slug] = check
    origins = dict.fromkeys(checks, "countersign")
    broken: list[Broken] = []
    claims: dict[str, list[tuple[EntryPoint, type[Check]]]] = {}
    for point in plugins:
        loaded: Any = None
        try:
            loaded = point.load()
            refuse_bad_check(loaded)
            if loaded.slug.split(".")[0] in RESERVED:
                raise CheckContractError(
                    f"the namespace of {loaded.slug} is the product's own: use your organisation's name"
                )
        except Exception as error:
            slug = getattr(loaded, "slug", "")
            known = slug if isinstance(slug, str) and slug not in checks else ""
            broken.append(Broken(point.name, _origin(point), f"{type(error).__name__}: {error}", known))
        else:
            claims.setdefault(loaded.slug, []).append((point, loaded))
    for slug, claimants in claims.items():
        if len(claimants) > 1:
            broken.extend(
                Broken(point.name, _origin(point), f"{len(claimants)} plug-ins claim the slug {slug}", slug)
                for point, _ in claimants
            )
            continue
        point, check = claimants[0]
        checks[slug], origins[slug] = check, _origin(point)
    return Catalogue(checks, origins, tuple(broken))


@cache
def installed() -> Catalogue:
    """The catalogue of this installation, looked up once a process."""
    found = collect(BUILTIN, entry_points(group=GROUP))
    for fault in found.broken:
        log.warning("the check plug-in %s of %s is not used: %s", fault.name, fault.origin, fault.problem)
    return found


def all() -> list[Check]:  # noqa: A001 (the catalogue's own word, always used with its module's name)
    """Every usable check, by slug."""
    return [check() for _, check in sorted(installed().checks.items())]


def broken() -> tuple[Broken, ...]:
    """Plug-ins that cannot be used, and why: for a page that says so."""
    return installed().broken


def find(slug: str) -> Check | None:
    """The check of that slug, or None."""
    check = installed().checks.get(slug)
    return check() if check is not None else None


def get(slug: str) -> Check:
    """The check of that slug; raises UnknownCheck."""
    check = find(slug)
    if check is None:
        raise UnknownCheck(why_unusable(slug))
    return check


def why_unusable(slug: str) -> str:
    """Say why there is no check of that slug: it is not installed, or what is installed is broken."""
    faults = [fault for fault in broken() if fault.slug == slug]
    if faults:
        said = "; ".join(f"{fault.name} of {fault.origin}: {fault.problem}" for fault in faults[:3])
        return f"The check {slug} is installed and cannot be used: {said}."[:1000]
    known = ", ".join(sorted(installed().checks))
    unnamed = ", ".join(f"{fault.name} of {fault.origin}" for fault in broken() if not fault.slug)
    more = f" Plug-ins that cannot be used: {unnamed}." if unnamed else ""
    return f"No check called {slug} is installed; installed are: {known}.{more}"


def parameters(check: Check, given: Mapping[str, Any]) -> Parameters:
    """Validate parameters, defaults filled in. Raises BadParameters with every fault at once."""
    try:
        validated = check.Params.model_validate(dict(given))
        canonical.dumps(validated.model_dump(mode="json"))
        canonical.dumps(to_jsonable_python(dict(given)))  # the policy's document, which is hashed, has them as given
    except (NotCanonicalError, PydanticSerializationError) as error:
        raise BadParameters(check.slug, (("", str(error)),)) from error
    except ValidationError as error:
        raise BadParameters(
            check.slug,
            tuple(
                ("".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in fault["loc"]), fault["msg"])
                for fault in error.errors(include_url=False, include_context=False, include_input=False)
            ),
        ) from error
    except Exception as error:  # a plug-in's validators are code outside the sandbox
        message = f"the check cannot read its parameters ({type(error).__name__}: {error})"[:500]
        raise BadParameters(check.slug, (("", message),)) from error
    return validated


def combined_parameters(slug: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Combine the parameters that two policies give one check: those that satisfy both, as the check defines it.

    Returns None where the check is not installed, does not take one of the sets, or cannot combine them. Equal sets
    need no check to combine them.
    """
    if dict(first) == dict(second):
        return first
    check = find(slug)
    if check is None:
        return None
    try:
        both = check.combine(parameters(check, first), parameters(check, second))
        return None if both is None else parameters(check, both.model_dump(mode="json")).model_dump(mode="json")
    except Exception as error:  # a plug-in's combine() is code outside the sandbox
        if not isinstance(error, BadParameters):
            log.warning("the check %s cannot combine parameters: %s: %s", slug, type(error).__name__, error)
        return None


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value
