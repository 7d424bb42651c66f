"""Data that DVC keeps: its .dvc files, and the MD5 alone. https://dvc.org/doc/user-guide/project-structure/dvc-files"""

from __future__ import annotations

import re
from typing import Any

import yaml

from registry import yaml_reader
from registry.datasets.identity import DIGEST_FORMS, Reference
from registry.datasets.unreadable import Unreadable

_ALONE = re.compile(r"(?:md5:)?([0-9a-f]{32}(?:\.dir)?)")
_WAY_OUT = "Give the .dvc file as it is, or its md5 alone."


_LIMITS = yaml_reader.Limits(aliases=0)
"""DVC writes no aliases."""


def read_dvc(text: str, name: str) -> Reference:
    """A .dvc file with one out (or with several, of which `name` says the path), or an MD5. Raises Unreadable."""
    alone = _ALONE.fullmatch(text.strip())
    if alone is not None:
        return _reference(name or f"md5:{alone[1][:12]}", alone[1])
    try:
        document = yaml_reader.read(text, limits=_LIMITS)
    except yaml_reader.YamlUnreadableError as fault:
        raise Unreadable("not_dvc", f"This is no .dvc file: {fault}. {_WAY_OUT}") from None
    outs = document.get("outs") if isinstance(document, dict) else None
    if not isinstance(outs, list) or not outs or not all(isinstance(out, dict) for out in outs):
        raise Unreadable("not_dvc", f"A .dvc file lists its data under “outs”. {_WAY_OUT}")
    out = _chosen(outs, name)
    digest, path, size = out.get("md5"), out.get("path"), out.get("size")
    if out.get("hash", "md5") != "md5" or not isinstance(digest, str) or not _ALONE.fullmatch(digest):
        raise Unreadable(
            "no_md5",
            "This out has no md5 of 32 lower-case hexadecimal digits (and “.dir” for a folder); an etag or checksum is "
            "no digest of the bytes. Run `dvc add` or `dvc commit`, or give the data's SHA-256.",
        )
    if not isinstance(path, str) or not path.strip() or not path.isprintable():
        raise Unreadable("no_path", f"This out has no path. {_WAY_OUT}")
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
        raise Unreadable("size", f"An out's size is a number of bytes. {_WAY_OUT}")
    return _reference(path.strip(), digest, f"{size} bytes" if size is not None else "")


def _chosen(outs: list[dict[str, Any]], name: str) -> dict[str, Any]:
    if len(outs) == 1:
        return outs[0]
    meant = [out for out in outs if out.get("path") == name]
    if len(meant) != 1:
        paths = ", ".join(str(out.get("path")) for out in outs[:5])
        raise Unreadable(
            "several_outs", f"This file has {len(outs)} outs: say by name which is meant: {paths}.", "name"
        )
    return meant[0]


def _reference(name: str, digest: str, size: str = "") -> Reference:
    folder = DIGEST_FORMS["dvc-dir"].pattern.fullmatch(digest) is not None
    return Reference(name, size, "", "dvc-dir" if folder else "md5", digest)


def write_dvc(reference: Reference) -> str:
    """The .dvc file of a reference."""
    out: dict[str, object] = {"md5": reference.digest}
    if reference.reference.endswith(" bytes"):
        out["size"] = int(reference.reference.removesuffix(" bytes"))
    out |= {"hash": "md5", "path": reference.name}
    return yaml.safe_dump({"outs": [out]}, sort_keys=False, allow_unicode=True)
