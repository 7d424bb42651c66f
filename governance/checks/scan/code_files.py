"""Scan code that ships beside a model: scripts, notebooks, and texts with a name of code.

A policy allows one by its SHA-256 with the name of a reviewer.
"""

from __future__ import annotations

import hashlib

from governance.checks.formats.names import Format
from governance.checks.scan.collecting import Collector, collected
from governance.checks.scan.report import EffectKind, Scan


@collected(Format.CODE)
def scan(scan: Scan, found: Collector) -> None:
    """Scan a file of code: unsafe unless the policy allows its digest."""
    scan.stream.seek(0)
    digest = hashlib.file_digest(scan.stream, "sha256").hexdigest()  # type: ignore[arg-type]  # any binary stream
    reviewer = scan.options.allowed_code.get(digest)
    found.effect(EffectKind.EXECUTES, scan.name, f"sha256:{digest}", allowed=reviewer is not None)
    if reviewer is not None:
        found.note("code_file_allowed", f"The policy allows this code (SHA-256 {digest}), reviewed by {reviewer}.")
    else:
        found.find(
            "code_file",
            f"The file is code, which runs if loading the model imports it. SHA-256 {digest}. Remove it from the "
            "version, or let a reviewer read it and add this digest with the reviewer's name to allowed_code of the "
            "policy.",
        )
