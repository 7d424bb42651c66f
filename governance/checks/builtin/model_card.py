"""`docs.model_card`: the model card has the required parts. It tests presence, not adequacy."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from governance.checks.base import (
    MAX_FINDINGS,
    MODEL_CARD,
    Check,
    CheckOutcome,
    Conclusion,
    Context,
    Finding,
    Parameters,
    RequiredEvidence,
    Sandbox,
)
from registry.model_card import MissingSection, ModelCardParseError, find_missing_sections, parse

MAX_CARD = 256 * 1024
"""Maximum size of a card in bytes."""

Name = Annotated[str, Field(min_length=1, max_length=120)]


class ModelCardComplete(Check):
    """Requires metadata in the YAML front matter and sections in the body, each with enough words and no placeholders.

    Whether the content is true and sufficient is for the reviewers to decide.
    """

    slug = "docs.model_card"
    version = "1.2.0"
    title = "Model card is complete"
    category = "documentation"
    description = "The model card has the metadata and the sections that the policy requires, without placeholders."
    guide = """
The card is Markdown with YAML front matter, read as on the Hugging Face Hub. Each name in `required_metadata` must be
in the front matter with a value. Each name in `required_sections` must begin a heading, with at least `min_words` words
below it; code, comments and placeholders (`TBD`, `N/A`, `[More Information Needed]`) are not counted. Headings of the
templates of the Hub satisfy the names of the default.

The check shows that the parts are present. Whether they are true and sufficient is for the reviewers to decide.

| finding | how to fix it |
| --- | --- |
| `metadata_missing`, `metadata_placeholder` | Add the name with its value to the front matter. |
| `section_missing` | Add a heading that begins with the name of the section. |
| `section_too_short`, `section_placeholder` | Write the section. |
| `card_unreadable` | Correct the front matter; the message names line and reason. |
| `card_too_long` | Move details to evidence files. |
"""
    needs = (
        RequiredEvidence(
            MODEL_CARD,
            form="Markdown with YAML front matter between two lines of `---`. Up to 256 KiB.",
            example="model_card.md",
        ),
    )
    sandbox: ClassVar[Sandbox] = Sandbox(memory=512 << 20, cpu=60, wall=90)

    class Params(Parameters):
        """Requirements on a card."""

        required_metadata: Annotated[tuple[Name, ...], Field(title="Required metadata")] = (
            "license",
            "datasets",
            "metrics",
        )
        required_sections: Annotated[tuple[Name, ...], Field(title="Required sections")] = (
            "intended use",
            "limitations",
            "training data",
            "evaluation",
            "ethical considerations",
        )
        min_words: Annotated[int, Field(ge=1, le=10_000, title="Words a section needs at least")] = 20

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return the union of both sets' requirements, with the larger number of words."""

        def union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(dict.fromkeys((*one, *other)))

        return first.model_copy(
            update={
                "required_metadata": union(first.required_metadata, second.required_metadata),
                "required_sections": union(first.required_sections, second.required_sections),
                "min_words": max(first.min_words, second.min_words),
            }
        )

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if nothing required is missing, empty, or a placeholder."""
        file = ctx.one(MODEL_CARD)
        if file is None or file.local is None:
            return CheckOutcome(Conclusion.ACTION_REQUIRED, "The version has no model card: add one.")
        if file.size > MAX_CARD:
            message = f"The model card has {file.size:,} bytes; more than {MAX_CARD:,} are not read. Shorten it."
            return CheckOutcome(Conclusion.FAILURE, message, (Finding("card_too_long", message),))
        try:
            card = parse(file.local.read_text("utf-8"))
        except (ModelCardParseError, UnicodeDecodeError) as error:
            message = f"The model card cannot be read: {error}"
            return CheckOutcome(Conclusion.FAILURE, message[:2000], (Finding("card_unreadable", message[:2000]),))
        findings = [_finding(missing) for missing in find_missing_sections(card, **params.model_dump())]
        measures = {"words": {s.title[:120]: s.words for s in card.sections[:100]}}
        total = len(params.required_metadata) + len(params.required_sections)
        if not findings:
            return CheckOutcome(Conclusion.SUCCESS, f"All {total} required parts of the card are there.", (), measures)
        places = ", ".join(f.where for f in findings[:8]) + (" …" if len(findings) > 8 else "")
        summary = f"{len(findings)} of {total} required parts of the card are missing or unfinished: {places}."
        return CheckOutcome(Conclusion.FAILURE, summary[:2000], tuple(findings[:MAX_FINDINGS]), measures)


def _finding(missing: MissingSection) -> Finding:
    return Finding(missing.code, missing.message, where=missing.where)
