"""SLSA provenance version 1: builder, sources with their commits, and patterns of source addresses.

Source: https://slsa.dev/spec/v1.0/provenance.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from governance.checks.attestations.members import AttestationError, as_object, member_object, member_text, shown
from governance.checks.attestations.statements import Statement
from governance.checks.base import File

PROVENANCE_V1 = "https://slsa.dev/provenance/v1"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_AUTHORITY = re.compile(r"(?P<authority>[a-z][a-z0-9+.-]*://[^/@]+)(?P<path>/[^@]*)(?P<ref>@.*)?", re.DOTALL)


@dataclass(frozen=True)
class Provenance:
    """What the check reads of a provenance: the builder, and addresses of dependencies with their digests."""

    builder: str
    dependencies: tuple[tuple[str, Mapping[str, Any]], ...]


def read_provenance(statement: Statement) -> Provenance:
    """Read the predicate of a statement.

    Raises:
        AttestationError: another predicate or version, or malformed.
    """
    if statement.predicate_type != PROVENANCE_V1:
        older = statement.predicate_type.startswith("https://slsa.dev/provenance/")
        raise AttestationError(
            "provenance_version" if older else "not_provenance",
            f"The statement is {shown(statement.predicate_type)}; {PROVENANCE_V1} is read."
            + (" Set the builder to write SLSA provenance version 1." if older else ""),
            "payload/predicateType",
        )
    place = "payload/predicate"
    predicate = dict(statement.predicate)
    details = member_object(predicate, "runDetails", place)
    builder = member_object(details, "builder", f"{place}/runDetails")
    definition = member_object(predicate, "buildDefinition", place)
    return Provenance(
        member_text(builder, "id", f"{place}/runDetails/builder"),
        tuple(_dependencies(definition, f"{place}/buildDefinition")),
    )


def _dependencies(definition: dict[str, Any], place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    given = definition.get("resolvedDependencies", [])
    if not isinstance(given, list):
        raise AttestationError("malformed", f"{place}/resolvedDependencies must be a list.", place)
    for number, each in enumerate(given):
        dependency = as_object(each, f"{place}/resolvedDependencies/{number}")
        uri, digest = dependency.get("uri"), dependency.get("digest")
        if isinstance(uri, str):
            yield uri, digest if isinstance(digest, dict) else {}


def commit_of(digest: Mapping[str, Any]) -> str | None:
    """Return the Git commit of a dependency's digest (`gitCommit`, or `sha1` as older builders write); None if none."""
    for name in ("gitCommit", "sha1"):
        value = digest.get(name)
        if isinstance(value, str) and _COMMIT.fullmatch(value):
            return value
    return None


def folder_digest(files: Iterable[File]) -> str:
    """Return the digest of a folder: SHA-256 over the lines “SHA-256, two spaces, path”, sorted by the bytes of the
    path, as `sha256sum` writes them.
    """
    lines = sorted((file.path.encode(), file.sha256.encode()) for file in files)
    return hashlib.sha256(b"".join(b"%b  %b\n" % (digest, path) for path, digest in lines)).hexdigest()


def source_matches(uri: str, pattern: str) -> bool:
    """Return whether the address of a source matches a pattern.

    `*` matches any characters of one segment, `**` also slashes; everything else matches itself. A leading `git+` of
    the address is left out, and its ref after `@` unless the pattern has an `@`. An address with a user name, an
    escape, a backslash or a segment of dots does not match. Time is linear in the product of the lengths.

    Args:
        uri: address of a dependency.
        pattern: of the policy.
    """
    found = _AUTHORITY.fullmatch(uri.removeprefix("git+"))
    if found is None or "%" in uri or "\\" in uri or {".", ".."} & set(re.split("[/@]", found["path"])):
        return False
    address = found["authority"] + found["path"] + ((found["ref"] or "") if "@" in pattern else "")
    return _glob(address, pattern.removeprefix("git+"))


def _glob(text: str, pattern: str) -> bool:
    """Match by the set of positions in the pattern that the text read so far can have reached."""
    parts = re.findall(r"\*\*|\*|[^*]", pattern, re.DOTALL)
    reached = _skip_stars({0}, parts)
    for character in text:
        following = set()
        for at in reached - {len(parts)}:
            part = parts[at]
            if part == "**" or (part == "*" and character != "/"):
                following.add(at)
            elif part == character:
                following.add(at + 1)
        reached = _skip_stars(following, parts)
    return len(parts) in reached


def _skip_stars(reached: set[int], parts: list[str]) -> set[int]:
    """Return the positions with those behind stars that match nothing."""
    found = set(reached)
    for start in reached:
        at = start
        while at < len(parts) and parts[at] in {"*", "**"}:
            at += 1
            found.add(at)
    return found
