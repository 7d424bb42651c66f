"""Artifacts in memory, and what the engine says of them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from governance.checks.scan.artifact import ArtifactFile, ArtifactScan, scan_artifact
from governance.checks.scan.report import Options

LOADER = "flavors:\n  python_function:\n    loader_module: mlflow.xgboost\n    data: model.ubj\n"


def scanned(files: Mapping[str, bytes | str], **options: Any) -> ArtifactScan:
    """Scan files, given by path."""
    return scan_artifact((file(path, content) for path, content in files.items()), Options(**options))


def file(path: str, content: bytes | str) -> ArtifactFile:
    raw = content.encode() if isinstance(content, str) else content
    return ArtifactFile(path, lambda: nullcontext(io.BytesIO(raw)), len(raw), hashlib.sha256(raw).hexdigest())


RULES = {
    "code_allowed", "code_file", "code_runs", "config_unreadable", "empty_file", "mlmodel_unreadable", "no_files",
    "reference_missing", "reference_outside", "unknown_loader", "unreadable_file",
}  # fmt: skip
"""Codes of the rules over several files and of containers; scanners of single formats have codes of their own."""


def codes(found: ArtifactScan) -> set[tuple[str, str]]:
    """Codes of the findings of `RULES`, with the files that have them."""
    return {(f.code, f.where.partition(": ")[0]) for f in found.findings if f.code in RULES}
