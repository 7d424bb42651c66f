"""What a dataset reference says, how surely that identifies data, and when two references are of the same dataset."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, NamedTuple


@dataclass(frozen=True)
class Reference:
    """What is kept of a dataset reference beside its role.

    `reference` is the name's version, tag, branch or date, or the size where that is all there is; `digest_algorithm`
    names what kind of identifier `digest` is.
    """

    name: str
    reference: str = ""
    uri: str = ""
    digest_algorithm: str = ""
    digest: str = ""


class DigestForm(NamedTuple):
    """What an identifier of a kind looks like: its pattern, that in words, and how strong it is."""

    pattern: re.Pattern[str]
    words: str
    strength: str


_MD5 = r"[0-9a-f]{32}"
_COMMIT = r"[0-9a-f]{40}|[0-9a-f]{64}"

DIGEST_FORMS: Final = {
    # The bytes themselves.
    "sha256": DigestForm(re.compile(r"[0-9a-f]{64}"), "64 lower-case hexadecimal digits", "strong"),
    # The bytes, by a function whose collisions can be made on purpose.
    "md5": DigestForm(re.compile(_MD5), "32 lower-case hexadecimal digits", "medium"),
    # What DVC 2 computes: the MD5 of a text after its line ends were changed, so perhaps not of the bytes.
    "md5-dos2unix": DigestForm(re.compile(rf"{_MD5}(?:\.dir)?"), "32 lower-case hexadecimal digits", "weak"),
    "dvc-dir": DigestForm(re.compile(rf"{_MD5}\.dir"), "32 lower-case hexadecimal digits and “.dir”", "medium"),
    # A state that another system promises to keep, and whose bytes nobody here has hashed.
    "git": DigestForm(re.compile(_COMMIT), "40 or 64 lower-case hexadecimal digits", "medium"),
    "lakefs": DigestForm(re.compile(_COMMIT), "40 or 64 lower-case hexadecimal digits", "medium"),
    "pachyderm": DigestForm(re.compile(r"[0-9a-f]{32}"), "32 lower-case hexadecimal digits", "medium"),
    "s3-version": DigestForm(
        re.compile(r"(?!null$)[A-Za-z0-9._/+=~-]{1,128}"), "at most 128 characters, and is not “null”", "medium"
    ),
    "delta": DigestForm(re.compile(r"0|[1-9][0-9]{0,18}"), "digits alone: the table's version", "medium"),
    "iceberg": DigestForm(re.compile(r"[1-9][0-9]{0,18}"), "digits alone: the snapshot's id", "medium"),
}
"""What a digest that claims to be of a kind must look like. Any other kind is a label, and weak."""

BY_CONTENT: Final = frozenset({"sha256", "md5", "dvc-dir"})
"""Kinds that are computed from the bytes: the same wherever the data lies."""


def identity_strength(algorithm: str, digest: str) -> str:
    """How surely a digest of that form identifies data: `strong` for the SHA-256 of its bytes; `medium` for an MD5
    (collisions can be made on purpose) or for a commit, snapshot or object version (which names a state somewhere, not
    bytes); `weak` for any other label."""
    form = DIGEST_FORMS.get(algorithm)
    return form.strength if form is not None and form.pattern.fullmatch(digest) else "weak"


def identity(reference: Reference) -> str:
    """What tells datasets apart: two references with the same identity are of one dataset. 64 hexadecimal digits.

    Computed from the bytes (SHA-256, MD5): the digest alone, whatever the data is called and wherever it lies. A state
    another system keeps: that and the place, because commits of one repository hold many paths, and two repositories
    may share a commit. A label: the place and everything the label says; the place is the address, or the name where
    there is none. The database computes the same into `DatasetReference.identity`.
    """
    how = identity_strength(reference.digest_algorithm, reference.digest)
    place = reference.uri or reference.name
    if how != "weak" and reference.digest_algorithm in BY_CONTENT:
        parts = [reference.digest_algorithm, reference.digest]
    elif how != "weak":
        parts = [reference.digest_algorithm, reference.digest, place]
    else:
        parts = ["label", place, reference.reference, reference.digest_algorithm, reference.digest]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def identity_hint(reference: Reference) -> str:
    """What would make the reference identify its data more surely; empty for a strong one."""
    how = identity_strength(reference.digest_algorithm, reference.digest)
    if how == "strong":
        return ""
    if how == "medium":
        return _MEDIUM[reference.digest_algorithm]
    for scheme, words in _WEAK:
        if reference.uri.startswith(scheme):
            return words
    if reference.digest_algorithm.casefold() == "mlflow":
        return "MLflow's dataset digest is a label it computes from a sample: add the SHA-256 of the bytes."
    if reference.digest_algorithm == "md5-dos2unix":
        return (
            "DVC 2 changes the line ends of a text before it takes the MD5, so this may not be the MD5 of the bytes: "
            "run `dvc cache migrate --dvc-files` of DVC 3 and give the new .dvc file, or add the SHA-256 of the bytes."
        )
    if reference.digest_algorithm.casefold() == "etag":
        return "An ETag is no digest: give the object's version (s3://…?versionId=…) or the SHA-256 of its bytes."
    if reference.digest:
        return (
            f"“{reference.digest_algorithm}” is a label that cannot be verified here: add the SHA-256 of the content."
        )
    return "A name and a date can be given to other data tomorrow: add the SHA-256 of the bytes, or a commit."


_KEPT = "names a state another system keeps; the SHA-256 of the bytes could be checked by anyone."
_MEDIUM = {
    "md5": "Two files with one MD5 can be made on purpose; the SHA-256 of the bytes cannot be forged.",
    "dvc-dir": "DVC's digest of a folder is an MD5 over MD5s; the SHA-256 of an archive of it cannot be forged.",
    "git": f"A commit {_KEPT}",
    "lakefs": f"A commit {_KEPT}",
    "pachyderm": f"A commit {_KEPT}",
    "s3-version": f"An object version {_KEPT}",
    "delta": f"A table's version {_KEPT}",
    "iceberg": f"A snapshot {_KEPT}",
}
_WEAK = (
    ("lakefs://", "A branch or tag moves: give the commit's id, lakefs://repository/<64 digits>/path."),
    ("pachyderm://", "A branch moves: give the commit's id, repo@<32 digits>."),
    ("git+", "A branch or tag moves: give the commit's id, git+https://…@<40 digits>."),
    ("s3://", "The object can be overwritten: give its version (…?versionId=…) or the SHA-256 of its bytes."),
)
