"""A signed statement whose signature was verified with the keys of the registry, as the checks read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from governance.checks.attestations.dsse import Envelope, find_signers, parse_envelope
from governance.checks.attestations.members import AttestationError, read_document, shown
from governance.checks.attestations.statements import Statement, parse_statement
from governance.checks.base import MAX_FINDINGS, CheckOutcome, Conclusion, File, Finding, Json, Severity
from registry.public_keys import ALGORITHMS, PublicKey, read_public_key

SIGNATURE, PROVENANCE = "signature", "provenance"
"""Purposes of a key."""
_MEANT = {SIGNATURE: "signatures of files", PROVENANCE: "provenance of builds"}


@dataclass(frozen=True)
class TrustedKey:
    """A key of the registry that is in force."""

    name: str
    owner: str
    public: PublicKey

    @property
    def label(self) -> str:
        """Name and the beginning of the key id."""
        return f"“{self.name}” (key {self.public.key_id[:16]}…)"

    def as_json(self) -> dict[str, Json]:
        """Who signed, for the measures of an outcome."""
        return {
            "key": self.name,
            "owner": self.owner,
            "key_id": self.public.key_id,
            "algorithm": ALGORITHMS[self.public.algorithm],
        }


@dataclass(frozen=True)
class Signed:
    """A statement, and the keys that verify a signature over it; at least one."""

    statement: Statement
    signers: tuple[TrustedKey, ...]

    @property
    def by(self) -> str:
        """Who signed, in words."""
        return " and ".join(key.label for key in self.signers)


def select_keys(
    fact: Sequence[Mapping[str, Any]], purpose: str, names: Iterable[str]
) -> tuple[tuple[TrustedKey, ...], list[Finding]]:
    """Return the keys that count, and findings about names that no key in force has.

    Args:
        fact: the fact `verification_keys`.
        purpose: the purpose that the key must have.
        names: names or ids of the keys that count; none for all.

    Raises:
        AttestationError: no key is left ("no_keys").
    """
    suitable = [
        TrustedKey(row["name"], row["owner"], read_public_key(row["public_key"]))
        for row in fact
        if purpose in row["purposes"]
    ]
    wanted = [name.strip().casefold().removeprefix("sha256:") for name in names]
    chosen = tuple(
        key for key in suitable if not wanted or key.name.casefold() in wanted or key.public.key_id in wanted
    )
    known = {key.name.casefold() for key in chosen} | {key.public.key_id for key in chosen}
    findings = [
        Finding(
            "key_not_in_force",
            f"The policy names the key {shown(name)}; no key with this name or id is in force for the model and for "
            f"{_MEANT[purpose]}.",
            Severity.WARNING,
        )
        for name in wanted
        if name not in known
    ]
    if not chosen:
        why = "The keys that the policy names are not in force" if wanted else "No key is in force"
        raise AttestationError(
            "no_keys",
            f"{why} for this model and for {_MEANT[purpose]}. An officer adds the public key under Administration, "
            "Verification keys; a second officer confirms it.",
        )
    return chosen, findings


def read_signed(file: File, what: str, keys: Sequence[TrustedKey]) -> Signed:
    """Read a file with a signed statement and verify its signatures.

    Args:
        file: the evidence, with its local copy.
        what: names it in messages, such as "The signature bundle".
        keys: the keys that count.

    Raises:
        AttestationError: unreadable, keyless, or signed by none of the keys.
    """
    assert file.local is not None
    envelope = parse_envelope(read_document(file.local, file.size, what))
    found = {public.key_id for public in find_signers(envelope, [key.public for key in keys])}
    signers = tuple(key for key in keys if key.public.key_id in found)
    if not signers:
        raise _not_signed(envelope, what, keys)
    return Signed(parse_statement(envelope), signers)


def read_statement(file: File, what: str) -> Statement:
    """Read a file with a signed statement without verifying its signatures, as `read_signed` reads it.

    Raises:
        AttestationError: unreadable, or keyless.
    """
    assert file.local is not None
    return parse_statement(parse_envelope(read_document(file.local, file.size, what)))


_WELL_FORMED = frozenset({"keyless", "version_not_accepted"})


def fault_of(read: Callable[[], object]) -> str:
    """Return the message with which a document is refused; empty if it is well-formed, whether accepted or not."""
    try:
        read()
    except AttestationError as error:
        return "" if error.code in _WELL_FORMED else error.message
    return ""


def _not_signed(envelope: Envelope, what: str, keys: Sequence[TrustedKey]) -> AttestationError:
    in_force = ", ".join(key.label for key in keys[:10]) + (" …" if len(keys) > 10 else "")
    named = [
        key.label
        for key in keys
        if {key.public.pem_digest, key.public.key_id, f"sha256:{key.public.key_id}"} & set(envelope.hints)
    ]
    if named:
        message = f"{what} names the key {named[0]}, and its signature does not verify: it was changed after signing."
    else:
        hint = f" It names the key {shown(envelope.hints[0])}." if envelope.hints else ""
        message = (
            f"{what} has no valid signature by a key in force.{hint} Keys in force: {in_force}. It was signed with "
            "another key, with one that was revoked or has expired, or was changed after signing. Sign again."
        )
    return AttestationError("no_valid_signature", message, "/signatures")


def failed(error: AttestationError) -> CheckOutcome:
    """Return the outcome of a document that cannot be used. Without a key, an officer has to act."""
    conclusion = Conclusion.ACTION_REQUIRED if error.code == "no_keys" else Conclusion.FAILURE
    finding = Finding(error.code, error.message[:2000], Severity.HIGH, error.where[:500])
    return CheckOutcome(conclusion, error.message[:2000], (finding,))


def first_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings that an outcome can hold, the last of them stating how many were left out."""
    if len(findings) <= MAX_KEPT:
        return tuple(findings)
    left = len(findings) - MAX_KEPT
    return (*findings[:MAX_KEPT], Finding("more_findings", f"{left:,} more findings of this kind are left out."))


MAX_KEPT = min(200, MAX_FINDINGS - 1)
"""Findings that are kept: with long paths, more would exceed the size of an outcome."""
