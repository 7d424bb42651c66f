"""Signed statements made for tests: keys of this process, envelopes, bundles."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from governance.checks.attestations.dsse import IN_TOTO, pre_authentication_encoding
from governance.checks.attestations.statements import MODEL_SIGNING

SIGNED = Path(__file__).with_name("signed")
MODEL = {path.relative_to(SIGNED / "model").as_posix(): path.read_bytes()
         for path in sorted((SIGNED / "model").rglob("*")) if path.is_file()}  # fmt: skip
P256 = ec.generate_private_key(ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_HASHES = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384(), "secp521r1": hashes.SHA512()}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def pem(key: PrivateKey) -> str:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()  # fmt: skip


def fact(
    public_key: str, name: str = "risk-team", purposes: Sequence[str] = ("signature", "provenance")
) -> dict[str, Any]:
    """One entry of the fact `verification_keys`."""
    return {"name": name, "owner": "Risk models", "purposes": list(purposes), "public_key": public_key}


def sign(key: PrivateKey, message: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, ec.ECDSA(_HASHES[key.curve.name]))


def envelope(payload: bytes, *keys: PrivateKey, payload_type: str = IN_TOTO) -> dict[str, Any]:
    """A DSSE envelope signed with each key."""
    message = pre_authentication_encoding(payload_type, payload)
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"keyid": "", "sig": base64.b64encode(sign(key, message)).decode()} for key in keys],
    }


def statement(predicate_type: str, subjects: Sequence[tuple[str, str]], predicate: Mapping[str, Any]) -> bytes:
    return json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
    ).encode()


def model_statement(files: Sequence[tuple[str, str]], algorithm: str = "sha256", method: str = "files") -> bytes:
    """The payload that model-signing writes for files with digests."""
    whole = sha256(b"".join(bytes.fromhex(digest) for _, digest in files))
    resources = [{"name": name, "algorithm": algorithm, "digest": digest} for name, digest in files]
    return statement(MODEL_SIGNING, [("model", whole)], {"serialization": {"method": method}, "resources": resources})


def listed(files: Mapping[str, bytes]) -> list[tuple[str, str]]:
    return [(name, sha256(content)) for name, content in files.items()]


def written(document: Any) -> bytes:
    return json.dumps(document).encode()
