"""The questionnaire: what it may say, and that a worse answer never gives a laxer tier."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from registry import questionnaire
from registry.questionnaire import Questionnaire
from registry.services.questionnaires import STARTER

SOURCE = STARTER.read_text(encoding="utf-8")
STARTS = questionnaire.parse(SOURCE)


@st.composite
def questionnaires(draw: st.DrawFn) -> Questionnaire:
    """Any that is lawful."""
    questions: list[Any] = []
    for number in range(draw(st.integers(1, 5))):
        points = sorted(draw(st.lists(st.integers(0, 9), min_size=2, max_size=4)))
        answers = [{"id": f"a{n}", "text": "words", "points": p} for n, p in enumerate(points)]
        questions.append({"id": f"q{number}", "ask": "words?", "answers": answers})
    most = sum(question["answers"][-1]["points"] for question in questions)
    first = draw(st.integers(2, max(most, 2)))
    if most < first:
        questions[0]["answers"][-1]["points"] += 9
    rules = []
    for _ in range(draw(st.integers(0, 3))):
        asked = draw(st.lists(st.sampled_from(questions), min_size=1, unique_by=lambda q: q["id"]))
        when = {q["id"]: draw(st.sampled_from([a["id"] for a in q["answers"]])) for q in asked}
        rules.append({"when": when, "tier": draw(st.integers(1, 3)), "because": "words"})
    tiers = {1: first, 2: draw(st.integers(1, first - 1))}
    return Questionnaire.model_validate({"title": "words", "questions": questions, "tiers": tiers, "rules": rules})


@given(st.data())
def test_a_worse_answer_never_gives_a_laxer_tier(data: st.DataObject) -> None:
    asked = data.draw(st.one_of(st.just(STARTS), questionnaires()))
    places = {q.id: data.draw(st.integers(0, len(q.answers) - 1)) for q in asked.questions}
    worse = data.draw(st.sampled_from(asked.questions))
    further = data.draw(st.integers(places[worse.id], len(worse.answers) - 1))

    def tier(at: dict[str, int]) -> int:
        answers = {q.id: q.answers[at[q.id]].id for q in asked.questions}
        assert questionnaire.validate(asked, answers) == []
        return questionnaire.compute_tier(asked, answers).tier

    assert tier({**places, worse.id: further}) <= tier(places)


def test_the_reasoning_names_answers_and_rules() -> None:
    answers = {q.id: q.answers[0].id for q in STARTS.questions}
    assert questionnaire.compute_tier(STARTS, answers).tier == 3
    outcome = questionnaire.compute_tier(STARTS, {**answers, "data": "special-category", "effect": "terms"})

    assert (outcome.by_points, outcome.tier, outcome.points) == (3, 1, 8)
    told = outcome.reasoning()
    assert told["rules"] == [
        {"tier": 1, "because": "Special categories of personal data about people whom its outputs affect"}
    ]
    assert {"question": "data", "answer": "special-category"}.items() <= next(
        given for given in told["given"] if given["question"] == "data"
    ).items()


def test_answers_are_whole_and_known() -> None:
    answers = {q.id: q.answers[0].id for q in STARTS.questions}
    del answers["reach"]
    wrong = questionnaire.validate(STARTS, {**answers, "data": "secret", "colour": "red"})
    assert sorted((where, code) for where, code, _ in wrong) == [
        ("colour", "unknown_question"),
        ("data", "unknown_answer"),
        ("reach", "required"),
    ]


def _changed(**changes: Any) -> str:
    return yaml.safe_dump({**yaml.safe_load(SOURCE), **changes})


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("[1]", "YAML mapping"),
        ("a: [", "not valid YAML"),
        (_changed(tiers={1: 10, 2: 12}), "tier 1, and from how many fewer tier 2"),
        (_changed(tiers={1: 4000, 2: 12}), "no answers give the 4000 points"),
        (_changed(review_every={1: 24, 2: 12, 3: 36}), "a stricter one not more"),
        (
            _changed(rules=[{"when": {"data": "secret"}, "tier": 1, "because": "so"}]),
            "which is not an answer of that question",
        ),
        (_changed(colour="red"), "Extra inputs"),
        (
            _changed(
                questions=[
                    {
                        "id": "q",
                        "ask": "what?",
                        "answers": [{"id": "b", "text": "bad", "points": 5}, {"id": "w", "text": "worse", "points": 4}],
                    }
                ],
                rules=[],
            ),
            "must not fall",
        ),
    ],
)
def test_what_is_no_questionnaire_is_refused_by_name(source: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        questionnaire.parse(source)
