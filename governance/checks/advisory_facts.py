"""The advisories that concern the packages of a version, as a fact of a check run.

The inputs of a run contain the mirror's digest; its advisories are read when the run starts, outside every lock,
because which ones concern the version follows from files in storage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

from governance.checks.advisories.dependencies import KINDS, DependenciesUnreadableError, read_dependencies
from governance.checks.inputs import Inputs
from governance.checks.sources import Source
from governance.models import AdvisoryMirror, PackageAdvisories
from registry.comparison.dependencies import normalize_name

ADVISORIES = "advisories"
_MAX_READ = 64 << 20
_BATCH = 1_000

OpenBlob = Callable[[str], AbstractContextManager[BinaryIO]]


class MirrorReplacedError(Exception):
    """The advisories were replaced while they were read."""


def with_advisories(given: Inputs, open_blob: OpenBlob) -> Mapping[str, Any]:
    """Return the facts of a run with the advisories that concern its packages.

    Args:
        given: the inputs of a check that names the fact.
        open_blob: opens stored bytes by SHA-256.

    Raises:
        MirrorReplacedError: the mirror of the inputs is no longer in use.
    """
    fact = given.facts[ADVISORIES]
    if fact["mirror"] is None:
        return given.facts
    names = package_names(given.sources, open_blob)
    mirror = AdvisoryMirror.objects.filter(sha256=fact["mirror"]["sha256"], replaced_at__isnull=True)
    found: dict[str, Any] = {}
    for start in range(0, len(names), _BATCH):
        rows = PackageAdvisories.objects.filter(mirror__in=mirror, package__in=names[start : start + _BATCH])
        found.update(rows.values_list("package", "advisories"))
    # An import deletes the rows of a mirror and marks it in one transaction: if it is in use now, no row was missing.
    if not mirror.exists():
        raise MirrorReplacedError
    return {**given.facts, ADVISORIES: {**fact, "packages": found}}


def package_names(sources: Iterable[Source], open_blob: OpenBlob) -> list[str]:
    """Return the names of the packages that evidence lists, in the form of PEP 503."""
    return sorted({name for source in sources if source.kind in KINDS for name in _names(source, open_blob)})


def _names(source: Source, open_blob: OpenBlob) -> set[str]:
    """Return the names of the packages that a source lists; none if it cannot be read, which the check reports."""
    try:
        if source.text is not None:
            raw = source.text.encode()
        else:
            with open_blob(source.sha256) as stream:
                raw = stream.read(_MAX_READ)
        return {normalize_name(pin.name) for pin in read_dependencies(source.kind, raw).pins}
    except (DependenciesUnreadableError, FileNotFoundError):
        return set()
