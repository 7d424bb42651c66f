"""The password of the demonstration: random, stored in a file that only its owner can read, hashed with few rounds."""

from __future__ import annotations

import os
import secrets
import string
from pathlib import Path

from django.contrib.auth.hashers import PBKDF2PasswordHasher

_ALPHABET = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1lI")))


class DevelopmentHasher(PBKDF2PasswordHasher):
    """PBKDF2 with few rounds. They suffice for a random password of 93 bits; a password that a person chooses needs a
    thousand times as many, as in production. Each decision signature of the demonstration verifies the password."""

    iterations = 1_000


def new_password() -> str:
    """Return four groups of four characters without similar ones: 93 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


def keep(path: Path, content: str) -> None:
    """Write a secret to a new file that only this account can read; an older file is replaced."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content + "\n")
