"""Scan files that are pickles: plain ones, several in a row, joblib files (compressed or not), arrays of objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, cast

from governance.checks.formats import tensors
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan.allowed_names import AllowedNames
from governance.checks.scan.joblib_arrays import ArrayReader
from governance.checks.scan.packed_stream import PackedStream, is_packed
from governance.checks.scan.pickle_machine import Machine, Reader
from governance.checks.scan.pickle_report import PickleReport
from governance.checks.scan.pickle_source import Source
from governance.checks.scan.pickle_stack import UnreliableError
from governance.checks.scan.report import FileScan, Scan, Verdict

MAX_PICKLES = 10_000
"""Pickles in a row in one file."""
_NPY_MAGIC = b"\x93NUMPY"


def scan_pickle(scan: Scan) -> FileScan:
    """Scan a pickle, or pickles in a row, or an npy file of Python objects."""
    return _scan(scan, Format.PICKLE)


def scan_joblib(scan: Scan) -> FileScan:
    """Scan a joblib file, compressed or not."""
    return _scan(scan, Format.JOBLIB)


def _scan(scan: Scan, form: Format) -> FileScan:
    names = AllowedNames(scan.options.extra_allowed)
    report = PickleReport()
    scan.stream.seek(0)
    head = scan.stream.read(8)
    if head.startswith(_NPY_MAGIC):
        start = npy_data(scan.stream, scan.size)
        interpret(lambda: Source(_at(scan.stream, start), scan.size, start=start), names, report)
    elif is_packed(head):
        report.place = "unpacked content"
        interpret(
            lambda: Source(cast("IO[bytes]", PackedStream(scan.stream, scan.size, scan.options)), None), names, report
        )
    else:
        interpret(lambda: Source(_at(scan.stream, 0), scan.size), names, report)
    return report.result(form)


def _at(stream: IO[bytes], position: int) -> IO[bytes]:
    stream.seek(position)
    return stream


def npy_data(stream: IO[bytes], size: int) -> int:
    """Return the position behind the header of an npy file. Raises Malformed."""
    if tensors.npy(stream, size) is None:
        raise Malformed("is not an npy file")
    return stream.tell()


def interpret(opened: Callable[[], Source], names: AllowedNames, report: PickleReport) -> None:
    """Interpret all pickles of a file, with the arrays of joblib, and record what is found.

    Args:
        opened: opens the file from its beginning.
        names: what may be imported.
        report: receives the findings.
    """
    arrays = ArrayReader(names, report)
    _interpret(opened(), Machine(names, report, Reader(array=arrays.read)), report)
    if arrays.unmarked and report.verdict is Verdict.SAFE:
        _interpret_without_arrays(opened(), names, report)


def _interpret(source: Source, machine: Machine, report: PickleReport) -> None:
    try:
        for _ in range(MAX_PICKLES):
            machine.run(source)
            if source.at_end():
                return
        raise Malformed("contains more pickles in a row than are judged")
    except Malformed as fault:
        report.unreadable(str(fault), source.position)
    except UnreliableError:
        return


def _interpret_without_arrays(source: Source, names: AllowedNames, report: PickleReport) -> None:
    """Interpret the file as `pickle.load` does, which takes the bytes of arrays for opcodes."""
    plain = PickleReport()
    _interpret(source, Machine(names, plain), plain)
    if plain.verdict is Verdict.UNSAFE:
        report.unsafe(
            "loaders_differ",
            "pickle.load would take the bytes of an array for opcodes that import or call something, while joblib.load "
            "does not. Write the file again with joblib 1.2 or later.",
            source.position,
        )
