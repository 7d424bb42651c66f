"""Parses a file as the checks that read it do. Imports no check itself, so that the sandbox begins quickly."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, ClassVar

from governance.checks.base import (
    MAX_TEXT,
    Check,
    CheckOutcome,
    Conclusion,
    Context,
    File,
    Parameters,
    RequiredEvidence,
    Sandbox,
)

MAX_SECONDS = 30
"""Limit of the processor time of a reading in the sandbox."""
MAX_WAIT = 55
"""Time limit of a reading, which the sender of the file waits for."""


class ReadEvidence(Check):
    """Reads one file as its checks read it. Run in the sandbox; it is not in the list of checks."""

    slug, version, title, category = "evidence.reading", "1.0.0", "The evidence can be read", "evidence"
    sandbox: ClassVar[Sandbox] = Sandbox(memory=4 << 30, cpu=MAX_SECONDS, wall=MAX_WAIT, scratch=1 << 30)

    class Params(Parameters):
        """The kind of evidence, and module and name of each check that reads it."""

        kind: str
        readers: tuple[tuple[str, str], ...]

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if one of the checks can read the file."""
        found = [getattr(import_module(module), name) for module, name in params.readers]
        fault = first_fault(found, params.kind, ctx.files[0])
        return CheckOutcome(Conclusion.FAILURE if fault else Conclusion.SUCCESS, fault[:MAX_TEXT] or "It can be read.")


def first_fault(readers: Sequence[type[Check]], kind: str, file: File) -> str:
    """Return the message of the first check, unless one of the checks can read the file."""
    faults = [
        need.find_fault(file) for check in readers for need in needs_of(check, kind) if need.find_fault is not None
    ]
    return "" if "" in faults else next(iter(faults), "")


def needs_of(check: type[Check], kind: str) -> list[RequiredEvidence]:
    """Return what a check says about evidence of a kind."""
    return [need for need in check.needs if need.kind == kind]
