"""Scan files of torch.save: a zip archive with a pickle and raw storages, or, before torch 1.6, pickles in a row.

Source: torch.serialization (_load, _legacy_load) and caffe2/serialize/inline_container.cc.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from governance.checks.base import Severity
from governance.checks.formats import archives
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.formats.pickles import TORCH_LEGACY_MAGIC
from governance.checks.scan import zip_members
from governance.checks.scan.allowed_names import AllowedNames
from governance.checks.scan.pickle_machine import Machine, Reader, RefusedError
from governance.checks.scan.pickle_report import PickleReport
from governance.checks.scan.pickle_source import Source
from governance.checks.scan.pickle_stack import UnreliableError
from governance.checks.scan.pickle_values import DATA, Import, Value
from governance.checks.scan.report import EffectKind, FileScan, Scan, Verdict

_MAX_NOTE = 4_096
"""Bytes of the small members that describe the archive."""
_NOTES = frozenset({"version", "byteorder", ".format_version", ".storage_alignment", ".data/version",
                    ".data/serialization_id"})  # fmt: skip
_NOTE = re.compile(rb"[0-9A-Za-z]{0,100}\n?")
_KEY = re.compile(r"[0-9]{1,20}")
_LOCATION = re.compile(r"[a-z][a-z0-9_]{0,30}(:[0-9]{1,4})?")
_LEGACY_PICKLES = 5
_SIZES = {"Float": 4, "Double": 8, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1,
          "Bool": 1, "ComplexFloat": 8, "ComplexDouble": 16, "QInt8": 1, "QUInt8": 1, "QInt32": 4, "QUInt4x2": 1,
          "QUInt2x4": 1, "Untyped": 1}  # fmt: skip
"""Bytes of an element of each storage type."""
_STORAGE = re.compile(r"torch(?:\.cuda|\.storage)?\._?(\w+)Storage")


@dataclass
class Storages:
    """The storages that the persistent ids of a torch file name, by key, each with its size in bytes."""

    legacy: bool
    sizes: dict[str, int] = field(default_factory=dict)

    def find(self, persistent: Value) -> Value:
        """Return the object that a persistent id names.

        A storage is ("storage", type, key, location, number of elements); files before torch 1.6 add a view, and name
        classes of modules as ("module", class, file, source).

        Raises:
            RefusedError: it is of another form.
        """
        if type(persistent) is not tuple or not persistent:
            raise RefusedError("Torch writes ('storage', type, key, location, size).")
        if self.legacy and persistent[0] == "module" and len(persistent) == 4 and type(persistent[1]) is Import:
            return persistent[1]
        if persistent[0] != "storage" or len(persistent) != 5 + self.legacy:
            raise RefusedError("Torch writes ('storage', type, key, location, size).")
        kind, key, location, elements = persistent[1:5]
        found = _STORAGE.fullmatch(kind.name) if type(kind) is Import and kind.use is not None else None
        size = _SIZES.get(found[1]) if found is not None else None
        if size is None:
            raise RefusedError("Its type is no storage of torch.")
        if type(key) is not str or not _KEY.fullmatch(key):
            raise RefusedError("Its key is not the number of a storage.")
        if type(location) is not str or not _LOCATION.fullmatch(location):
            raise RefusedError("Its location is not the name of a device.")
        if type(elements) is not int or elements < 0:
            raise RefusedError("Its size is not a number of elements.")
        if self.sizes.setdefault(key, elements * size) != elements * size:
            raise RefusedError("The same storage has two sizes.")
        return DATA


def scan_zip(scan: Scan) -> FileScan:
    """Scan a torch file in a zip archive."""
    archive = archives.open_zip(scan.stream, scan.size)
    if archive is None:
        raise Malformed("is not a zip archive")
    members = {member.filename: member for member in archive.members if not member.is_dir()}
    folder, inner = _common_folder(members)
    report = PickleReport()
    storages = Storages(legacy=False)
    scripted = "constants.pkl" in inner or any(name.startswith("code/") for name in inner)
    if scripted:
        _report_script(report, inner)
    else:
        report.place = f"{folder}/data.pkl"
        _interpret(archive, inner["data.pkl"], scan, storages, report)
        _require_storages(storages, inner)
    report.place = ""
    others = [] if scripted else _others(scan, archive, inner, storages, report)
    return report.result(Format.TORCH_ZIP, tuple(others))


def _common_folder(members: Mapping[str, zipfile.ZipInfo]) -> tuple[str, dict[str, zipfile.ZipInfo]]:
    """Return the folder of the archive and its members without it. torch takes the folder of the first member."""
    folder = next(iter(members)).partition("/")[0]
    if any(not name.startswith(f"{folder}/") for name in members):
        raise Malformed("is a torch file with members outside its folder")
    inner = {name.removeprefix(f"{folder}/"): member for name, member in members.items()}
    if "data.pkl" not in inner:
        raise Malformed("is a torch file whose data.pkl is not in its folder")
    return folder, inner


def _interpret(
    archive: archives.Archive, member: zipfile.ZipInfo, scan: Scan, storages: Storages, report: PickleReport
) -> None:
    machine = Machine(AllowedNames(scan.options.extra_allowed), report, Reader(persistent=storages.find))
    try:
        source = Source(zip_members.opened(archive, scan.stream, member), member.file_size)
        machine.run(source)
        if not source.at_end():
            raise Malformed("has a data.pkl with other bytes behind its pickle")
    except Malformed as fault:
        report.unreadable(str(fault))
    except UnreliableError:
        return


def _require_storages(storages: Storages, inner: Mapping[str, zipfile.ZipInfo]) -> None:
    for key, size in storages.sizes.items():
        member = inner.get(f"data/{key}")
        if member is None:
            raise Malformed(f"names the storage {key}, which is not in the archive")
        if member.file_size < size:
            raise Malformed(f"has the storage {key} with fewer bytes than its tensors need")


def _others(
    scan: Scan,
    archive: archives.Archive,
    inner: Mapping[str, zipfile.ZipInfo],
    storages: Storages,
    report: PickleReport,
) -> list[tuple[str, FileScan]]:
    """Scan the members that are neither storages nor notes as files of their own."""
    found = []
    for name, member in inner.items():
        is_storage = name.startswith("data/") and name.removeprefix("data/") in storages.sizes
        if name == "data.pkl" or is_storage:
            continue
        if name in _NOTES and member.file_size <= _MAX_NOTE and _NOTE.fullmatch(archive.head(member, _MAX_NOTE)):
            continue
        if scan.depth >= scan.options.max_depth:
            raise Malformed("is nested too deep to be judged")
        stream = zip_members.opened(archive, scan.stream, member)
        part = scan.scan_part(scan.part(stream, member.file_size, member.filename))
        found.append((member.filename, part))
        if part.verdict is not Verdict.SAFE:
            report.note(
                "torch_member_not_safe",
                f"The member {member.filename[:80]!r} is neither a storage nor written by torch.save, and it "
                f"is {part.verdict}. Write the file again with torch.save.",
                Severity.HIGH,
            )
    return found


def _report_script(report: PickleReport, inner: Mapping[str, zipfile.ZipInfo]) -> None:
    for name in sorted(inner):
        if name.startswith("code/") and name.endswith(".py"):
            report.effect_at(EffectKind.EXECUTES, f"TorchScript {name[:120]}", name, allowed=False)
    report.unsupported(
        "torchscript_code",
        "The file is TorchScript: loading compiles the code in it, and this engine does not judge that code. Save the "
        "weights with safetensors.torch.save_file(model.state_dict(), …), or export the model as ONNX.",
    )


def scan_legacy(scan: Scan) -> FileScan:
    """Scan a torch file of before torch 1.6: five pickles, then the storages, each with its number of elements."""
    report = PickleReport()
    storages = Storages(legacy=True)
    machine = Machine(AllowedNames(scan.options.extra_allowed), report, Reader(persistent=storages.find))
    scan.stream.seek(0)
    source = Source(scan.stream, scan.size)
    try:
        for number in range(_LEGACY_PICKLES):
            report.place = f"pickle {number + 1} of {_LEGACY_PICKLES}"
            found = machine.run(source)
            if number == 0 and found != int.from_bytes(TORCH_LEGACY_MAGIC[2:-1], "little"):
                raise Malformed("does not begin with the number of torch files")
        report.place = ""
        if source.position + sum(8 + size for size in storages.sizes.values()) != scan.size:
            raise Malformed("has more or fewer bytes behind its pickles than its tensors need")
    except Malformed as fault:
        report.unreadable(str(fault), source.position)
    except UnreliableError:
        pass
    return report.result(Format.TORCH_LEGACY)
