"""Encryption of stored secrets with a key derived from `SECRET_KEY`.

It protects a secret in a copy of the database, such as a backup, from a reader who does not also have `SECRET_KEY`. It
does not protect it from a person who controls the web server.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_NONCE = 12


class UnsealError(Exception):
    """The value was sealed with a key that is no longer known, for another purpose, or was changed."""


def seal(value: bytes, *, purpose: str) -> bytes:
    """Encrypt a value.

    Args:
        value: the value.
        purpose: what it is, and of which object; the same text is needed to read it.
    """
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(_key(settings.SECRET_KEY)).encrypt(nonce, value, purpose.encode())


def unseal(sealed: bytes, *, purpose: str) -> bytes:
    """Decrypt a value that `seal` returned, also if `SECRET_KEY` has changed and the old one is a fallback.

    Raises:
        UnsealError: no key decrypts it for this purpose.
    """
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            return AESGCM(_key(secret)).decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
        except InvalidTag:
            continue
    raise UnsealError(purpose)


def _key(secret: str | bytes) -> bytes:
    given = secret.encode() if isinstance(secret, str) else secret
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"countersign sealed values 1").derive(given)
