"""`docs.regulatory`: every part of the regulatory document is answered and signed off by a named person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from governance.checks.base import (
    MAX_FINDINGS,
    MAX_TEXT,
    Check,
    CheckOutcome,
    Conclusion,
    Context,
    File,
    Finding,
    Json,
    Parameters,
    RequiredEvidence,
    Sandbox,
)
from governance.checks.structured_evidence import Person, read_day, read_structured
from registry.model_card import Section

REGULATORY = "docs.regulatory"
MAX_FILE = 1 << 20

ANNEX_IV: Final[Mapping[str, str]] = {
    "1(a)": "Purpose, provider, version",
    "1(b)": "How it works together with other hardware, software and AI systems",
    "1(c)": "Versions of the software it needs, and what updates require",
    "1(d)": "Forms in which it is put into service",
    "1(e)": "Hardware it is meant to run on",
    "1(f)": "Outside and inside of the product it is a part of",
    "1(g)": "The user interface for the deployer",
    "1(h)": "Instructions for the deployer",
    "2(a)": "Methods and steps of development, and what was taken from others",
    "2(b)": "Design: logic, choices and their reasons, what it optimises, expected output",
    "2(c)": "Architecture, and the computing it took",
    "2(d)": "Data: what it was trained on, where that is from, how it was chosen, labelled and cleaned",
    "2(e)": "Human oversight: what is needed, and what helps people to read the output",
    "2(f)": "Changes planned beforehand",
    "2(g)": "Validation and testing: procedures, data, metrics, reports signed and dated",
    "2(h)": "Security against attacks",
    "3": "Monitoring, functioning and control",
    "4": "Why these metrics are the right ones",
    "5": "Risk management (Article 9)",
    "6": "Changes over its life",
    "7": "Standards applied",
    "8": "EU declaration of conformity (Article 47)",
    "9": "Watching it after it was put into service (Article 72)",
}
"""The points of the annex, as in `governance.documents.annex_iv`, which a test compares.

Source: Regulation (EU) 2024/1689, Annex IV.
"""
CONDITIONAL: Final = frozenset({"1(b)", "1(f)", "2(f)"})
"""Points that are required where they apply: a reason why they do not is an answer."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    answer: Annotated[str, Field(max_length=50_000)] = ""
    not_applicable: Annotated[str, Field(max_length=5_000)] = ""
    signed_off_by: Person
    signed_off_on: Annotated[date, BeforeValidator(read_day)]

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        """Refuse a part with an answer and a reason why there is none."""
        if self.answer.strip() and self.not_applicable.strip():
            raise ValueError("write answer or not_applicable, not both")
        return self


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    template: Literal["annex-iv"]
    parts: Annotated[dict[str, _Part | None], Field(max_length=200)]


class DocsRegulatory(Check):
    """Reads a structured document and verifies that each part is answered and signed off in time."""

    slug = "docs.regulatory"
    version = "1.0.0"
    title = "Regulatory document is signed off"
    category = "documentation"
    description = "Each part of the regulatory document has an answer and the recent sign-off of a named person."
    guide = """
The evidence has a part for each point of Annex IV of the EU AI Act (Regulation (EU) 2024/1689). A part has an `answer`,
which can name the document where it is found, the person who signed it off (`signed_off_by`) and the day
(`signed_off_on`). Points that are required only where they apply (1(b), 1(f), 2(f)) can have `not_applicable` with the
reason instead.

The check proves that the parts are present and signed off in time. It never proves that they are adequate, true or
sufficient, and is no conformity assessment. The name in a part is what the file states; the audit log has the account
that attached the file. Compare the list of points with the official text before you rely on it.

| finding | how to fix it |
| --- | --- |
| `part_missing` | Add the part. |
| `part_not_answered` | Write the answer, with `min_words` words that are no placeholders. |
| `not_conditional` | The point is required always: write an answer. |
| `sign_off_expired` | The person reads the part again and signs off with a new date. |
| `sign_off_in_future` | Correct the date. |
| `part_unknown`, `document_unreadable` | Write the document as in the example. The message names the place. |
"""
    needs = (
        RequiredEvidence(
            REGULATORY,
            form="YAML or JSON: `template: annex-iv` and `parts`, by point, each with `answer` or `not_applicable`, "
            "`signed_off_by` and `signed_off_on`.",
            example="docs_regulatory.yaml",
            find_fault=lambda file: _read(file)[1],
        ),
    )
    sandbox: ClassVar[Sandbox] = Sandbox(memory=512 << 20, cpu=60, wall=90)

    class Params(Parameters):
        """What a document has to be."""

        template: Annotated[Literal["annex-iv"], Field(title="Template")] = "annex-iv"
        sign_off_max_days: Annotated[int, Field(ge=1, le=3650, title="Age of a sign-off at most, in days")] = 365
        min_words: Annotated[int, Field(ge=1, le=1_000, title="Words an answer needs at least")] = 3

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return the shorter age and the larger number of words."""
        return first.model_copy(
            update={
                "sign_off_max_days": min(first.sign_off_max_days, second.sign_off_max_days),
                "min_words": max(first.min_words, second.min_words),
            }
        )

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if every part is answered and signed off in time."""
        file = ctx.one(REGULATORY)
        if file is None or file.local is None:
            return CheckOutcome(Conclusion.ACTION_REQUIRED, f"There is no evidence {REGULATORY}: attach it.")
        document, message = _read(file)
        if document is None:
            return CheckOutcome(Conclusion.ACTION_REQUIRED, message, (Finding("document_unreadable", message),))
        findings = tuple(_faults(document, ctx.now.date(), params))[:MAX_FINDINGS]
        people = sorted({part.signed_off_by for part in document.parts.values() if part is not None})
        measures: dict[str, Json] = {"parts": len(ANNEX_IV), "faults": len(findings), "signed_off_by": people[:50]}
        if findings:
            places = ", ".join(dict.fromkeys(finding.where for finding in findings))
            summary = f"{len(findings)} findings on the parts of the document: {places}."
            return CheckOutcome(Conclusion.ACTION_REQUIRED, summary[:MAX_TEXT], findings, measures)
        summary = f"All {len(ANNEX_IV)} parts are answered and signed off. Whether they are adequate is not checked."
        return CheckOutcome(Conclusion.SUCCESS, summary, (), measures)


def _read(file: File) -> tuple[_Document | None, str]:
    """Return the document, or None and why it cannot be used."""
    document, problem = read_structured(file, _Document, MAX_FILE)
    return document, f"The regulatory document cannot be used: {problem}"[:MAX_TEXT] if document is None else ""


def _faults(document: _Document, today: date, params: Any) -> Iterator[Finding]:
    for clause in document.parts.keys() - ANNEX_IV.keys():
        yield Finding("part_unknown", f"The template has no point {clause[:40]}.", where=clause[:40])
    for clause, title in ANNEX_IV.items():
        part = document.parts.get(clause)
        if part is None:
            yield Finding("part_missing", f"The part {clause}, {title}, is missing.", where=clause)
            continue
        text = part.not_applicable if part.not_applicable.strip() else part.answer
        if part.not_applicable.strip() and clause not in CONDITIONAL:
            yield Finding("not_conditional", f"The part {clause} is required always: write an answer.", where=clause)
        elif (words := Section(1, "", text=text.splitlines()).words) < params.min_words:
            message = f"The part {clause}, {title}, has {words} words; at least {params.min_words} are required."
            yield Finding("part_not_answered", message, where=clause)
        age = (today - part.signed_off_on).days
        if age < 0:
            message = f"The part {clause} is signed off on {part.signed_off_on}, which is in the future."
            yield Finding("sign_off_in_future", message, where=clause)
        elif age > params.sign_off_max_days:
            message = (
                f"The part {clause} was signed off by {part.signed_off_by[:200]} {age} days ago; at most "
                f"{params.sign_off_max_days} are allowed."
            )
            yield Finding("sign_off_expired", message, where=clause)
