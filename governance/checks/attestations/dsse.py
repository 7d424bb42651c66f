"""DSSE envelopes, alone or in a Sigstore bundle as `model-signing` writes it, and the verification of their signatures.

What is signed is the pre-authentication encoding of payload type and payload. Keys come from the registry, never from
the envelope: its key ids and hints only help to name a key. Keyless signatures (with a certificate) are refused.

Source: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md and envelope.md;
https://docs.sigstore.dev/about/bundle/.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from governance.checks.attestations.members import (
    AttestationError,
    as_object,
    member_list,
    member_object,
    member_text,
    shown,
)
from registry.public_keys import PublicKey

IN_TOTO = "application/vnd.in-toto+json"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle"
MAX_SIGNATURES = 20
"""Maximum number of signatures of an envelope. Each is tried with each key."""
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}|[A-Za-z0-9_-]*={0,2}")


@dataclass(frozen=True)
class Envelope:
    """A parsed envelope: payload and signatures in bytes, and the identifiers of keys that the document names."""

    payload_type: str
    payload: bytes
    signatures: tuple[bytes, ...]
    hints: tuple[str, ...]


def parse_envelope(document: Any) -> Envelope:
    """Read an envelope or a bundle with one.

    Args:
        document: parsed JSON.

    Raises:
        AttestationError: malformed; a bundle without an envelope; or a keyless signature ("keyless").
    """
    top = as_object(document, "")
    if "dsseEnvelope" not in top and ("verificationMaterial" in top or "mediaType" in top):
        if "messageSignature" in top:
            raise AttestationError(
                "message_signature",
                "The bundle signs the bytes of one file, not a list of files with their digests. "
                "Sign the folder with model-signing.",
                "/messageSignature",
            )
        raise AttestationError("malformed", "The bundle has no DSSE envelope.", "/dsseEnvelope")
    if "dsseEnvelope" in top and "payload" in top:
        raise AttestationError("malformed", "The document has a bundle's envelope and one of its own.", "/payload")
    if "dsseEnvelope" not in top:
        return _envelope(top, "", ())
    media = member_text(top, "mediaType", "")
    if not media.startswith(BUNDLE_TYPE):
        raise AttestationError("malformed", f"The media type {shown(media)} is no Sigstore bundle.", "/mediaType")
    material = member_object(top, "verificationMaterial", "")
    if material.keys() & {"certificate", "x509CertificateChain"}:
        raise _keyless("/verificationMaterial")
    key = member_object(material, "publicKey", "/verificationMaterial")
    hint = key.get("hint")
    hints = (hint,) if isinstance(hint, str) and hint else ()
    return _envelope(member_object(top, "dsseEnvelope", ""), "/dsseEnvelope", hints)


def _envelope(given: dict[str, Any], where: str, hints: tuple[str, ...]) -> Envelope:
    payload_type = member_text(given, "payloadType", where)
    payload = _decoded(given, "payload", where)
    entries = member_list(given, "signatures", where)
    if len(entries) > MAX_SIGNATURES:
        raise AttestationError(
            "malformed",
            f"The envelope has {len(entries):,} signatures; {MAX_SIGNATURES} are read.",
            f"{where}/signatures",
        )
    signatures = []
    for number, entry in enumerate(entries):
        place = f"{where}/signatures/{number}"
        signature = as_object(entry, place)
        if signature.get("cert"):
            raise _keyless(place)
        signatures.append(_decoded(signature, "sig", place))
        name = signature.get("keyid")
        if isinstance(name, str) and name:
            hints = (*hints, name)
    return Envelope(payload_type, payload, tuple(signatures), tuple(dict.fromkeys(hints)))


def _decoded(parent: dict[str, Any], name: str, where: str) -> bytes:
    """Decode Base64 in the standard or the URL-safe alphabet, with or without padding."""
    text = member_text(parent, name, where)
    place = f"{where}/{name}"
    if not _BASE64.fullmatch(text):
        raise AttestationError("not_base64", f"{place} is not Base64 in one alphabet and on one line.", place)
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        raise AttestationError("not_base64", f"{place} is not complete Base64.", place) from None


def _keyless(where: str) -> AttestationError:
    return AttestationError(
        "keyless",
        "Keyless signatures are not verified here: the signature is by a certificate, not by a registered key. "
        "Sign with a key: model_signing sign key --private_key KEY.pem FOLDER.",
        where,
    )


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed (PAE of DSSE version 1)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def find_signers(envelope: Envelope, keys: Sequence[PublicKey]) -> tuple[PublicKey, ...]:
    """Return the keys that verify at least one signature of the envelope, in their order, each once.

    Args:
        envelope: the envelope.
        keys: the keys that may have signed.
    """
    message = pre_authentication_encoding(envelope.payload_type, envelope.payload)
    unique = {key.key_id: key for key in keys}.values()
    return tuple(key for key in unique if any(key.is_signature_of(each, message) for each in envelope.signatures))
