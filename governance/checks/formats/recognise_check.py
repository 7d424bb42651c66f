"""The check that detects file formats. It runs in the sandbox, without settings and database."""

from __future__ import annotations

from typing import Any

from governance.checks.base import ARTIFACT_FILES, Check, CheckOutcome, Conclusion, Context, RequiredEvidence
from governance.checks.formats.detect import sniff


class Recognise(Check):
    """Recognises files by their content. Policies do not use it: it detects formats for pages and search."""

    slug = "artifact.recognise"
    version = "1.1.0"
    title = "Formats"
    category = "artifact"
    needs = (RequiredEvidence(ARTIFACT_FILES),)
    judges_damage = True

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return the format of each file, by its digest."""
        found = {f.sha256: str(sniff(f.local).format) for f in ctx.files if f.local is not None}
        return CheckOutcome(Conclusion.SUCCESS, f"{len(found)} files.", (), {"formats": dict(found)})
