"""Dataset references: their fields, how reliably they identify data, and when two refer to the same dataset."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, NamedTuple


@dataclass(frozen=True)
class Reference:
    """The fields of a dataset reference, without its role.

    `reference` is a version, tag, branch or date, or the size if nothing else is known; `digest_algorithm` is the kind
    of identifier in `digest`.
    """

    name: str
    reference: str = ""
    uri: str = ""
    digest_algorithm: str = ""
    digest: str = ""


class DigestForm(NamedTuple):
    """The form of one kind of identifier: its pattern, the pattern in words, and its strength."""

    pattern: re.Pattern[str]
    words: str
    strength: str


_MD5 = r"[0-9a-f]{32}"
_COMMIT = r"[0-9a-f]{40}|[0-9a-f]{64}"

DIGEST_FORMS: Final = {
    # The bytes themselves.
    "sha256": DigestForm(re.compile(r"[0-9a-f]{64}"), "64 lower-case hexadecimal digits", "strong"),
    # The bytes, by a hash function with feasible collisions.
    "md5": DigestForm(re.compile(_MD5), "32 lower-case hexadecimal digits", "medium"),
    # Computed by DVC 2: the MD5 of a text after its line endings were changed, so perhaps not of the bytes.
    "md5-dos2unix": DigestForm(re.compile(rf"{_MD5}(?:\.dir)?"), "32 lower-case hexadecimal digits", "weak"),
    "dvc-dir": DigestForm(re.compile(rf"{_MD5}\.dir"), "32 lower-case hexadecimal digits and “.dir”", "medium"),
    # A state that another system keeps; its bytes were not hashed here.
    "git": DigestForm(re.compile(_COMMIT), "40 or 64 lower-case hexadecimal digits", "medium"),
    "lakefs": DigestForm(re.compile(_COMMIT), "40 or 64 lower-case hexadecimal digits", "medium"),
    "pachyderm": DigestForm(re.compile(r"[0-9a-f]{32}"), "32 lower-case hexadecimal digits", "medium"),
    "s3-version": DigestForm(
        re.compile(r"(?!null$)[A-Za-z0-9._/+=~-]{1,128}"), "at most 128 characters, and is not “null”", "medium"
    ),
    "delta": DigestForm(re.compile(r"0|[1-9][0-9]{0,18}"), "digits alone: the table's version", "medium"),
    "iceberg": DigestForm(re.compile(r"[1-9][0-9]{0,18}"), "digits alone: the snapshot's id", "medium"),
}
"""The required form of each kind of digest. Any other kind is a label, and weak."""

BY_CONTENT: Final = frozenset({"sha256", "md5", "dvc-dir"})
"""Kinds that are computed from the bytes: equal wherever the data is stored."""


def identity_strength(algorithm: str, digest: str) -> str:
    """Return how reliably a digest identifies data.

    Returns:
        `strong` for the SHA-256 of the bytes; `medium` for an MD5 (collisions are feasible) or for a commit, snapshot
        or object version (which names a state in another system, not bytes); `weak` for any other label.
    """
    form = DIGEST_FORMS.get(algorithm)
    return form.strength if form is not None and form.pattern.fullmatch(digest) else "weak"


def identity(reference: Reference) -> str:
    """Return the identity of a dataset, 64 hexadecimal digits: references with the same identity refer to the same
    dataset.

    For a digest of the bytes (SHA-256, MD5) it depends on the digest only, not on name or location. For a state in
    another system it depends on the digest and the location, because commits of one repository hold many paths, and two
    repositories may share a commit. For a label it depends on the location and all other fields. The location is the
    address, or the name if there is none. The database computes the same into `DatasetReference.identity`.
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
    """Return how the reference could identify its data more reliably; empty for a strong one."""
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
