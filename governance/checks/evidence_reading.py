"""Whether a file can be read as evidence of its kind: asked when it is attached, answered by the parser of the checks.

A small file is parsed in the process of the caller. A large file, Parquet, and what a plug-in reads are parsed in the
sandbox, which limits memory and time. Only a fault that a parser names refuses a file: if the sandbox fails, the file
is accepted, and the checks judge it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from governance.checks import entry_points, runner
from governance.checks.base import Check, Conclusion, File, is_attachable
from governance.checks.evidence_parsing import ReadEvidence, first_fault, needs_of
from governance.checks.sources import Source

MAX_IN_PROCESS = 1 << 20
"""Maximum bytes of a file that is parsed in the process of the caller; this takes up to a tenth of a second."""
_PARQUET = b"PAR1"

log = logging.getLogger(__name__)


def find_fault(kind: str, filename: str, sha256: str, size: int, open_blob: runner.OpenBlob) -> str:
    """Return why no check can read a file, with the remedy, in the words of the check; empty if one can.

    It takes as long as reading the file: call it outside transactions.

    Args:
        kind: kind of evidence.
        filename: name of the file, for the message.
        sha256: digest of its bytes, which are in storage.
        size: number of its bytes.
        open_blob: opens stored bytes by SHA-256.
    """
    readers = _readers().get(kind, ())
    if not readers:
        return ""
    if size <= MAX_IN_PROCESS and all(_is_light(check, kind) for check in readers):
        with TemporaryDirectory(prefix="countersign-evidence-") as folder, open_blob(sha256) as stream:
            local = Path(folder) / "file"
            local.write_bytes(content := stream.read(MAX_IN_PROCESS + 1))
            if not content.startswith(_PARQUET):
                return _parse(readers, File(kind, filename, sha256, size, local))
    return _read_in_sandbox(readers, kind, Source(kind, filename, sha256, size), open_blob)


def _parse(readers: Sequence[type[Check]], file: File) -> str:
    try:
        return first_fault(readers, file.kind, file)
    except Exception:
        log.exception("evidence of the kind %s was not read when it was attached", file.kind)
        return ""


def _read_in_sandbox(readers: Sequence[type[Check]], kind: str, source: Source, open_blob: runner.OpenBlob) -> str:
    check = ReadEvidence()
    job = runner.Job(
        check=check,
        params=check.Params(kind=kind, readers=tuple((each.__module__, each.__qualname__) for each in readers)),
        sources=[source],
        facts={},
        now=datetime(2000, 1, 1, tzinfo=UTC),  # a parser does not depend on the time
        seed=0,
    )
    ended = runner.run(job, open_blob=open_blob, beat=lambda: True)
    if ended.outcome is None:
        log.warning("evidence of the kind %s was not read when it was attached: %s", kind, ended.message)
        return ""
    return "" if ended.outcome.conclusion is Conclusion.SUCCESS else ended.outcome.summary


def _is_light(check: type[Check], kind: str) -> bool:
    is_builtin = check.__module__.startswith("governance.checks.")
    return is_builtin and not any(need.is_heavy for need in needs_of(check, kind))


def _readers() -> Mapping[str, tuple[type[Check], ...]]:
    """Return by kind the checks that can say why a file is unreadable; of those with one parser, the first."""
    found: dict[str, dict[Any, type[Check]]] = {}
    order = {check.slug: place for place, check in enumerate(entry_points.BUILTIN)}
    for check in sorted(entry_points.all(), key=lambda check: order.get(check.slug, len(order))):
        for need in check.needs:
            if need.find_fault is not None and is_attachable(need.kind):
                found.setdefault(need.kind, {}).setdefault(need.find_fault, type(check))
    return {kind: tuple(parsers.values()) for kind, parsers in found.items()}
