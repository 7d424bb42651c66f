"""Public keys that verify artifact signatures and attestations: reading, identity, verification. Pure.

The algorithm follows from the key alone, never from a signed document. Keys are ECDSA on P-256, P-384 and P-521 with
the hash of the same strength (FIPS 186-5; Sigstore's key details), and Ed25519 (RFC 8032).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

MAX_TEXT = 10_000
"""Maximum number of characters of a pasted key. A public key in PEM has about 300."""

ED25519 = "ed25519"
_HASHES: dict[str, tuple[str, hashes.HashAlgorithm]] = {
    "secp256r1": ("ecdsa-p256", hashes.SHA256()),
    "secp384r1": ("ecdsa-p384", hashes.SHA384()),
    "secp521r1": ("ecdsa-p521", hashes.SHA512()),
}
"""By curve: name of the algorithm, and the hash that is signed."""
ALGORITHMS = {
    "ecdsa-p256": "ECDSA P-256",
    "ecdsa-p384": "ECDSA P-384",
    "ecdsa-p521": "ECDSA P-521",
    ED25519: "Ed25519",
}
"""The accepted algorithms, with their names on pages."""

_HOW = "Write the public key with: openssl pkey -in KEY.pem -pubout"
_PRIVATE = re.compile(r"PRIVATE\s+KEY|PuTTY-User-Key-File|\"d\"\s*:", re.IGNORECASE)
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----")
_SMALL_ORDER = frozenset(
    bytes.fromhex(point)
    for point in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)
"""Points of small order, without the sign bit: under such a key one signature verifies for many messages. Source:
ge25519_has_small_order of libsodium."""
_FIELD = 2**255 - 19


class PublicKeyError(ValueError):
    """A text is not an accepted public key.

    `code` is private_key, not_a_key, certificate, unsupported_key or weak_key. `detail` never contains the text.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class PublicKey:
    """A public key.

    Attributes:
        algorithm: one of `ALGORITHMS`.
        key_id: SHA-256 of the SubjectPublicKeyInfo in DER, in hexadecimal.
        pem: the SubjectPublicKeyInfo in PEM, as this module writes it.
    """

    algorithm: str
    key_id: str
    pem: str
    _key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey = field(repr=False, compare=False)

    def is_signature_of(self, signature: bytes, message: bytes) -> bool:
        """Return whether the signature was made over the message with the private half of this key.

        Args:
            signature: ECDSA in DER (ANS X9.62), or the 64 bytes of Ed25519.
            message: the signed bytes, not their hash.
        """
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(signature, message)
            else:
                self._key.verify(signature, message, ec.ECDSA(_HASHES[self._key.curve.name][1]))
        except InvalidSignature:
            return False
        return True

    @property
    def pem_digest(self) -> str:
        """SHA-256 of the PEM text, which `model-signing` writes into a bundle as the hint of the key."""
        return hashlib.sha256(self.pem.encode()).hexdigest()


def read_public_key(text: str) -> PublicKey:
    """Read a public key in PEM, in Base64 of its SubjectPublicKeyInfo, or as a line of an OpenSSH `.pub` file.

    The 32 bytes of a raw Ed25519 key are refused: a private key has the same form.

    Args:
        text: the pasted text.

    Raises:
        PublicKeyError: it is no such key; a private key is recognised and named.
    """
    text = text.strip()
    if len(text) > MAX_TEXT:
        raise PublicKeyError("not_a_key", f"A public key has a few hundred characters, not {len(text):,}. {_HOW}")
    if _PRIVATE.search(text):
        raise _private()
    if "BEGIN CERTIFICATE" in text:
        raise PublicKeyError(
            "certificate", "This is a certificate. Write its public key with: openssl x509 -in CERT.pem -noout -pubkey"
        )
    if text.startswith(("ssh-", "ecdsa-sha2-", "sk-")):
        return _accepted(_load_openssh(text))
    armoured = _PEM.fullmatch(text)
    if armoured is None and "-----" in text:
        raise PublicKeyError("not_a_key", f"This is not one “PUBLIC KEY” in PEM. {_HOW}")
    try:
        encoded = "".join((armoured[1] if armoured else text).split())
        der = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise PublicKeyError("not_a_key", f"This is no public key. {_HOW}") from None
    return _accepted(_load_der(der))


def _load_der(der: bytes) -> object:
    try:
        return serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        pass
    try:
        serialization.load_der_private_key(der, None)
    except TypeError:
        raise _private() from None  # it is encrypted
    except (ValueError, UnsupportedAlgorithm):
        pass
    else:
        raise _private()
    if len(der) == 32:
        raise PublicKeyError("not_a_key", f"These 32 bytes could be a private key as well, so they are refused. {_HOW}")
    raise PublicKeyError("not_a_key", f"This is no public key of a supported kind. {_HOW}")


def _load_openssh(text: str) -> object:
    try:
        return serialization.load_ssh_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise PublicKeyError("not_a_key", f"This is no line of an OpenSSH public key file. {_HOW}") from None


def _accepted(key: object) -> PublicKey:
    if isinstance(key, ed25519.Ed25519PublicKey):
        _refuse_weak(key.public_bytes_raw())
        algorithm = ED25519
    elif isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _HASHES:
        algorithm = _HASHES[key.curve.name][0]
    else:
        raise PublicKeyError(
            "unsupported_key",
            f"Keys are {', '.join(ALGORITHMS.values())}; this is another kind. "
            "Make one with: openssl ecparam -name prime256v1 -genkey -noout -out KEY.pem",
        )
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(algorithm, hashlib.sha256(der).hexdigest(), pem.decode(), key)


def _refuse_weak(raw: bytes) -> None:
    """Refuse an Ed25519 point of small order or with a coordinate outside the field (RFC 8032, 5.1.3)."""
    unsigned = raw[:31] + bytes([raw[31] & 0x7F])
    if unsigned in _SMALL_ORDER or int.from_bytes(unsigned, "little") >= _FIELD:
        raise PublicKeyError("weak_key", "Under this Ed25519 key, signatures of others verify: it is refused.")


def _private() -> PublicKeyError:
    return PublicKeyError(
        "private_key",
        f"This is a private key. It was not stored, but it left its owner: replace it by a new key. {_HOW}",
    )
