"""The demonstration's one password: random, kept in a file only its owner reads, and stretched little."""

from __future__ import annotations

import os
import secrets
import string
from pathlib import Path

from django.contrib.auth.hashers import PBKDF2PasswordHasher

_ALPHABET = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1lI")))


class DevelopmentHasher(PBKDF2PasswordHasher):
    """PBKDF2 with rounds enough for a random password of 93 bits, which nobody guesses however fast a guess is; a
    person's own password needs a hundred times as many, and production has them. The demonstration's signatures, each
    checked against its signer's password, would otherwise take half a minute."""

    iterations = 10_000


def new_password() -> str:
    """Four groups of four characters that are not mistaken for each other: 93 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


def keep(path: Path, content: str) -> None:
    """Write a secret to a new file that only this account may read, in place of an older one."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content + "\n")
