"""The questionnaire for risk tiers: its schema, and the computation of a tier from answers.

Pure: no database, no clock. Answers are ordered from the least risky to the most, their points never decrease, and a
rule applies from an answer on and only makes a tier stricter. So a riskier answer never gives a less strict tier;
`parse` refuses a questionnaire that would violate this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from registry import yaml_reader

LOWEST_TIER = 3
DEFAULT_CADENCE: Mapping[int, int] = {1: 12, 2: 24, 3: 36}
"""Months between reviews if no questionnaire is published."""

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Line = Annotated[str, StringConstraints(min_length=2, max_length=300, strip_whitespace=True)]
Tier = Annotated[int, Field(ge=1, le=LOWEST_TIER)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AnswerOption(_Part):
    """One possible answer, with its points."""

    id: Id
    text: Line
    points: Annotated[int, Field(ge=0, le=100)]


class Question(_Part):
    """A question; its answers are ordered from the least risky to the most."""

    id: Id
    ask: Line
    help: str = Field("", max_length=500)
    answers: Annotated[tuple[AnswerOption, ...], Field(min_length=2, max_length=10)]

    def place(self, answer: str) -> int | None:
        """Return the position of an answer, from 0; None if the question does not have it."""
        return next((n for n, found in enumerate(self.answers) if found.id == answer), None)

    @model_validator(mode="after")
    def _worse_is_never_less(self) -> "Question":
        _each_once(f"answer of {self.id}", [answer.id for answer in self.answers])
        points = [answer.points for answer in self.answers]
        if points != sorted(points):
            raise ValueError(
                f"the answers of {self.id} stand from the least risky to the most: their points must not fall"
            )
        return self


class Rule(_Part):
    """If every question of `when` has this answer or a riskier one, the tier is at least as strict as `tier`."""

    when: Annotated[dict[Id, Id], Field(min_length=1)]
    tier: Tier
    because: Line


class Questionnaire(_Part):
    """A revision of the questionnaire.

    Attributes:
        tiers: the points from which a model is tier 1, and from which it is tier 2.
        review_every: months between periodic reviews, by tier.
    """

    title: Line
    questions: Annotated[tuple[Question, ...], Field(min_length=1, max_length=40)]
    tiers: dict[Tier, Annotated[int, Field(ge=1)]]
    rules: tuple[Rule, ...] = ()
    review_every: dict[Tier, Annotated[int, Field(ge=1, le=120)]] = Field(default_factory=lambda: dict(DEFAULT_CADENCE))

    @model_validator(mode="after")
    def _hangs_together(self) -> "Questionnaire":
        _each_once("question", [question.id for question in self.questions])
        if set(self.tiers) != {1, 2} or self.tiers[1] <= self.tiers[2]:
            raise ValueError("tiers says from how many points a model is tier 1, and from how many fewer tier 2")
        if self.tiers[1] > sum(question.answers[-1].points for question in self.questions):
            raise ValueError(f"no answers give the {self.tiers[1]} points of tier 1")
        cadence = [self.review_every.get(tier, 0) for tier in (1, 2, 3)]
        if not 0 < cadence[0] <= cadence[1] <= cadence[2]:
            raise ValueError("review_every gives each tier its months, and a stricter one not more of them")
        by_id = {question.id: question for question in self.questions}
        for rule in self.rules:
            for question_id, answer in rule.when.items():
                if question_id not in by_id or by_id[question_id].place(answer) is None:
                    raise ValueError(
                        f"the rule “{rule.because}” names {question_id}: {answer}, which is not an answer of that "
                        "question"
                    )
        return self

    def document(self) -> dict[str, Any]:
        """Return the questionnaire as JSON data, from which the digest is computed: object keys are text."""
        return self.model_dump(mode="json")


@dataclass(frozen=True)
class SubmittedAnswer:
    """A given answer, with the text of the question, so that it can be read without the questionnaire."""

    question: str
    ask: str
    answer: str
    text: str
    points: int


@dataclass(frozen=True)
class TierResult:
    """The tier computed from answers, and its basis."""

    tier: int
    points: int
    by_points: int
    """The tier from the points alone."""
    given: tuple[SubmittedAnswer, ...]
    rules: tuple[Rule, ...]
    """The rules that apply, strictest first."""

    def reasoning(self) -> dict[str, Any]:
        """Return the same as JSON data, for storage."""
        return {
            "points": self.points,
            "by_points": self.by_points,
            "given": [vars(given) for given in self.given],
            "rules": [{"tier": rule.tier, "because": rule.because} for rule in self.rules],
        }


def parse(source: str) -> Questionnaire:
    """Parse a questionnaire from its YAML.

    Raises:
        ValueError: it breaks a rule; also as pydantic's ValidationError and the errors of `yaml_reader`.
    """
    data = yaml_reader.read(source)
    if not isinstance(data, dict):
        raise ValueError("a questionnaire is a YAML mapping with title, questions and tiers")
    return Questionnaire.model_validate(data)


def validate(questionnaire: Questionnaire, answers: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return the errors of answers: the question, a code, and a message with the rule and the remedy. Empty if
    valid.
    """
    by_id = {question.id: question for question in questionnaire.questions}
    found = [
        (unknown, "unknown_question", f"The questionnaire asks: {', '.join(by_id)}.")
        for unknown in answers.keys() - by_id.keys()
    ]
    for question in questionnaire.questions:
        if question.id not in answers:
            found.append((question.id, "required", f"Answer this: {question.ask}"))
        elif question.place(answers[question.id]) is None:
            known = ", ".join(answer.id for answer in question.answers)
            found.append((question.id, "unknown_answer", f"The answer is one of: {known}."))
    return found


def compute_tier(questionnaire: Questionnaire, answers: Mapping[str, str]) -> TierResult:
    """Return the tier that follows from valid answers; see `validate`."""
    places = {question.id: question.place(answers[question.id]) for question in questionnaire.questions}
    given = []
    for question in questionnaire.questions:
        place = places[question.id]
        assert place is not None  # validate() found no error
        chosen = question.answers[place]
        given.append(SubmittedAnswer(question.id, question.ask, chosen.id, chosen.text, chosen.points))
    points = sum(answer.points for answer in given)
    by_points = next((tier for tier in (1, 2) if points >= questionnaire.tiers[tier]), LOWEST_TIER)
    applying = [rule for rule in questionnaire.rules if _applies(questionnaire, rule, places)]
    applying.sort(key=lambda rule: rule.tier)
    return TierResult(
        tier=min([by_points, *(rule.tier for rule in applying)]),
        points=points,
        by_points=by_points,
        given=tuple(given),
        rules=tuple(applying),
    )


def _applies(questionnaire: Questionnaire, rule: Rule, places: Mapping[str, int | None]) -> bool:
    by_id = {question.id: question for question in questionnaire.questions}
    for name, answer in rule.when.items():
        place, least = places[name], by_id[name].place(answer)
        if place is None or least is None or place < least:
            return False
    return True


def _each_once(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"each {what} has its own id; twice: {', '.join(twice)}")
