"""Rules over the files of a folder or an archive: what they refer to, and the code that lies beside weights.

Code is never text: each file of code is a finding of its own, `code_runs` if the folder's configuration says that
loading runs it, else `code_file`. A policy allows it by digest, with the name of the person who read it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from governance.checks.base import Severity
from governance.checks.formats.detect import NO_FORMAT
from governance.checks.formats.names import Format
from governance.checks.formats.version_files import saved_model_part
from governance.checks.scan import huggingface_folder, mlflow_folder
from governance.checks.scan.notes import Entry, Notes, resolve
from governance.checks.scan.report import Effect, EffectKind, FileScan, Options, ScanFinding, Verdict, worst

MAX_CONFIGURATION = 4 << 20
"""Maximum size of a configuration file that is read, in bytes."""

__all__ = ["MAX_CONFIGURATION", "Entry", "Judged", "is_configuration", "judge"]


@dataclass(frozen=True)
class Judged:
    """The files of a folder after all rules, and the kind of the folder: mlflow, huggingface, savedmodel or folder."""

    files: tuple[tuple[str, FileScan], ...]
    kind: str


def is_configuration(path: str) -> bool:
    """Return whether rules read a file of this name, so that `Entry.text` is needed."""
    name = posixpath.basename(path)
    return name == mlflow_folder.FILE or name in mlflow_folder.MODULE_FILES or name.endswith(".json")


def judge(entries: Sequence[Entry], options: Options) -> Judged:
    """Apply the rules that concern several files.

    Args:
        entries: the files of one folder, each scanned alone.
        options: the policy's options.

    Returns:
        The scan of each file with what the rules add.
    """
    by_path = _with_onnx_data({entry.path: entry for entry in _with_saved_models(entries)})
    notes = Notes(by_path, options)
    for entry in by_path.values():
        _judge_configuration(entry, notes)
        for reference in entry.scan.references:
            notes.refer_to_file(entry.path, reference.path, reference.where)
    for path in {*notes.runs, *(entry.path for entry in by_path.values() if entry.scan.format is Format.CODE)}:
        _judge_code(by_path[path], notes)
    return Judged(tuple(notes.applied()), _kind(by_path))


def _judge_configuration(entry: Entry, notes: Notes) -> None:
    name = posixpath.basename(entry.path)
    if not is_configuration(name):
        return
    known = name in huggingface_folder.CONFIGURATIONS or name.endswith(".index.json") or not name.endswith(".json")
    if entry.size > MAX_CONFIGURATION:
        if known:
            message = f"The configuration has more than {MAX_CONFIGURATION:,} bytes, so it is not read."
            notes.unreadable(entry.path, "config_unreadable", message)
    elif name == mlflow_folder.FILE and mlflow_folder.is_copy(entry, notes):
        return
    elif name == mlflow_folder.FILE:
        mlflow_folder.judge(entry, notes)
    elif name in mlflow_folder.MODULE_FILES:
        mlflow_folder.judge_module_file(entry, notes)
    else:
        huggingface_folder.judge(entry, notes)


def _judge_code(entry: Entry, notes: Notes) -> None:
    """Replace the scan of a file of code by the rule for code."""
    is_code = entry.scan.format is Format.CODE
    if is_code and entry.size == 0:
        notes.entries[entry.path] = replace(entry, scan=FileScan(Format.CODE, Verdict.SAFE))
        return
    by = notes.runs.get(entry.path)
    reviewer = notes.options.allowed_code.get(entry.sha256)
    effects = (Effect(EffectKind.EXECUTES, entry.path, allowed=reviewer is not None),) if by else ()
    if reviewer is not None:
        does = "Loading this runs" if by else "The version contains"
        message = f"{does} {entry.path}. {reviewer} read it, and the policy allows it by its digest (allowed_code)."
        finding, verdict = ScanFinding("code_allowed", message, Severity.INFO), Verdict.SAFE
    elif by:
        message = (
            f"Loading this runs {entry.path}, because {by} says so. Save the model without code of its own; or have "
            f"the file read, and let the policy allow its digest (allowed_code, sha256 {entry.sha256})."
        )
        finding, verdict = ScanFinding("code_runs", message, Severity.CRITICAL), Verdict.UNSAFE
    else:
        message = (
            f"{entry.path} is code beside the model, which programs that load the folder can run. Register a version "
            "without it; or have the file read, and let the policy allow its digest (allowed_code, sha256 "
            f"{entry.sha256})."
        )
        finding, verdict = ScanFinding("code_file", message, Severity.HIGH), Verdict.UNSAFE
    scan = entry.scan
    if is_code:
        scan = FileScan(Format.CODE, verdict, (finding,), effects)
    else:
        scan = replace(
            scan,
            verdict=worst((scan.verdict, verdict)),
            findings=(*scan.findings, finding),
            effects=(*scan.effects, *effects),
        )
    notes.entries[entry.path] = replace(entry, scan=scan)


def _with_saved_models(entries: Iterable[Entry]) -> list[Entry]:
    """Recognise the files without magic bytes that TensorFlow puts beside a SavedModel."""
    entries = list(entries)
    saved = {entry.path for entry in entries if entry.scan.format is Format.SAVEDMODEL}
    return [
        replace(entry, scan=FileScan(Format.SAVEDMODEL, Verdict.SAFE)) if _is_variables(entry, saved) else entry
        for entry in entries
    ]


def _with_onnx_data(entries: dict[str, Entry]) -> dict[str, Entry]:
    """Recognise the files without magic bytes that ONNX models name as external data: raw numbers."""
    named = {
        resolve(entry.path, reference.path)
        for entry in entries.values()
        if entry.scan.format is Format.ONNX
        for reference in entry.scan.references
    }
    return {
        path: replace(entry, scan=FileScan(Format.ONNX, Verdict.SAFE)) if path in named and _is_raw(entry) else entry
        for path, entry in entries.items()
    }


def _is_raw(entry: Entry) -> bool:
    findings = entry.scan.findings
    return entry.scan.format is Format.UNKNOWN and bool(findings) and all(NO_FORMAT in f.message for f in findings)


def _is_variables(entry: Entry, saved: Collection[str]) -> bool:
    return entry.scan.format is Format.UNKNOWN and saved_model_part(entry.path, saved) == "variables"


def _kind(entries: dict[str, Entry]) -> str:
    if mlflow_folder.FILE in entries:
        return "mlflow"
    if "saved_model.pb" in entries:
        return "savedmodel"
    if any("/" not in path and huggingface_folder.is_configuration(entry) for path, entry in entries.items()):
        return "huggingface"
    return "folder"
