"""References to data under DVC: .dvc files, the stages of a dvc.lock, and a plain MD5.

https://dvc.org/doc/user-guide/project-structure/dvc-files. DVC 3 names the hash of each file (`hash: md5`). DVC 2 names
none and computes the MD5 of a text after changing its line endings, which is not the MD5 of the bytes: that is recorded
as `md5-dos2unix`, a separate label.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

from registry import yaml_reader
from registry.datasets.identity import Reference
from registry.datasets.unreadable import DatasetParseError

_ALONE = re.compile(r"(?:md5:)?([0-9a-f]{32}(?:\.dir)?)")
_DIGEST = re.compile(r"[0-9a-f]{32}(?:\.dir)?")
_REMEDY = "Give the complete .dvc file, or only its md5."
OLD_HASH = "md5-dos2unix"
MAX_LISTED = 5

_LIMITS = yaml_reader.Limits(aliases=0)
"""DVC writes no aliases."""


@dataclass(frozen=True)
class _Out:
    """An output or dependency in a DVC file; `stage` is its stage in a dvc.lock."""

    fields: dict[str, Any]
    stage: str = ""

    @property
    def path(self) -> str:
        path = self.fields.get("path")
        return path.strip() if isinstance(path, str) and path.isprintable() else ""

    @property
    def called(self) -> str:
        return f"{self.stage}:{self.path}" if self.stage else self.path


def read_dvc(text: str, name: str) -> Reference:
    """Parse a .dvc file, a dvc.lock, or an MD5.

    Args:
        text: the content of the file, or the digest.
        name: the path of the referenced data, if the file describes several; in a dvc.lock also STAGE:PATH. For a file
            with one output, the name of the data.

    Returns:
        The reference. Its digest is `md5` or `dvc-dir` if the file names the hash, else `md5-dos2unix`.

    Raises:
        DatasetParseError: the text cannot be parsed; the message has the rule and the remedy.
    """
    alone = _ALONE.fullmatch(text.strip())
    if alone is not None:
        kind = "dvc-dir" if alone[1].endswith(".dir") else "md5"
        return Reference(name or f"md5:{alone[1][:12]}", "", "", kind, alone[1])
    try:
        document = yaml_reader.read(text, limits=_LIMITS)
    except yaml_reader.YamlUnreadableError as fault:
        raise DatasetParseError("not_dvc", f"This is no .dvc file: {fault}. {_REMEDY}") from None
    out = _chosen(_outs(document), name)
    if not out.path:
        raise DatasetParseError("no_path", f"This output has no path. {_REMEDY}")
    algorithm, digest = _digest_of(out.fields)
    size = out.fields.get("size")
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
        raise DatasetParseError("size", f"The size of an output is a number of bytes. {_REMEDY}")
    return Reference(out.path, f"{size} bytes" if size is not None else "", "", algorithm, digest)


def _outs(document: Any) -> list[_Out]:
    stages = document.get("stages") if isinstance(document, dict) else None
    if isinstance(stages, dict):
        return _of_stages(stages)
    outs = document.get("outs") if isinstance(document, dict) else None
    if not isinstance(outs, list) or not outs or not all(isinstance(out, dict) for out in outs):
        raise DatasetParseError("not_dvc", f"A .dvc file lists its data under “outs”. {_REMEDY}")
    return [_Out(out) for out in outs]


def _of_stages(stages: dict[Any, Any]) -> list[_Out]:
    """Return the dependencies and outputs of the stages of a dvc.lock (schema 2.0)."""
    found: list[_Out] = []
    for stage, facts in stages.items():
        for part in ("deps", "outs"):
            listed = facts.get(part) if isinstance(facts, dict) else None
            entries = listed if isinstance(listed, list) else []
            locked = [entry for entry in entries if isinstance(entry, dict) and ("md5" in entry or "files" in entry)]
            found += [_Out(entry, str(stage)) for entry in locked]
    if not found:
        raise DatasetParseError(
            "no_locked_data",
            "These stages have no md5: this is a dvc.yaml, or a pipeline that was not run. Give the dvc.lock that "
            "`dvc repro` writes, or the .dvc file of the data.",
        )
    return found


def _chosen(outs: list[_Out], name: str) -> _Out:
    if len(outs) == 1 and (not outs[0].stage or name in ("", outs[0].path, outs[0].called)):
        return outs[0]
    # The same data may be the output of one stage and a dependency of the next.
    meant = {json.dumps(out.fields, default=str): out for out in outs if name and name in (out.path, out.called)}
    if len(meant) == 1:
        return next(iter(meant.values()))
    listed = ", ".join((out.called or "one without a path")[:100] for out in outs[:MAX_LISTED])
    more = f" and {len(outs) - MAX_LISTED} more" if len(outs) > MAX_LISTED else ""
    what = "A dvc.lock describes the data of stages" if outs[0].stage else f"This file has {len(outs)} outs"
    raise DatasetParseError("several_outs", f"{what}: give the name of one: {listed}{more}.", "name")


def _digest_of(fields: dict[str, Any]) -> tuple[str, str]:
    """Return kind and digest of an output; for a folder with listed files the digest as DVC computes it."""
    algorithm = fields.get("hash", OLD_HASH)
    digest = fields.get("md5")
    if digest is None and fields.get("files") is not None:
        digest = _digest_of_files(fields["files"])
    if algorithm not in ("md5", OLD_HASH) or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise DatasetParseError(
            "no_md5",
            "This output has no md5 of 32 lower-case hexadecimal digits (and “.dir” for a folder); an etag or checksum "
            "is no digest of the bytes. Run `dvc add` or `dvc commit`, or give the data's SHA-256.",
        )
    if algorithm == OLD_HASH:
        return OLD_HASH, digest
    return ("dvc-dir" if digest.endswith(".dir") else "md5"), digest


def _digest_of_files(files: Any) -> str:
    """Return the digest of a folder with listed files: the MD5 of the list, as dvc-data writes it (`Tree.digest`)."""
    listed = []
    for entry in files if isinstance(files, list) else ():
        path, digest = (entry.get("relpath"), entry.get("md5")) if isinstance(entry, dict) else (None, None)
        if not isinstance(path, str) or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise DatasetParseError(
                "files", "Each of the “files” of an output has a relpath and an md5. Run `dvc commit`."
            )
        listed.append({"md5": digest, "relpath": path})
    if not listed:
        raise DatasetParseError("files", "The “files” of an output are a list of its files. Run `dvc commit`.")
    listed.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def write_dvc(reference: Reference) -> str:
    """Return the .dvc file of a reference."""
    out: dict[str, object] = {"md5": reference.digest}
    if reference.reference.endswith(" bytes"):
        out["size"] = int(reference.reference.removesuffix(" bytes"))
    old = reference.digest_algorithm == OLD_HASH
    out |= {"hash": OLD_HASH if old else "md5", "path": reference.name}
    return yaml.safe_dump({"outs": [out]}, sort_keys=False, allow_unicode=True)
