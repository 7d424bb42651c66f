"""`docs.regulatory`: every part of the regulatory document is answered and signed off by a named person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from audit import canonical
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


class DocumentPart(BaseModel):
    """One part: an answer, or why the point does not apply; and who signed it off, if the document states it."""

    model_config = ConfigDict(extra="forbid")

    answer: Annotated[str, Field(max_length=50_000)] = ""
    not_applicable: Annotated[str, Field(max_length=5_000)] = ""
    signed_off_by: Person | None = None
    signed_off_on: Annotated[date | None, BeforeValidator(lambda given: given and read_day(given))] = None

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Self:
        """Refuse a part with an answer and a reason why there is none."""
        if self.answer.strip() and self.not_applicable.strip():
            raise ValueError("write answer or not_applicable, not both")
        return self

    @property
    def text(self) -> str:
        """What the part says; empty if nothing."""
        return (self.not_applicable if self.not_applicable.strip() else self.answer).strip()


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    template: Literal["annex-iv"]
    parts: Annotated[dict[str, DocumentPart | None], Field(max_length=200)]


def read_document(file: File) -> tuple[Mapping[str, DocumentPart], str]:
    """Return the parts of a regulatory document by point, and why it cannot be used; empty if it can."""
    document, problem = read_structured(file, _Document, MAX_FILE)
    if document is None:
        return {}, f"The regulatory document cannot be used: {problem}"[:MAX_TEXT]
    return {clause: part for clause, part in document.parts.items() if part is not None}, ""


def digest_of_part(clause: str, part: DocumentPart) -> str:
    """Return the SHA-256 of the content of a part: what a sign-off is for."""
    return canonical.digest({"point": clause, "answer": part.answer, "not_applicable": part.not_applicable})


class DocsRegulatory(Check):
    """Reads a structured document and verifies that each part is answered and signed off in time."""

    slug = "docs.regulatory"
    version = "2.0.0"
    title = "Regulatory document is signed off"
    category = "documentation"
    description = "Each part of the regulatory document has an answer and the recent sign-off of a named person."
    guide = """
The evidence has a part for each point of Annex IV of the EU AI Act (Regulation (EU) 2024/1689). A part has an `answer`,
which can name the document where it is found, and can state the person who signed it off (`signed_off_by`) and the day
(`signed_off_on`). Points that are required only where they apply (1(b), 1(f), 2(f)) can have `not_applicable` with the
reason instead.

With `sign_off: signed`, a person signs the parts with the password on the page of the version (*Sign off*). A signature
is for the content of a part: it stays valid in later revisions of the document in which the part is unchanged. With
`sign_off_roles`, the person needs one of these roles on the model at the time of signing. With `sign_off: stated`, the
name and the day in the document count: the name in a part is then what the file states, and the audit log has the
account that attached the file.

The check proves that the parts are present and signed off in time. It never proves that they are adequate, true or
sufficient, and is no conformity assessment. Compare the list of points with the official text before you rely on it.

| finding | how to fix it |
| --- | --- |
| `part_missing` | Add the part. |
| `part_not_answered` | Write the answer, with `min_words` words that are no placeholders. |
| `not_conditional` | The point is required always: write an answer. |
| `not_signed` | A person signs the part on the page *Sign off* of the version. |
| `signer_without_role` | A person with one of the roles in `sign_off_roles` signs the part. |
| `sign_off_missing` | Write `signed_off_by` and `signed_off_on` into the part. |
| `sign_off_expired` | The person reads the part again and signs off with a new date. |
| `sign_off_in_future` | Correct the date. |
| `part_unknown`, `document_unreadable` | Write the document as in the example. The message names the place. |
"""
    needs = (
        RequiredEvidence(
            REGULATORY,
            form="YAML or JSON: `template: annex-iv` and `parts`, by point, each with `answer` or `not_applicable`, "
            "and for `sign_off: stated` with `signed_off_by` and `signed_off_on`.",
            example="docs_regulatory.yaml",
            find_fault=lambda file: read_document(file)[1],
        ),
    )
    facts = ("sign_offs",)
    sandbox: ClassVar[Sandbox] = Sandbox(memory=512 << 20, cpu=60, wall=90)

    class Params(Parameters):
        """What a document has to be."""

        template: Annotated[Literal["annex-iv"], Field(title="Template")] = "annex-iv"
        sign_off_max_days: Annotated[int, Field(ge=1, le=3650, title="Age of a sign-off at most, in days")] = 365
        min_words: Annotated[int, Field(ge=1, le=1_000, title="Words an answer needs at least")] = 3
        sign_off: Annotated[
            Literal["signed", "stated"], Field(title="What counts as a sign-off: a signature here, or what is stated")
        ] = "signed"
        sign_off_roles: Annotated[
            tuple[Literal["developer", "validator", "approver", "owner", "officer"], ...],
            Field(max_length=5, title="Roles of which a signer has one; none for any"),
        ] = ()

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return the shorter age, the larger number of words, signatures if one asks for them, and the common roles."""
        roles = tuple(each for each in first.sign_off_roles if each in second.sign_off_roles)
        if first.sign_off_roles and second.sign_off_roles and not roles:
            return None
        return first.model_copy(
            update={
                "sign_off_max_days": min(first.sign_off_max_days, second.sign_off_max_days),
                "min_words": max(first.min_words, second.min_words),
                "sign_off": "signed" if "signed" in (first.sign_off, second.sign_off) else "stated",
                "sign_off_roles": roles or first.sign_off_roles or second.sign_off_roles,
            }
        )

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if every part is answered and signed off in time."""
        file = ctx.one(REGULATORY)
        if file is None or file.local is None:
            return CheckOutcome(Conclusion.ACTION_REQUIRED, f"There is no evidence {REGULATORY}: attach it.")
        parts, message = read_document(file)
        if message:
            return CheckOutcome(Conclusion.ACTION_REQUIRED, message, (Finding("document_unreadable", message),))
        sign_offs = _of_signatures(parts, ctx.facts["sign_offs"], params)
        if params.sign_off == "stated":
            sign_offs = _as_stated(parts)
        findings = tuple(_faults(parts, sign_offs, ctx.now.date(), params))[:MAX_FINDINGS]
        people = sorted({one.name for one in sign_offs.values()})
        measures: dict[str, Json] = {"parts": len(ANNEX_IV), "faults": len(findings), "signed_off_by": people[:50]}
        if findings:
            places = ", ".join(dict.fromkeys(finding.where for finding in findings))
            summary = f"{len(findings)} findings on the parts of the document: {places}."
            return CheckOutcome(Conclusion.ACTION_REQUIRED, summary[:MAX_TEXT], findings, measures)
        summary = f"All {len(ANNEX_IV)} parts are answered and signed off. Whether they are adequate is not checked."
        return CheckOutcome(Conclusion.SUCCESS, summary, (), measures)


@dataclass(frozen=True)
class _SignOff:
    """Who signed a part off, when, and whether in a role that counts."""

    name: str
    day: date
    has_role: bool = True


def _as_stated(parts: Mapping[str, DocumentPart]) -> dict[str, _SignOff]:
    return {
        clause: _SignOff(part.signed_off_by, part.signed_off_on)
        for clause, part in parts.items()
        if part.signed_off_by is not None and part.signed_off_on is not None
    }


def _of_signatures(
    parts: Mapping[str, DocumentPart], rows: Iterable[Mapping[str, Any]], params: Any
) -> dict[str, _SignOff]:
    """Return the signature that counts for each part: of its content, in a role if possible, the newest."""
    digests = {clause: digest_of_part(clause, part) for clause, part in parts.items()}
    found: dict[str, _SignOff] = {}
    for row in rows:
        has_role = not params.sign_off_roles or not set(params.sign_off_roles).isdisjoint(row["roles"])
        for clause, digest in row["parts"].items():
            known = found.get(clause)
            if digests.get(clause) == digest and (known is None or has_role or not known.has_role):
                found[clause] = _SignOff(row["name"], date.fromisoformat(row["signed_on"]), has_role)
    return found


def _faults(
    parts: Mapping[str, DocumentPart], sign_offs: Mapping[str, _SignOff], today: date, params: Any
) -> Iterator[Finding]:
    for clause in sorted(parts.keys() - ANNEX_IV.keys()):
        yield Finding("part_unknown", f"The template has no point {clause[:40]}.", where=clause[:40])
    for clause, title in ANNEX_IV.items():
        part = parts.get(clause)
        if part is None:
            yield Finding("part_missing", f"The part {clause}, {title}, is missing.", where=clause)
            continue
        if part.not_applicable.strip() and clause not in CONDITIONAL:
            yield Finding("not_conditional", f"The part {clause} is required always: write an answer.", where=clause)
        elif (words := Section(1, "", text=part.text.splitlines()).words) < params.min_words:
            message = f"The part {clause}, {title}, has {words} words; at least {params.min_words} are required."
            yield Finding("part_not_answered", message, where=clause)
        fault = _sign_off_fault(clause, sign_offs.get(clause), today, params)
        if fault is not None:
            yield fault


def _sign_off_fault(clause: str, found: _SignOff | None, today: date, params: Any) -> Finding | None:
    if found is None and params.sign_off == "stated":
        return Finding(
            "sign_off_missing", f"The part {clause} does not state who signed it off, and when.", where=clause
        )
    if found is None:
        message = f"No person has signed the part {clause} as it is now. Sign it on the page “Sign off” of the version."
        return Finding("not_signed", message, where=clause)
    age = (today - found.day).days
    if age < 0:
        message = f"The part {clause} is signed off on {found.day}, which is in the future."
        return Finding("sign_off_in_future", message, where=clause)
    if not found.has_role:
        message = (
            f"{found.name[:200]} signed the part {clause} in none of the roles {', '.join(params.sign_off_roles)}."
        )
        return Finding("signer_without_role", message, where=clause)
    if age > params.sign_off_max_days:
        message = (
            f"The part {clause} was signed off by {found.name[:200]} {age} days ago; at most "
            f"{params.sign_off_max_days} are allowed."
        )
        return Finding("sign_off_expired", message, where=clause)
    return None
