"""Scan one file: detect its format by content, then call the scanner of the format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO

from governance.checks.base import Severity
from governance.checks.formats import archives, effort, texts
from governance.checks.formats.detect import sniff_stream
from governance.checks.formats.names import Format, Sniffed
from governance.checks.scan import code_files, hdf5, keras_files, numeric, onnx, skops
from governance.checks.scan.containers import CONTAINERS, bounded, scan_zip
from governance.checks.scan.data_files import SCANNERS as SCANNERS_OF_DATA
from governance.checks.scan.report import FileScan, Options, Scan, ScanFinding, Scanner, Verdict
from governance.checks.scan.serialized import SCANNERS as SCANNERS_OF_PICKLES

SCANNERS: Mapping[Format, Scanner] = {
    Format.SKOPS: skops.scan,
    Format.KERAS: keras_files.scan,
    Format.HDF5: hdf5.scan,
    Format.ONNX: onnx.scan,
    Format.SAFETENSORS: numeric.scan_safetensors,
    Format.CODE: code_files.scan,
    **SCANNERS_OF_PICKLES,
    **SCANNERS_OF_DATA,
}
"""The scanner of each format. A format without one is unsupported, so a new format never passes by omission."""


def scan_stream(stream: IO[bytes], size: int, name: str, options: Options) -> FileScan:
    """Scan one file.

    Args:
        stream: seekable, binary.
        size: its size in bytes.
        name: its path in the artifact.
        options: the policy's options.

    Returns:
        The result. No content raises an exception: what cannot be parsed is UNREADABLE.

    Raises:
        OSError: the stream cannot be read, or unpacked content cannot be written to a temporary file.
    """
    with effort.bounded(size), bounded(options.max_unpacked):
        return scan_part(Scan(stream, size, name, options, 0, scan_part))


def scan_part(scan: Scan) -> FileScan:
    """Scan a file or a file within another; see `scan_stream`."""
    if scan.size == 0:
        return _empty(scan.name)
    try:
        found = texts.named(sniff_stream(scan.stream, scan.size), scan.name)
        if found.format is Format.UNKNOWN:
            return _refused(found, Verdict.UNREADABLE)
        scanner = SCANNERS.get(found.format) or CONTAINERS.get(found.format)
        scan.stream.seek(0)
        if found.format is Format.PICKLE and scan.stream.read(4) == archives.LOCAL_HEADER:
            # A model format in a zip archive that contains a pickle where the format has none.
            scanner = scan_zip
        if scanner is None:
            return _refused(found, Verdict.UNSUPPORTED)
        scan.stream.seek(0)
        return scanner(scan)
    except effort.Malformed as fault:
        return _refused(Sniffed(Format.UNKNOWN, str(fault)), Verdict.UNREADABLE)


def _empty(name: str) -> FileScan:
    if texts.is_empty_code(name):
        return FileScan(Format.CODE, Verdict.SAFE)
    message = "The file is empty, so it is not what its name says. Remove it, or register it with its content."
    return FileScan(Format.EMPTY, Verdict.UNREADABLE, (ScanFinding("empty_file", message, Severity.HIGH),))


def _refused(found: Sniffed, verdict: Verdict) -> FileScan:
    message = f"The file {found.reason}, so what loading it would do cannot be judged."
    return FileScan(found.format, verdict, (ScanFinding(f"{verdict}_file", message, Severity.HIGH),))
