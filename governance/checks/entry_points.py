"""The catalogue of checks: built-in ones and those of installed plug-ins. A broken plug-in is listed, never fatal.

Loading a plug-in runs its module's code in the web process and in the worker: only trusted plug-ins may be installed.
The sandbox protects from evidence, not from plug-ins.
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
from governance.checks.builtin.artifact_scan import ArtifactScanCheck
from governance.checks.builtin.bom_cyclonedx import BomCyclonedx
from governance.checks.builtin.dependencies_vulnerabilities import DependenciesVulnerabilities
from governance.checks.builtin.docs_regulatory import DocsRegulatory
from governance.checks.builtin.evaluation_adequacy import EvaluationAdequacy
from governance.checks.builtin.explanation_declared import ExplanationDeclared
from governance.checks.builtin.fairness_groups import FairnessGroups
from governance.checks.builtin.integrity_digest import IntegrityDigest
from governance.checks.builtin.integrity_signature import IntegritySignature
from governance.checks.builtin.license_allowed import LicenseAllowed
from governance.checks.builtin.lineage_declared import LineageDeclared
from governance.checks.builtin.model_card import ModelCardComplete
from governance.checks.builtin.performance_champion import PerformanceChampion
from governance.checks.builtin.performance_threshold import PerformanceThreshold
from governance.checks.builtin.privacy_review import PrivacyReview
from governance.checks.builtin.provenance_slsa import ProvenanceSlsa
from governance.checks.builtin.secrets_scan import SecretsScan
from governance.checks.builtin.stability_drift import StabilityDrift

log = logging.getLogger(__name__)

GROUP = "countersign.checks"

BUILTIN: tuple[type[Check], ...] = (
    IntegrityDigest,
    ArtifactScanCheck,
    ArtifactFormat,
    ModelCardComplete,
    LicenseAllowed,
    LineageDeclared,
    DependenciesVulnerabilities,
    EvaluationAdequacy,
    FairnessGroups,
    StabilityDrift,
    PerformanceThreshold,
    PerformanceChampion,
    SecretsScan,
    ExplanationDeclared,
    PrivacyReview,
    DocsRegulatory,
    IntegritySignature,
    ProvenanceSlsa,
    BomCyclonedx,
)

RESERVED = frozenset(
    {
        "artifact", "bom", "countersign", "dependencies", "docs", "evaluation", "explanation", "fairness", "integrity",
        "license", "lineage", "performance", "provenance", "secrets", "stability",
    }
)  # fmt: skip
"""Namespaces of the product's own checks, present and future."""


class UnknownCheck(LookupError):
    """No installed check has that slug; the message lists the installed ones."""


class BadParameters(ValueError):
    """A check does not accept these parameters. `errors` are pairs of JSON pointer and message."""

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
    """Slug of the check, if the plug-in declares one."""


@dataclass(frozen=True)
class Catalogue:
    """Checks by slug, their origins, and the plug-ins that were refused."""

    checks: Mapping[str, type[Check]]
    origins: Mapping[str, str]
    broken: tuple[Broken, ...]


def collect(builtin: Iterable[type[Check]], plugins: Iterable[EntryPoint]) -> Catalogue:
    """Build a catalogue.

    Args:
        builtin: the built-in check classes.
        plugins: entry points of plug-ins. A slug that two plug-ins claim is given to neither.

    Raises:
        CheckContractError: a built-in check violates the contract.
    """
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
            if _namespace(loaded.slug) in RESERVED:
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
    """Return the catalogue of this installation; read once per process."""
    found = collect(BUILTIN, entry_points(group=GROUP))
    for fault in found.broken:
        log.warning("the check plug-in %s of %s is not used: %s", fault.name, fault.origin, fault.problem)
    return found


def all() -> list[Check]:  # noqa: A001 (the catalogue's own word, always used with its module's name)
    """Return every usable check, ordered by slug."""
    return [check() for _, check in sorted(installed().checks.items())]


def broken() -> tuple[Broken, ...]:
    """Return the plug-ins that cannot be used, and why."""
    return installed().broken


def find(slug: str) -> Check | None:
    """Return the check of a slug, or None."""
    check = installed().checks.get(slug)
    return check() if check is not None else None


def get(slug: str) -> Check:
    """Return the check of a slug.

    Raises:
        UnknownCheck: it is not installed or not usable.
    """
    check = find(slug)
    if check is None:
        raise UnknownCheck(why_unusable(slug))
    return check


def why_unusable(slug: str) -> str:
    """Return why a slug has no usable check: not installed, or broken."""
    faults = [fault for fault in broken() if fault.slug == slug]
    if faults:
        problems = "; ".join(f"{fault.name} of {fault.origin}: {fault.problem}" for fault in faults[:3])
        return f"The check {slug} is installed and cannot be used: {problems}."[:1000]
    known = ", ".join(sorted(installed().checks))
    outside = "" if _namespace(slug) in RESERVED else " If another system reports it, add `external: true`."
    unnamed = ", ".join(f"{fault.name} of {fault.origin}" for fault in broken() if not fault.slug)
    more = f" Plug-ins that cannot be used: {unnamed}." if unnamed else ""
    return f"No check called {slug} is installed; installed are: {known}.{more}{outside}"


def why_not_external(slug: str) -> str:
    """Return why no other system reports a check of this name; empty if one may.

    The product's own checks and those of plug-ins are run here, so a result from elsewhere must not replace them.
    """
    if slug in installed().checks or any(fault.slug == slug for fault in broken()):
        return f"{slug} is an installed check: the product runs it, and takes no result from elsewhere."
    if (namespace := _namespace(slug)) in RESERVED:
        return f"The namespace {namespace} is for checks of the product: use your organisation's, as in acme.{slug}."
    return ""


def _namespace(slug: str) -> str:
    return slug.partition(".")[0]


def parameters(check: Check, given: Mapping[str, Any]) -> Parameters:
    """Validate a check's parameters and fill in defaults.

    Args:
        check: the check.
        given: parameters from a policy.

    Raises:
        BadParameters: with every error at once.
    """
    try:
        validated = check.Params.model_validate(dict(given))
        canonical.dumps(validated.model_dump(mode="json"))
        canonical.dumps(
            to_jsonable_python(dict(given))
        )  # the policy's document, which is hashed, contains the parameters in this form
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
    except Exception as error:  # a plug-in's validators run outside the sandbox
        message = f"the check cannot read its parameters ({type(error).__name__}: {error})"[:500]
        raise BadParameters(check.slug, (("", message),)) from error
    return validated


def combined_parameters(slug: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Combine the parameters that two policies give one check, by the check's own rule.

    Equal sets need no combination.

    Args:
        slug: slug of the check.
        first: parameters of one policy.
        second: parameters of the other.

    Returns:
        Parameters that satisfy both; None if the check is not installed, refuses one of the sets, or cannot combine
        them.
    """
    if dict(first) == dict(second):
        return first
    check = find(slug)
    if check is None:
        return None
    try:
        both = check.combine(parameters(check, first), parameters(check, second))
        return None if both is None else parameters(check, both.model_dump(mode="json")).model_dump(mode="json")
    except Exception as error:  # a plug-in's combine() runs outside the sandbox
        if not isinstance(error, BadParameters):
            log.warning("the check %s cannot combine parameters: %s: %s", slug, type(error).__name__, error)
        return None


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value
