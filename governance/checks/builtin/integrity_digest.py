"""`integrity.digest`: the stored files are identical to the registered ones."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from governance.checks.base import (
    ARTIFACT_FILES,
    MAX_FINDINGS,
    Check,
    CheckOutcome,
    Conclusion,
    Context,
    File,
    Finding,
    RequiredEvidence,
    Sandbox,
    Severity,
)


class IntegrityDigest(Check):
    """Reads every file of the version from storage and compares size and SHA-256 with the registered values.

    It cannot be waived: all other evidence refers to the registered bytes.
    """

    slug = "integrity.digest"
    version = "1.0.0"
    title = "File integrity"
    category = "integrity"
    description = "The stored files of the version are, byte for byte, the ones that were registered."
    guide = """
The check reads every file of the version from storage, computes its SHA-256 and compares digest and size with the
registered values. A version without files does not pass.

It shows that the files were not changed after they were registered. It does not show who made them.

| finding | how to fix it |
| --- | --- |
| `no_files` | Register a version with its files, or add the files to a version that was declared without them. |
| `file_missing` | An operator restores the file from a backup of the storage. Otherwise register a new version. |
| `digest_differs` | As above. Find out how the stored file was changed: nothing in the product changes one. |
"""
    needs = (RequiredEvidence(ARTIFACT_FILES, form="Every registered file of the version."),)
    waivable = False
    judges_damage = True
    sandbox: ClassVar[Sandbox] = Sandbox(memory=512 << 20)

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if there are files and all are present and identical."""
        files = ctx.of(ARTIFACT_FILES)
        if not files:
            return CheckOutcome(
                Conclusion.FAILURE,
                "The version has no registered files, so there is nothing whose integrity could be shown.",
                (Finding("no_files", "Register a version with its files.", Severity.CRITICAL),),
            )
        faults = [fault for file in files if (fault := _fault(file)) is not None]
        measures = {"files": len(files), "bytes": sum(f.size for f in files), "faults": len(faults)}
        if faults:
            return CheckOutcome(
                Conclusion.FAILURE,
                f"{len(faults)} of {len(files)} files are not the registered ones: {faults[0].where}"
                + (" and others." if len(faults) > 1 else "."),
                tuple(faults[:MAX_FINDINGS]),
                measures,
            )
        return CheckOutcome(
            Conclusion.SUCCESS,
            f"{len(files)} file{'s' if len(files) != 1 else ''}, checksum{'s' if len(files) != 1 else ''} verified.",
            (),
            measures,
        )


def _fault(file: File) -> Finding | None:
    if file.local is None:
        return Finding(
            "file_missing",
            f"{file.path} is registered but not in storage. Restore it from a backup, or register a new version.",
            Severity.CRITICAL,
            file.path,
        )
    with file.local.open("rb") as stream:
        measured = hashlib.file_digest(stream, "sha256").hexdigest()
        size = stream.tell()
    if measured == file.sha256 and size == file.size:
        return None
    return Finding(
        "digest_differs",
        f"{file.path} has {size:,} bytes with SHA-256 {measured}, but {file.size:,} bytes with {file.sha256} were "
        "registered. The stored file was changed; restore it from a backup and find out how.",
        Severity.CRITICAL,
        file.path,
    )
