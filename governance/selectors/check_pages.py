"""The catalogue of checks and their documentation. Every signed-in user may read it."""

from __future__ import annotations

from dataclasses import dataclass

from governance.checks import documentation, entry_points
from governance.checks.documentation import CheckDocumentation
from governance.checks.entry_points import Broken
from governance.gate import gate_inputs
from governance.models import PolicyRevision
from governance.selectors.policies import policies_in_force
from registry.exceptions import NotFoundError


@dataclass(frozen=True)
class UsingPolicy:
    """A policy in force that names a check, with the mode that it gives it."""

    revision: PolicyRevision
    mode: str


@dataclass(frozen=True)
class CheckPage:
    """The documentation of a check and the policies in force that name it."""

    documentation: CheckDocumentation
    policies: tuple[UsingPolicy, ...]


@dataclass(frozen=True)
class CheckCatalogue:
    """Installed checks by slug, each with the number of policies that require it, and plug-ins that cannot be used."""

    checks: tuple[tuple[CheckDocumentation, int], ...]
    broken: tuple[Broken, ...]


def check_catalogue() -> CheckCatalogue:
    """Return every installed check, and the plug-ins that cannot be used with the reason."""
    used = _uses()
    checks = tuple((documentation.describe(check), len(used.get(check.slug, ()))) for check in entry_points.all())
    return CheckCatalogue(checks, entry_points.broken())


def check_page(slug: str) -> CheckPage:
    """Return the documentation of one check.

    Raises:
        NotFoundError: no such check is installed, or its plug-in cannot be used; the message has the reason.
    """
    check = entry_points.find(slug)
    if check is None:
        raise NotFoundError(entry_points.why_unusable(slug))
    return CheckPage(documentation.describe(check), tuple(_uses().get(slug, ())))


def check_example(slug: str, name: str) -> bytes:
    """Return an example file of a check.

    Raises:
        NotFoundError: no such check is installed, or it has no such example.
    """
    check = entry_points.find(slug)
    if check is None:
        raise NotFoundError(entry_points.why_unusable(slug))
    content = documentation.read_example(check, name)
    if content is None:
        raise NotFoundError(f"The check {slug} has no example file “{name}”.")
    return content


def _uses() -> dict[str, list[UsingPolicy]]:
    found: dict[str, list[UsingPolicy]] = {}
    for revision in policies_in_force():
        for rule in gate_inputs.parse_revision(revision).checks:
            found.setdefault(rule.check, []).append(UsingPolicy(revision, rule.mode))
    return found
