"""`docs.privacy_review`: a named person reviewed the use of personal data, in time, with an acceptable conclusion."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from governance.checks.base import (
    MAX_TEXT,
    Check,
    CheckOutcome,
    Conclusion,
    Context,
    File,
    Finding,
    Parameters,
    RequiredEvidence,
    Sandbox,
)
from governance.checks.structured_evidence import Person, read_day, read_structured

PRIVACY_REVIEW = "privacy.review"
MAX_FILE = 256 * 1024

LegalBasis = Literal[
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests",
    "no_personal_data",
]  # fmt: skip
"""Source: Regulation (EU) 2016/679, Article 6(1)."""
Result = Literal["approved", "approved_with_conditions", "rejected"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=2_000)]


class _Review(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reviewer: Person
    date: Annotated[date, BeforeValidator(read_day)]
    legal_basis: LegalBasis
    data_categories: Annotated[list[Text], Field(max_length=200)]
    special_categories: Annotated[list[Text], Field(max_length=200)] = []
    impact_assessment: Annotated[str, Field(max_length=2_000)] = ""
    conclusion: Result
    conditions: Annotated[list[Text], Field(max_length=200)] = []
    remarks: Annotated[str, Field(max_length=20_000)] = ""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        """Refuse a review whose parts contradict each other."""
        if self.legal_basis == "no_personal_data" and (self.data_categories or self.special_categories):
            raise ValueError("legal_basis is no_personal_data, and categories of personal data are listed")
        if self.legal_basis != "no_personal_data" and not (self.data_categories or self.special_categories):
            raise ValueError("data_categories: list the categories of personal data, such as contact data")
        if self.conclusion == "approved_with_conditions" and not self.conditions:
            raise ValueError("conditions: list them, or conclude approved")
        return self


class PrivacyReview(Check):
    """Reads a structured privacy review and compares conclusion, age and impact assessment with a policy."""

    slug = "docs.privacy_review"
    version = "1.0.0"
    title = "Privacy is reviewed"
    category = "documentation"
    description = "A named person reviewed the use of personal data, recently enough and with an accepted conclusion."
    guide = """
The evidence is a YAML or JSON document with fixed members. `reviewer` is a person, `date` the day of the review.
`legal_basis` is one of those in Article 6(1) of the GDPR, or `no_personal_data`. `data_categories` lists the categories
of personal data in training data and inputs; `special_categories` those of Article 9. `conclusion` is `approved`,
`approved_with_conditions` (then with `conditions`) or `rejected`.

The check shows that such a review is recorded. It does not show that the review is right, and that the named person
wrote it only as far as the account that attached the file is trusted.

| finding | how to fix it |
| --- | --- |
| `review_unreadable` | Write the document as in the example. The message names the member and the rule. |
| `review_expired` | Review again: the last review is older than the policy allows. |
| `review_in_future` | Correct the date. |
| `not_approved` | Change the model or its data as the review says, and review again. |
| `impact_assessment_missing` | Special categories of data need an impact assessment: name its document. |
"""
    needs = (
        RequiredEvidence(
            PRIVACY_REVIEW,
            form="YAML or JSON: `reviewer`, `date`, `legal_basis`, `data_categories`, `conclusion`, and where they "
            "apply `special_categories`, `impact_assessment`, `conditions`, `remarks`.",
            example="privacy_review.yaml",
            find_fault=lambda file: _read(file)[1],
        ),
    )
    sandbox: ClassVar[Sandbox] = Sandbox(memory=512 << 20, cpu=60, wall=90)

    class Params(Parameters):
        """What a review has to be."""

        max_age_days: Annotated[int, Field(ge=1, le=3650, title="Age of the review at most, in days")] = 365
        accept_conditions: Annotated[bool, Field(title="Accept an approval with conditions")] = True
        require_impact_assessment: Annotated[
            bool, Field(title="Require an impact assessment for special categories of data")
        ] = True

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return the stricter value of each."""
        return first.model_copy(
            update={
                "max_age_days": min(first.max_age_days, second.max_age_days),
                "accept_conditions": first.accept_conditions and second.accept_conditions,
                "require_impact_assessment": first.require_impact_assessment or second.require_impact_assessment,
            }
        )

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if there is a readable review that satisfies the policy."""
        file = ctx.one(PRIVACY_REVIEW)
        if file is None or file.local is None:
            return CheckOutcome(Conclusion.ACTION_REQUIRED, f"There is no evidence {PRIVACY_REVIEW}: attach it.")
        review, message = _read(file)
        if review is None:
            return _needs("review_unreadable", message)
        return _judge(review, ctx.now.date(), params)


def _read(file: File) -> tuple[_Review | None, str]:
    """Return the review, or None and why it cannot be used."""
    review, problem = read_structured(file, _Review, MAX_FILE)
    return review, f"The privacy review cannot be used: {problem}" if review is None else ""


def _needs(code: str, message: str) -> CheckOutcome:
    return CheckOutcome(Conclusion.ACTION_REQUIRED, message[:MAX_TEXT], (Finding(code, message[:MAX_TEXT]),))


def _judge(review: _Review, today: date, params: Any) -> CheckOutcome:
    age = (today - review.date).days
    if age < 0:
        return _needs("review_in_future", f"The review is dated {review.date}, which is in the future.")
    if age > params.max_age_days:
        message = f"The review of {review.date} is {age} days old; at most {params.max_age_days} are allowed."
        return _needs("review_expired", message)
    measures = review.model_dump(mode="json", include={"reviewer", "date", "legal_basis", "conclusion"}) | {
        "data_categories": len(review.data_categories),
        "special_categories": len(review.special_categories),
        "conditions": review.conditions[:50],
    }
    findings = []
    if review.conclusion == "rejected" or (review.conclusion != "approved" and not params.accept_conditions):
        message = f"{review.reviewer[:200]} concluded “{review.conclusion.replace('_', ' ')}” on {review.date}."
        findings.append(Finding("not_approved", message, where="conclusion"))
    if review.special_categories and params.require_impact_assessment and not review.impact_assessment.strip():
        message = "Special categories of data are used, and the review names no impact assessment."
        findings.append(Finding("impact_assessment_missing", message, where="impact_assessment"))
    if findings:
        return CheckOutcome(Conclusion.FAILURE, findings[0].message, tuple(findings), measures)
    words = review.conclusion.replace("_", " ")
    return CheckOutcome(
        Conclusion.SUCCESS, f"{words} by {review.reviewer[:200]} on {review.date}."[:MAX_TEXT], (), measures
    )
