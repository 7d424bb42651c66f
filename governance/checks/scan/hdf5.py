"""Scan HDF5 files by h5py, an optional dependency: links out of the file, storage outside it, and Keras configurations.

Only the structure and attributes are read, never the numbers. External links are reported, not followed.
Source: HDF5 File Format Specification 3.0; `keras.src.legacy.saving.legacy_h5_format`.
"""

from __future__ import annotations

import io
from typing import IO, Any

from governance.checks.base import Severity
from governance.checks.formats import effort, pickles
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan import json_reader, keras_config
from governance.checks.scan.collecting import Collector, collected, shown
from governance.checks.scan.report import Scan, Verdict

try:
    import h5py
except ImportError:  # pragma: no cover - h5py is installed in the test environment
    h5py = None

_CONFIGURATIONS = ("model_config", "training_config")
_STANDARD_FILTERS = frozenset({1, 2, 3, 4, 5, 6})
"""Filters of the HDF5 library: deflate, shuffle, fletcher32, szip, nbit, scaleoffset. Others are loaded as plug-ins."""
_HEAP = b"GCOL\x01\0\0\0"
_HEAP_OBJECT = 16
_CHUNK = 1 << 20
MAX_OBJECTS = 200_000
MAX_ATTRIBUTE = json_reader.MAX_JSON
_REMEDY = (
    "Install h5py where the check runs (pip install countersign[keras]), or save the model as safetensors or ONNX."
)


@collected(Format.HDF5)
def scan(scan: Scan, found: Collector) -> None:
    """Scan an HDF5 file; without h5py it is unsupported."""
    if h5py is None:
        found.find(
            "hdf5_unsupported",
            f"The file is HDF5, which cannot be judged without h5py. {_REMEDY}",
            verdict=Verdict.UNSUPPORTED,
        )
        return
    _check_heaps(scan.stream)
    scan.stream.seek(0)
    try:
        with h5py.File(scan.stream, "r") as file:
            _Walk(file, found, scan).walk()
    except Malformed:
        raise
    except Exception as error:  # h5py raises many types for broken files
        raise Malformed(f"is a broken HDF5 file: {type(error).__name__}: {str(error)[:120]}") from error


def _check_heaps(stream: IO[bytes]) -> None:
    """Check the objects of each global heap, which contains texts: the HDF5 library does not end on a broken one.

    Source: HDF5 File Format Specification 3.0, III.E.
    """
    position, before = 0, b""
    while True:
        stream.seek(position)
        chunk = stream.read(_CHUNK)
        if not chunk:
            return
        if (border := (before + chunk[: len(_HEAP) - 1]).find(_HEAP)) >= 0:
            _check_heap(stream, position - len(before) + border)
        at = chunk.find(_HEAP)
        while at >= 0:
            _check_heap(stream, position + at)
            at = chunk.find(_HEAP, at + 1)
        position += len(chunk)
        before = chunk[-len(_HEAP) + 1 :]


def _check_heap(stream: IO[bytes], start: int) -> None:
    stream.seek(start + len(_HEAP))
    end = start + int.from_bytes(stream.read(8), "little")
    position = start + len(_HEAP) + 8
    while position + _HEAP_OBJECT <= end:
        effort.spend(1)
        stream.seek(position)
        head = stream.read(_HEAP_OBJECT)
        index, size = int.from_bytes(head[:2], "little"), int.from_bytes(head[8:], "little")
        if len(head) < _HEAP_OBJECT or (index == 0 and size < _HEAP_OBJECT) or position + size > end:
            raise Malformed("is an HDF5 file with a broken heap")
        position += size if index == 0 else _HEAP_OBJECT + (size + 7) // 8 * 8


class _Walk:
    def __init__(self, file: Any, found: Collector, scan: Scan) -> None:
        self.file, self.found, self.scan = file, found, scan
        self.seen: set[Any] = set()

    def walk(self) -> None:
        waiting: list[tuple[str, Any]] = [("/", self.file)]
        while waiting:
            place, item = waiting.pop()
            effort.spend(100)
            identity = h5py.h5o.get_info(item.id)
            if (identity.fileno, identity.addr) in self.seen:
                continue
            self.seen.add((identity.fileno, identity.addr))
            if len(self.seen) > MAX_OBJECTS:
                raise Malformed(f"is an HDF5 file of more than {MAX_OBJECTS:,} objects, which is not judged")
            self._attributes(place, item)
            if isinstance(item, h5py.Group):
                for name in item:
                    inner = f"{place.rstrip('/')}/{name}"
                    if self._is_inside(item, name, inner):
                        waiting.append((inner, item[name]))
            elif isinstance(item, h5py.Dataset):
                self._dataset(place, item)

    def _is_inside(self, group: Any, name: str, place: str) -> bool:
        """Return whether a link is to an object of the file, which is then judged."""
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.HardLink):
            return True
        if isinstance(link, h5py.ExternalLink):
            self._outside(str(link.filename), place, "The object is a link to another file")
        elif not isinstance(link, h5py.SoftLink):
            self.found.unreadable("unknown_link", "The object is a link of an unknown kind.", place)
        # A soft link is a path in this file: the object there is judged where it is.
        return False

    def _dataset(self, place: str, dataset: Any) -> None:
        for outside in dataset.external or ():
            self._outside(str(outside[0]), place, "The numbers are stored in another file")
        if dataset.is_virtual:
            for source in dataset.virtual_sources():
                if source.file_name != ".":
                    self._outside(str(source.file_name), place, "The numbers are a view of another file")
        properties = dataset.id.get_create_plist()
        for number in range(properties.get_nfilters()):
            code, _, _, name = properties.get_filter(number)
            if code not in _STANDARD_FILTERS:
                self.found.executes(f"HDF5 filter {code}", place)
                self.found.find(
                    "hdf5_filter",
                    f"Reading the numbers loads the filter {code} ({shown(name)}) as a native library. Save the file "
                    "with gzip compression or none.",
                    place,
                )

    def _outside(self, name: str, place: str, what: str) -> None:
        self.found.reads(name, place)
        self.found.find(
            "hdf5_outside",
            f"{what}, {shown(name)}: loading reads a file that the fingerprint does not cover. Save all weights in one "
            "file.",
            place,
            severity=Severity.CRITICAL,
        )

    def _attributes(self, place: str, item: Any) -> None:
        for name in item.attrs:
            effort.spend(20)
            where = f"{place}@{name}"
            low = h5py.h5a.open(item.id, name.encode("utf-8", errors="surrogateescape"))
            if low.shape != () or not isinstance(low.get_type(), h5py.h5t.TypeStringID):
                continue
            if low.get_type().get_size() > MAX_ATTRIBUTE:
                raise Malformed(f"has an HDF5 attribute of more than {MAX_ATTRIBUTE:,} bytes")
            value = item.attrs[name]
            raw = value if isinstance(value, bytes) else str(value).encode("utf-8", errors="surrogateescape")
            if name in _CONFIGURATIONS:
                keras_config.judge(self._configuration(raw, name), where, self.found, self.scan.options)
            elif name == "PSEUDOATOM" and raw == b"object":
                self._pickle(where, "The array contains pickled objects")
            elif pickles.protocol(io.BytesIO(raw)) is not None:
                self._pickle(where, "The attribute is a pickle")

    def _configuration(self, raw: bytes, name: str) -> Any:
        try:
            return json_reader.read(raw, name)
        except json_reader.NotJsonError as fault:
            raise Malformed(f"has an attribute {name} that {fault}") from None

    def _pickle(self, where: str, what: str) -> None:
        self.found.executes("pickle", where)
        self.found.find(
            "hdf5_pickle",
            f"{what}, which PyTables and pandas load when they open it: any code may run. Save the table as Parquet.",
            where,
            severity=Severity.CRITICAL,
        )
