"""The check that says what files are. It runs in the sandbox, where there are no settings and no database."""

from __future__ import annotations

from typing import Any

from governance.checks.base import ARTIFACT_FILES, Check, CheckOutcome, Conclusion, Context, RequiredEvidence
from governance.checks.formats.detect import sniff


class Recognise(Check):
    """Recognises files by their content. No policy asks for it: it is how formats are found for pages and search."""

    slug = "artifact.recognise"
    version = "1.0.0"
    title = "Formats"
    category = "artifact"
    needs = (RequiredEvidence(ARTIFACT_FILES),)
    judges_damage = True

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """The format of each file, by its digest."""
        found = {f.sha256: str(sniff(f.local).format) for f in ctx.files if f.local is not None}
        return CheckOutcome(Conclusion.SUCCESS, f"{len(found)} files.", (), {"formats": dict(found)})
