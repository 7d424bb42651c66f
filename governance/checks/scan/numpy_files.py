"""Scan arrays of numbers: npy, and npz, which is a zip archive of npy. Arrays of objects are scanned as pickles."""

from __future__ import annotations

import io

from governance.checks.formats import archives, tensors
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan.report import FileScan, Scan, Verdict

_HEAD = tensors.MAX_NPY_HEADER + 12


def scan_npy(scan: Scan) -> FileScan:
    """Scan an npy file: its header is a literal, and its data are numbers."""
    _require_numbers(tensors.npy(scan.stream, scan.size))
    return FileScan(Format.NPY, Verdict.SAFE)


def scan_npz(scan: Scan) -> FileScan:
    """Scan an npz file: each member is an npy file."""
    archive = archives.open_zip(scan.stream, scan.size)
    if archive is None:
        raise Malformed("is not a zip archive")
    for member in archive.members:
        head = archive.head(member, _HEAD)
        _require_numbers(tensors.npy(io.BytesIO(head), member.file_size))
    return FileScan(Format.NPZ, Verdict.SAFE)


def _require_numbers(found: tuple[str, bool] | None) -> None:
    if found is None or found[1]:
        raise Malformed("is not an array of numbers")
