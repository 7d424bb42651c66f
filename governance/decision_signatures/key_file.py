"""The file with the private decision key: made once, read by every process that records decisions.

It is PKCS #8 in PEM, readable by its owner only, outside the database: a person who can change the database cannot make
attestations. An attestation proves nothing against a person who can read this file.
"""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from registry.public_keys import PublicKey, read_public_key

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class DecisionKeyError(Exception):
    """The decision key cannot be used. The message names the file and the remedy, for the operator."""


@dataclass(frozen=True)
class LocalKey:
    """The decision key of this machine."""

    public: PublicKey
    _private: Ed25519PrivateKey = field(repr=False, compare=False)

    @property
    def key_id(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo in DER, in hexadecimal: the fingerprint."""
        return self.public.key_id

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the Ed25519 signature over the message."""
        return self._private.sign(message)


def load_key() -> LocalKey:
    """Return the key in the file that the settings name. Where there is none, one is made, once, unless a fingerprint
    is set.

    Raises:
        DecisionKeyError: the file cannot be made or read, is readable by other users, or contains another key than the
            one with the fingerprint of the settings.
    """
    path = Path(settings.COUNTERSIGN_DECISION_KEY_PATH)
    expected = settings.COUNTERSIGN_DECISION_KEY_FINGERPRINT
    try:
        found = path.stat()
    except FileNotFoundError:
        if expected:
            raise DecisionKeyError(
                f"{path} does not exist, and COUNTERSIGN_DECISION_KEY_FINGERPRINT requires the key {expected}: copy "
                "the file to this machine."
            ) from None
        write_key(path, replace=False)
        found = path.stat()
    except OSError as error:
        raise DecisionKeyError(f"{path} cannot be read: {error.strerror}.") from None
    if found.st_mode & _OTHERS:
        raise DecisionKeyError(f"{path} can be read by other users of this machine: run chmod 600 on it.")
    key = _parse(path, found.st_mtime_ns, found.st_ino)
    if expected and key.key_id != expected:
        raise DecisionKeyError(
            f"{path} contains the key {key.key_id}, and COUNTERSIGN_DECISION_KEY_FINGERPRINT requires {expected}."
        )
    return key


def write_key(path: Path, *, replace: bool) -> None:
    """Make a new key and write it to a file with mode 0600.

    Args:
        path: the file.
        replace: replace the file that is there; otherwise an existing file is left as it is.

    Raises:
        DecisionKeyError: the file cannot be written.
    """
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, pem)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            if replace:
                draft.replace(path)
            else:
                # Unlike rename, link fails where another process has made the key: every process uses that one.
                os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise DecisionKeyError(
            f"The decision key cannot be written to {path}: {error.strerror}. Make the folder writable for this "
            "process, or set COUNTERSIGN_DECISION_KEY_PATH."
        ) from None


@lru_cache(maxsize=4)
def _parse(path: Path, modified: int, inode: int) -> LocalKey:
    """Read the file once for each of its states, which modification time and inode identify."""
    del modified, inode
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise DecisionKeyError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise DecisionKeyError(
            f"{path} is not an unencrypted Ed25519 key in PEM. Restore it; or remove it, and a new key is made."
        )
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return LocalKey(read_public_key(pem.decode()), private)
