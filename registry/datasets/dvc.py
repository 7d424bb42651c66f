"""Data that DVC keeps: its .dvc files, and the MD5 alone. https://dvc.org/doc/user-guide/project-structure/dvc-files"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

from registry.datasets.identity import DIGEST_FORMS, Reference
from registry.datasets.unreadable import Unreadable

_ALONE = re.compile(r"(?:md5:)?([0-9a-f]{32}(?:\.dir)?)")
_WAY_OUT = "Give the .dvc file as it is, or its md5 alone."


class _Strict(yaml.SafeLoader):
    """YAML that every reader reads alike: no alias (DVC writes none, and they multiply), no key twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise Unreadable("not_dvc", f"A .dvc file has no aliases. {_WAY_OUT}")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(keys) != len(set(keys)):
            raise Unreadable("not_dvc", f"A key stands twice in this .dvc file. {_WAY_OUT}")
        return super().construct_mapping(node, deep)


def read_dvc(text: str, name: str) -> Reference:
    """A .dvc file with one out (or with several, of which `name` says the path), or an MD5. Raises Unreadable."""
    alone = _ALONE.fullmatch(text.strip())
    if alone is not None:
        return _reference(name or f"md5:{alone[1][:12]}", alone[1])
    try:
        document = yaml.load(text, Loader=_Strict)  # noqa: S506 (a SafeLoader, stricter)
    except (yaml.YAMLError, RecursionError, ValueError) as fault:
        if isinstance(fault, Unreadable):
            raise
        raise Unreadable("not_dvc", f"This is no YAML. {_WAY_OUT}") from None
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
