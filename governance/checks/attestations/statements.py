"""In-toto statements, and the files with SHA-256 that one lists.

Source: https://github.com/in-toto/attestation/tree/main/spec/v1; the predicate of the OpenSSF Model Signing
specification version 1.0 (https://github.com/ossf/model-signing-spec).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from governance.checks.attestations.dsse import IN_TOTO, Envelope
from governance.checks.attestations.members import (
    AttestationError,
    as_object,
    member_list,
    member_object,
    member_text,
    parse_document,
    shown,
)
from governance.checks.base import File, Finding, Severity

STATEMENT_TYPES = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
MODEL_SIGNING = "https://model_signing/signature/v1.0"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Statement:
    """A statement: what it is about, the type of the claim, and the claim."""

    subjects: tuple[Mapping[str, Any], ...]
    predicate_type: str
    predicate: Mapping[str, Any]


def parse_statement(envelope: Envelope) -> Statement:
    """Read the in-toto statement in an envelope whose signature was verified.

    Raises:
        AttestationError: the payload is no such statement.
    """
    if envelope.payload_type != IN_TOTO:
        raise AttestationError(
            "payload_type", f"The payload type is {shown(envelope.payload_type)}, not {IN_TOTO}.", "/payloadType"
        )
    top = as_object(parse_document(envelope.payload, "The signed statement", "payload"), "payload")
    kind = member_text(top, "_type", "payload")
    if kind not in STATEMENT_TYPES:
        raise AttestationError("malformed", f"The payload is {shown(kind)}, no in-toto statement.", "payload/_type")
    subjects = [
        as_object(each, f"payload/subject/{number}")
        for number, each in enumerate(member_list(top, "subject", "payload"))
    ]
    return Statement(
        tuple(subjects),
        member_text(top, "predicateType", "payload"),
        member_object(top, "predicate", "payload") if top.get("predicate") is not None else {},
    )


def subject_digests(statement: Statement) -> frozenset[str]:
    """Return the SHA-256 of every subject.

    Raises:
        AttestationError: a subject has no SHA-256 in its form.
    """
    return frozenset(
        _sha256(member_object(dict(subject), "digest", place).get("sha256"), f"{place}/digest/sha256")
        for place, subject in _placed(statement)
    )


def signed_files(statement: Statement) -> list[tuple[str, str]]:
    """Return names and SHA-256 of the files that a statement lists, in its order.

    Of the predicate of Model Signing 1.0 these are its resources, whose digest over all must be that of the subject; of
    another statement its subjects.

    Raises:
        AttestationError: the list is malformed, or has digests of another kind than SHA-256 of whole files.
    """
    if statement.predicate_type == MODEL_SIGNING:
        return list(_resources(statement))
    return [
        (
            member_text(dict(subject), "name", place),
            _sha256(member_object(dict(subject), "digest", place).get("sha256"), f"{place}/digest/sha256"),
        )
        for place, subject in _placed(statement)
    ]


def _placed(statement: Statement) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((f"payload/subject/{number}", subject) for number, subject in enumerate(statement.subjects))


def _resources(statement: Statement) -> Iterator[tuple[str, str]]:
    place = "payload/predicate"
    predicate = dict(statement.predicate)
    method = member_text(member_object(predicate, "serialization", place), "method", f"{place}/serialization")
    if method != "files":
        raise AttestationError(
            "unsupported_list",
            f"The signature lists {shown(method)}, not whole files. Sign with the default serialization of "
            "model-signing.",
            f"{place}/serialization/method",
        )
    if len(statement.subjects) != 1:
        raise AttestationError("malformed", "A signature of a model has one subject.", "payload/subject")
    subject = dict(statement.subjects[0])
    resources = member_list(predicate, "resources", place)
    whole = hashlib.sha256()
    for number, each in enumerate(resources):
        where = f"{place}/resources/{number}"
        resource = as_object(each, where)
        algorithm = member_text(resource, "algorithm", where)
        if algorithm != "sha256":
            raise AttestationError(
                "unsupported_list",
                f"The signature lists digests of {shown(algorithm)}, not of SHA-256. Sign with the default hash.",
                f"{where}/algorithm",
            )
        digest = _sha256(resource.get("digest"), f"{where}/digest")
        whole.update(bytes.fromhex(digest))
        name = member_text(resource, "name", where)
        # A model that is one file is listed as the path "." and named in the subject.
        yield (
            member_text(subject, "name", "payload/subject/0") if name == "." and len(resources) == 1 else name,
            digest,
        )
    if member_object(subject, "digest", "payload/subject/0").get("sha256") != whole.hexdigest():
        raise AttestationError(
            "malformed", "The digest of the subject is not that over the listed files.", "payload/subject/0/digest"
        )


def _sha256(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise AttestationError(
            "malformed", f"{where} must be a SHA-256 in lower-case hexadecimal; it is {shown(value)}.", where
        )
    return value


def compare_files(signed: Iterable[tuple[str, str]], registered: Iterable[File], *, require_all: bool) -> list[Finding]:
    """Compare a signed list of files with the registered one. No findings: they are the same.

    Args:
        signed: names and SHA-256.
        registered: the files of the version.
        require_all: whether each registered file must be listed.
    """
    findings: list[Finding] = []
    listed: dict[str, str] = {}
    for name, digest in signed:
        path = name.removeprefix("./")
        if not _is_plain(path):
            findings.append(
                Finding(
                    "bad_name",
                    f"The signed list has the name {shown(name)}, no path inside a version.",
                    where=name[:500],
                )
            )
        elif path in listed:
            findings.append(Finding("duplicate_file", f"The signed list has {shown(path)} twice.", where=path[:500]))
        else:
            listed[path] = digest
    files = {file.path: file for file in registered}
    for path, digest in listed.items():
        file = files.get(path)
        if file is None:
            findings.append(
                Finding("file_missing", f"{shown(path)} is signed and is not a file of the version.", where=path[:500])
            )
        elif file.sha256 != digest:
            findings.append(
                Finding(
                    "file_changed",
                    f"{shown(path)} was signed with SHA-256 {digest}; the version has {file.sha256}. "
                    "Sign the files that are registered.",
                    Severity.CRITICAL,
                    path[:500],
                )
            )
    unsigned = [path for path in files if path not in listed] if require_all else []
    return [*findings, *(Finding("file_not_signed", _not_signed(path), where=path[:500]) for path in unsigned)]


def _not_signed(path: str) -> str:
    if path.split("/", maxsplit=1)[0] in {".git", ".github", ".gitignore", ".gitattributes"}:
        return (
            f"{shown(path)} is a file of the version and is not signed: model-signing leaves out files of Git. "
            "Register the version without it, or sign with --no-ignore-git-paths."
        )
    return (
        f"{shown(path)} is a file of the version and is not signed. Sign all files, or register the version without it."
    )


def _is_plain(path: str) -> bool:
    return bool(path) and "\\" not in path and not {"", ".", ".."} & set(path.split("/"))
