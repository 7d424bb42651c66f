"""Parsing and writing of dataset references; parsing what `write` returns gives the same reference."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from registry.datasets.dvc import read_dvc, write_dvc
from registry.datasets.identity import DIGEST_FORMS, Reference
from registry.datasets.unreadable import DatasetParseError
from registry.json_text import JsonTextError, parse_json, parse_json_or

MAX_TEXT = 64 * 1024
"""Maximum characters of a text that is parsed: a .dvc file has a few hundred."""


@dataclass(frozen=True)
class ReferenceFormat:
    """A format of references: its name, an example, its parser and its writer."""

    title: str
    example: str
    read: Callable[[str, str], Reference]
    """Parses text and wanted name. Raises DatasetParseError."""
    write: Callable[[Reference], str]


def read(form: str, text: str, name: str = "") -> Reference:
    """Parse a reference in one format.

    Args:
        form: one of `FORMS`.
        text: the reference, or the file that contains it.
        name: the name of the data; by default the last part of its path. In a .dvc file with several outputs it selects
            one by its path.

    Raises:
        DatasetParseError: the text cannot be parsed; the message has the rule and the remedy.
    """
    found = FORMS.get(form)
    if found is None:
        raise DatasetParseError(
            "unknown_form", f"There is no form “{form[:40]}”; there are: {', '.join(FORMS)}.", "form"
        )
    if not text.strip():
        raise DatasetParseError("required", f"Give the reference itself, such as {found.example}")
    if len(text) > MAX_TEXT:
        raise DatasetParseError("too_long", f"A reference has at most {MAX_TEXT:,} characters; this has {len(text):,}.")
    reference = found.read(text, name.strip())
    return replace(reference, name=name.strip()) if name.strip() else reference


def detect_formats(text: str) -> list[Reference]:
    """Return the reference in every format in which the text can be parsed. `loans@v12` is a branch or a version."""
    found = []
    for form in FORMS:
        try:
            found.append(read(form, text))
        except DatasetParseError:
            continue
    return found


def form_of(reference: Reference) -> str:
    """Return the format of a reference; empty for a plain label."""
    by_kind = {"md5": "dvc", "md5-dos2unix": "dvc", "dvc-dir": "dvc", "s3-version": "s3"}
    if reference.digest_algorithm in DIGEST_FORMS:
        return by_kind.get(reference.digest_algorithm, reference.digest_algorithm)
    if reference.digest_algorithm == "mlflow":
        return "mlflow"
    for scheme, form in (("lakefs://", "lakefs"), ("pachyderm://", "pachyderm"), ("git+", "git"), ("s3://", "s3")):
        if reference.uri.startswith(scheme):
            return form
    return ""


def _last(path: str, otherwise: str) -> str:
    return path.rstrip("/").rpartition("/")[2] or otherwise


def _line(text: str) -> str:
    text = text.strip()
    if not text.isprintable():
        raise DatasetParseError("invisible_characters", "A reference is one line of visible characters.")
    return text


# --- bytes ------------------------------------------------------------------------------------------------------------


def _read_sha256(text: str, name: str) -> Reference:
    digest = _line(text).removeprefix("sha256:")
    if not DIGEST_FORMS["sha256"].pattern.fullmatch(digest):
        raise DatasetParseError(
            "digest_form",
            "A SHA-256 is 64 lower-case hexadecimal digits, as `sha256sum` prints it; “sha256:” may lead.",
        )
    return Reference(name or f"sha256:{digest[:12]}", digest_algorithm="sha256", digest=digest)


def _write_sha256(reference: Reference) -> str:
    return f"sha256:{reference.digest}"


_POINTER = re.compile(
    r"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,19})\n?"
)


def _read_pointer(text: str, name: str) -> Reference:
    found = _POINTER.fullmatch(text.replace("\r\n", "\n").strip() + "\n")
    if found is None:
        raise DatasetParseError(
            "not_a_pointer",
            "A Git LFS pointer has three lines: version https://git-lfs.github.com/spec/v1, oid sha256:…, size …. Give "
            "the file as stored in the repository (git show HEAD:path), or the form sha256.",
        )
    return Reference(name or f"sha256:{found[1][:12]}", f"{int(found[2])} bytes", "", "sha256", found[1])


def _write_pointer(reference: Reference) -> str:
    size = reference.reference.removesuffix(" bytes")
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{reference.digest}\nsize {size}\n"


# --- commits ----------------------------------------------------------------------------------------------------------

_PACHYDERM = re.compile(
    r"(?:pachyderm://)?((?:[A-Za-z0-9_-]{1,51}/)?[A-Za-z0-9_.-]{1,63})@([A-Za-z0-9_-][A-Za-z0-9_/-]{0,199}?)"
    r"(?:=([0-9a-f]{32}))?(?::(/[^\n]{0,1000}))?"
)


def _read_pachyderm(text: str, name: str) -> Reference:
    found = _PACHYDERM.fullmatch(_line(text))
    if found is None:
        raise DatasetParseError(
            "pachyderm",
            "A Pachyderm reference is repo@commit, project/repo@commit or repo@branch=commit, with :/path behind it "
            "where a part is meant; an ancestor (^, .1) is written as the commit it is.",
        )
    repository, at, commit, path = found[1], found[2], found[3], found[4] or ""
    if commit is None and DIGEST_FORMS["pachyderm"].pattern.fullmatch(at):
        at, commit = "", at
    # A commit's id is the same in every branch that contains it, so the branch is not part of the location.
    place = f"pachyderm://{repository}@{commit or at}{f':{path}' if path else ''}"
    named = name or _last(path, repository.rpartition("/")[2])
    return Reference(named, at, place, "pachyderm" if commit else "", commit or "")


def _write_pachyderm(reference: Reference) -> str:
    written = reference.uri.removeprefix("pachyderm://")
    if reference.digest and reference.reference:
        return written.replace(f"@{reference.digest}", f"@{reference.reference}={reference.digest}", 1)
    return written


_LAKEFS = re.compile(r"lakefs://([a-z0-9][a-z0-9-]{2,62})/([A-Za-z0-9_][A-Za-z0-9_.-]{0,199})(?:/([^\n]{0,1000}))?")


def _read_lakefs(text: str, name: str) -> Reference:
    found = _LAKEFS.fullmatch(_line(text))
    if found is None:
        raise DatasetParseError(
            "lakefs",
            "A lakeFS reference is lakefs://repository/ref/path; the ref is a commit's id, a branch or a tag, without "
            "~, ^ and @.",
        )
    repository, ref, path = found[1], found[2], found[3] or ""
    commit = DIGEST_FORMS["lakefs"].pattern.fullmatch(ref) is not None
    place = f"lakefs://{repository}/{ref}/{path}"
    named = name or _last(path, repository)
    return Reference(named, "" if commit else ref, place, "lakefs" if commit else "", ref if commit else "")


_GIT = re.compile(
    r"git\+((?:https?|ssh|file)://[^\s@#]+(?:@[^\s@#/]+/[^\s@#]+)?)@([^\s@#~^:]{1,200})(?:#([^\n]{1,1000}))?"
)


def _read_git(text: str, name: str) -> Reference:
    found = _GIT.fullmatch(_line(text))
    if found is None:
        raise DatasetParseError(
            "git",
            "A place in a git repository is git+https://host/repository@commit#path/of/the/data; the commit is written "
            "in full, the path may be left out.",
        )
    repository, revision, path = found[1], found[2], found[3] or ""
    commit = DIGEST_FORMS["git"].pattern.fullmatch(revision) is not None
    place = f"git+{repository}@{revision}{f'#{path}' if path else ''}"
    named = name or _last(path, _last(repository, repository).removesuffix(".git"))
    return Reference(named, "" if commit else revision, place, "git" if commit else "", revision if commit else "")


# --- object versions and snapshots ------------------------------------------------------------------------------------

_S3 = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\n]+)")


def _read_s3(text: str, name: str) -> Reference:
    text = _line(text)
    place, mark, version = text.rpartition("?versionId=")
    found = _S3.fullmatch(place if mark else text)
    if found is None or len(found[2].encode()) > 1024:
        raise DatasetParseError(
            "s3",
            "An S3 object is s3://bucket/key, with ?versionId=… behind it for the version; a key has at most 1,024 "
            "bytes.",
        )
    if re.search(r"[?&]etag=", found[2], re.IGNORECASE):
        raise DatasetParseError(
            "etag", "An ETag is no digest (it changes with the way of uploading): give ?versionId=…, or the SHA-256."
        )
    named = name or _last(found[2], found[1])
    if not mark:
        return Reference(named, "", text)
    if version == "null":
        raise DatasetParseError(
            "unversioned",
            "A bucket that keeps no versions has “null” for one: leave ?versionId= out, or give the SHA-256.",
        )
    if not DIGEST_FORMS["s3-version"].pattern.fullmatch(version):
        raise DatasetParseError("version_id", f"A version id has {DIGEST_FORMS['s3-version'].words}.")
    return Reference(named, "", text, "s3-version", version)


def _snapshot(kind: str, pattern: re.Pattern[str], rule: str) -> Callable[[str, str], Reference]:
    def read_snapshot(text: str, name: str) -> Reference:
        found = pattern.fullmatch(_line(text))
        if found is None:
            raise DatasetParseError(kind, rule)
        return Reference(name or _last(found[1], found[1]), "", found[1], kind, found[2])

    return read_snapshot


_DELTA = re.compile(r"([^\s@][^@\n]{0,1000})@v(0|[1-9][0-9]{0,18})")
_ICEBERG = re.compile(r"([^\s@][^@\n]{0,1000})@([1-9][0-9]{9,18})")


# --- MLflow -----------------------------------------------------------------------------------------------------------


def _read_mlflow(text: str, name: str) -> Reference:
    given = parse_json_or(text, None)
    if (
        not isinstance(given, dict)
        or not isinstance(given.get("name"), str)
        or not isinstance(given.get("digest"), str)
    ):
        raise DatasetParseError(
            "mlflow", 'An MLflow dataset is the JSON object a run logs: {"name": …, "digest": …, "source": …}.'
        )
    digest = given["digest"].strip()
    if not 0 < len(digest) <= 128:
        raise DatasetParseError("digest_form", "An MLflow dataset has a digest of 1 to 128 characters.")
    return Reference(_line(name or given["name"]), "", _line(_source(given.get("source"))), "mlflow", _line(digest))


def _source(source: Any) -> str:
    """Return the location from MLflow's source: JSON within JSON, whose member depends on the kind of source."""
    if isinstance(source, str):
        try:
            source = parse_json(source)
        except JsonTextError:
            return str(source)
    if isinstance(source, dict):
        for member in ("uri", "url", "path", "table_name", "delta_table_name"):
            if isinstance(source.get(member), str):
                return str(source[member])
    return ""


def _write_mlflow(reference: Reference) -> str:
    source = json.dumps({"uri": reference.uri}, ensure_ascii=False)
    return json.dumps({"name": reference.name, "digest": reference.digest, "source": source}, ensure_ascii=False)


def _uri(reference: Reference) -> str:
    return reference.uri


FORMS: Final[dict[str, ReferenceFormat]] = {
    "sha256": ReferenceFormat("SHA-256", "sha256:9f86d081884c7d659a2feaa0c55ad015…", _read_sha256, _write_sha256),
    "git-lfs": ReferenceFormat("Git LFS pointer", "oid sha256:4d7a2146…", _read_pointer, _write_pointer),
    "dvc": ReferenceFormat(
        "DVC", "a .dvc file, a dvc.lock, or md5:a304afb96060aad90176268345e10355", read_dvc, write_dvc
    ),
    "lakefs": ReferenceFormat("lakeFS", "lakefs://loans/<commit id>/2026/train.parquet", _read_lakefs, _uri),
    "s3": ReferenceFormat("S3 object version", "s3://datasets/train.parquet?versionId=3HL4kqtJ…", _read_s3, _uri),
    "git": ReferenceFormat("git commit", "git+https://git.bank.example/data@<commit id>#train.csv", _read_git, _uri),
    "pachyderm": ReferenceFormat("Pachyderm commit", "loans@<commit id>:/train.csv", _read_pachyderm, _write_pachyderm),
    "delta": ReferenceFormat(
        "Delta table version",
        "s3://lake/loans@v12",
        _snapshot("delta", _DELTA, "A Delta table at a version is table@v12: its path or name, and the version."),
        lambda r: f"{r.uri}@v{r.digest}",
    ),
    "iceberg": ReferenceFormat(
        "Iceberg snapshot",
        "bank.loans@8744736658442914487",
        _snapshot("iceberg", _ICEBERG, "An Iceberg table at a snapshot is table@<snapshot id of 10 to 19 digits>."),
        lambda r: f"{r.uri}@{r.digest}",
    ),
    "mlflow": ReferenceFormat(
        "MLflow dataset", '{"name": "loans", "digest": "3f1c0a9b", "source": …}', _read_mlflow, _write_mlflow
    ),
}
"""The formats, by their names in the API."""
