"""Distinguish code, secrets and models from other texts, by content and, for code and secrets, also by name.

A name can only make the result stricter.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import IO

from governance.checks.formats.names import Format, Sniffed

_CHUNK = 1 << 20
_OVERLAP = 512
CONTROLS = bytes(sorted(set(range(0x20)) - set(b"\t\n\r\f")))
"""Not allowed in text. Bytes below 0x80 are never part of a longer UTF-8 character, so bytes can be searched for
them.
"""
_CONTROL = re.compile(f"[{re.escape(CONTROLS.decode())}]")
_MAX_HIGH = 0.3
"""Maximum share of bytes above 0x7F in a text in Windows-1252: a text of a language that it was made for has fewer."""
_SECRET = re.compile(
    rb"-----BEGIN (?:[A-Z]{2,9} ){0,2}PRIVATE KEY-----(?:\\n|\s){1,4}[A-Za-z0-9+/=:, \-]{24}"
    rb"|(?i:aws_secret_access_key)[\"']?\s{0,3}[=:]\s{0,3}[\"']?[A-Za-z0-9/+]{40}"
)
_NOTEBOOK = re.compile(rb'\s*\{(?=.{0,400}"(?:cells|metadata|nbformat)")', re.DOTALL)

CODE_SUFFIXES = frozenset(
    {
        ".py", ".pyw", ".pyi", ".pyx", ".pth", ".ipynb", ".sh", ".bash", ".zsh", ".fish", ".bat", ".cmd", ".ps1",
        ".psm1", ".js", ".mjs", ".cjs", ".ts", ".r", ".rmd", ".jl", ".rb", ".pl", ".pm", ".lua", ".php", ".java", ".kt",
        ".scala", ".go", ".rs", ".c", ".cc", ".cpp", ".h", ".hpp", ".cu", ".cs", ".vbs", ".sql", ".tf",
    }
)  # fmt: skip
CODE_NAMES = frozenset({"dockerfile", "makefile", "jenkinsfile", "rakefile", "vagrantfile", "procfile"})
SECRET_NAMES = frozenset(
    {
        ".env", ".netrc", "_netrc", ".pgpass", ".pypirc", ".npmrc", ".htpasswd", ".git-credentials", ".dockercfg",
        "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "secrets.toml",
    }
)  # fmt: skip
EMPTY_CODE = frozenset({"__init__.py", "__init__.pyi", "py.typed"})
"""Names of files of a Python package that are empty by convention."""
_EXAMPLES = (".example", ".sample", ".template", ".dist")
_SECRET_FOLDERS = {".aws": "credentials", ".docker": "config.json", ".kube": "config"}


def judge(file: IO[bytes], head: bytes) -> Sniffed:
    """Classify a text. Call it only for files that are text."""
    if _holds_secret(file):
        return Sniffed(Format.SECRETS, "holds a private key or the secret of an access key")
    if head.startswith(b"#!"):
        return Sniffed(Format.CODE, "is a script")
    if _NOTEBOOK.match(head) and _holds(file, re.compile(rb'"nbformat"\s{0,9}:')):
        return Sniffed(Format.CODE, "is a notebook")
    if head.startswith((b"tree\nversion=", b"tree\r\nversion=")):
        return Sniffed(Format.LIGHTGBM, "is a LightGBM model")
    return Sniffed(Format.TEXT, "is text")


def other_encoding(file: IO[bytes]) -> str | None:
    """Return the encoding of a text that is not UTF-8: UTF-16 with a byte order mark, or Windows-1252; None for other
    content.
    """
    file.seek(0)
    encoding = "utf-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "windows-1252"
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    size = high = 0
    try:
        while chunk := file.read(_CHUNK):
            if _CONTROL.search(decoder.decode(chunk)):
                return None
            size += len(chunk)
            high += len(chunk) - len(chunk.translate(None, _HIGH))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return encoding if encoding == "utf-16" or high <= size * _MAX_HIGH else None


_HIGH = bytes(range(0x80, 0x100))


def named(found: Sniffed, path: str) -> Sniffed:
    """Return the classification with the name considered: text named as code or as a secrets file is that,
    whatever its content.
    """
    if found.format not in (Format.TEXT, Format.LIGHTGBM):
        return found
    place = PurePosixPath(path)
    name = place.name.lower()
    example = name.endswith(_EXAMPLES)
    if not example and (
        name in SECRET_NAMES or name.startswith(".env.") or _SECRET_FOLDERS.get(place.parent.name.lower()) == name
    ):
        return Sniffed(Format.SECRETS, "is a file in which programs keep secrets")
    if place.suffix.lower() in CODE_SUFFIXES or name in CODE_NAMES or name.startswith("dockerfile."):
        return Sniffed(Format.CODE, "is code")
    return found


def is_empty_code(path: str) -> bool:
    """Return whether a file of this name is empty by convention and part of a Python package."""
    return PurePosixPath(path).name in EMPTY_CODE


def _holds_secret(file: IO[bytes]) -> bool:
    return _holds(file, _SECRET, _may_be_secret)


def _may_be_secret(text: bytes) -> bool:
    """Return whether a text contains a word of the pattern: searching for words takes a small part of its time."""
    return b"PRIVATE KEY-----" in text or b"aws_secret_access_key" in text.lower()


def _holds(file: IO[bytes], pattern: re.Pattern[bytes], may: Callable[[bytes], bool] | None = None) -> bool:
    file.seek(0)
    before = b""
    while chunk := file.read(_CHUNK):
        text = before + chunk
        if (may is None or may(text)) and pattern.search(text):
            return True
        before = chunk[-_OVERLAP:]
    return False
