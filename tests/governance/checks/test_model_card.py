"""`docs.model_card`: what counts as said, and what only looks like it."""

import json
from collections.abc import Callable

import pytest

from governance.checks.base import MODEL_CARD, CheckOutcome, Conclusion
from registry.model_card import ModelCardParseError, divide, normalised, parse

Judged = Callable[..., CheckOutcome]

WORDS = "These words were written for this section and say what a reader of the card has to know about the model here. "
FRONT = "---\nlicense: apache-2.0\ndatasets: [iris]\nmetrics:\n- accuracy\n---\n"
SECTIONS = ("Intended use", "Limitations", "Training data", "Evaluation", "Ethical considerations")


def card(front: str = FRONT, **changed: str) -> bytes:
    """A good card, with the text of some sections changed; names with underscores for spaces."""
    body = "".join(f"## {title}\n\n{changed.get(title.replace(' ', '_'), WORDS)}\n\n" for title in SECTIONS)
    return (front + "# Model\n\n" + body).encode()


def codes(outcome: CheckOutcome) -> list[tuple[str, str]]:
    return [(f.code, f.where) for f in outcome.findings]


def test_a_good_card(judged: Judged) -> None:
    outcome = judged("docs.model_card", {"MODEL_CARD.md": card()}, kind=MODEL_CARD)
    assert outcome.conclusion is Conclusion.SUCCESS
    assert json.loads(json.dumps(outcome.measures))["words"]["Limitations"] == 22


@pytest.mark.parametrize(
    "text",
    [
        "TODO",
        "TBD " * 30,
        "[More Information Needed]",
        "[More Information Needed] " * 20,
        "To be determined. " * 20,
        "N/A",
        "<!-- " + WORDS + " -->",
        "<!--\n" + WORDS + "\n" + WORDS + "\n-->",
        "```\n" + WORDS + "\n```",
        "~~~~ text\n" + WORDS + "\n~~~\n" + WORDS + "\n~~~~",
        "{{ limitations | default('[More Information Needed]') }}",
        "none " * 40,
        "- \n" * 40,
        "Only nineteen words, where the policy asks for twenty of them, and this line really stops before that one.",
        "",
    ],
)
def test_a_section_that_says_nothing(judged: Judged, text: str) -> None:
    outcome = judged("docs.model_card", {"c": card(Limitations=text)}, kind=MODEL_CARD)
    assert outcome.conclusion is Conclusion.FAILURE
    (finding,) = outcome.findings
    assert finding.code in ("section_too_short", "section_placeholder")
    assert finding.where == "section: limitations"
    assert "limitations" in outcome.summary


def test_a_heading_inside_a_code_fence_is_none(judged: Judged) -> None:
    hidden = card().replace(b"## Evaluation\n", b"```\n## Evaluation\n```\n")
    assert codes(judged("docs.model_card", {"c": hidden}, kind=MODEL_CARD)) == [
        ("section_missing", "section: evaluation")
    ]
    commented = card().replace(b"## Evaluation\n", b"<!--\n## Evaluation\n-->\n")
    outcome = judged("docs.model_card", {"c": commented}, kind=MODEL_CARD)
    assert codes(outcome) == [("section_missing", "section: evaluation")]
    indented = card().replace(b"## Evaluation\n", b"    ## Evaluation\n")
    outcome = judged("docs.model_card", {"c": indented}, kind=MODEL_CARD)
    assert codes(outcome) == [("section_missing", "section: evaluation")]


def test_a_fence_that_is_not_closed_swallows_the_rest(judged: Judged) -> None:
    open_fence = card().replace(b"## Limitations\n", b"````\n## Limitations\n```\n")
    found = codes(judged("docs.model_card", {"c": open_fence}, kind=MODEL_CARD))
    assert [where for _, where in found] == [f"section: {t.lower()}" for t in SECTIONS[1:]]


@pytest.mark.parametrize(
    "heading",
    [
        "## Intended Uses",
        "### 1.2 Intended use and users",
        "## **Intended use**",
        "## Intended use ##",
        "#\tintended USE",
        "Intended use\n============",
        "Intended use\n---",
    ],
)
def test_headings_as_people_write_them(judged: Judged, heading: str) -> None:
    content = card().replace(b"## Intended use", heading.encode())
    assert judged("docs.model_card", {"c": content}, kind=MODEL_CARD).conclusion is Conclusion.SUCCESS


@pytest.mark.parametrize(
    "heading", ["##Intended use", "## Unintended use", "## Use, intended", "Intended use", "## Intend"]
)
def test_what_is_no_such_heading(judged: Judged, heading: str) -> None:
    content = card().replace(b"## Intended use", heading.encode())
    outcome = judged("docs.model_card", {"c": content}, kind=MODEL_CARD)
    assert ("section_missing", "section: intended use") in codes(outcome)


def test_subsections_belong_to_their_section_and_later_sections_do_not(judged: Judged) -> None:
    content = card(Limitations="### Known\n\n" + WORDS)
    assert judged("docs.model_card", {"c": content}, kind=MODEL_CARD).conclusion is Conclusion.SUCCESS
    content = card(Limitations="## Elsewhere\n\n" + WORDS)
    outcome = judged("docs.model_card", {"c": content}, kind=MODEL_CARD)
    assert codes(outcome) == [("section_too_short", "section: limitations")]


@pytest.mark.parametrize(
    ("front", "code"),
    [
        ("", "metadata_missing"),
        ("---\nlicense: mit\n---\n", "metadata_missing"),
        ("---\nlicense: mit\ndatasets: []\nmetrics: [auc]\n---\n", "metadata_placeholder"),
        ("---\nlicense: mit\ndatasets: TBD\nmetrics: [auc]\n---\n", "metadata_placeholder"),
        ("---\nlicense: '[More Information Needed]'\ndatasets: [a]\nmetrics: [auc]\n---\n", "metadata_placeholder"),
        ("---\nlicense: ~\ndatasets: [a]\nmetrics: [auc]\n---\n", "metadata_placeholder"),
        ("---\nlicense: unknown\ndatasets: [a]\nmetrics: [auc]\n---\n", "metadata_placeholder"),
        ("---\nlicense: mit\n", "card_unreadable"),
        ("---\n- a\n- b\n---\n", "card_unreadable"),
        ("---\na: [\n---\n", "card_unreadable"),
        ("---\na: !!python/object/apply:os.getpid []\n---\n", "card_unreadable"),
        ("---\na: " + "[" * 5000 + "\n---\n", "card_unreadable"),
    ],
)
def test_front_matter(judged: Judged, front: str, code: str) -> None:
    outcome = judged("docs.model_card", {"c": card(front)}, kind=MODEL_CARD)
    assert outcome.conclusion is Conclusion.FAILURE
    assert {c for c, _ in codes(outcome)} == {code}


def test_a_laughing_billion_is_not_unfolded(judged: Judged) -> None:
    lines = ["a0: &a0 [ha, ha]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    front = "---\nlicense: mit\ndatasets: *a39\nmetrics: [auc]\n---\n"
    front = front.replace("datasets", "\n".join(lines) + "\ndatasets")
    outcome = judged("docs.model_card", {"c": card(front)}, kind=MODEL_CARD)
    assert [code for code, _ in codes(outcome)] == ["card_unreadable"]


def test_a_card_too_long_or_not_text(judged: Judged) -> None:
    long = card() + b"x" * (256 * 1024)
    assert codes(judged("docs.model_card", {"c": long}, kind=MODEL_CARD)) == [("card_too_long", "")]
    broken = card() + b"\xff"
    assert codes(judged("docs.model_card", {"c": broken}, kind=MODEL_CARD)) == [("card_unreadable", "")]


def test_no_card_needs_action(judged: Judged) -> None:
    assert judged("docs.model_card", {}, kind=MODEL_CARD).conclusion is Conclusion.ACTION_REQUIRED


def test_a_policy_asks_for_what_it_wants(judged: Judged) -> None:
    content = b"---\nowner: risk team\n---\n# Monitoring\n\nEvery week by the risk team.\n"
    asked = {"required_metadata": ["owner"], "required_sections": ["Monitoring"], "min_words": 6}
    assert judged("docs.model_card", {"c": content}, kind=MODEL_CARD, **asked).conclusion is Conclusion.SUCCESS
    asked["min_words"] = 7
    assert judged("docs.model_card", {"c": content}, kind=MODEL_CARD, **asked).conclusion is Conclusion.FAILURE


def test_the_parts_of_a_card() -> None:
    parts = parse("\ufeff---\na: 1\n---\nintro\n# One\nx\n## Two\ny\n# Three\nz")
    assert parts.metadata == {"a": 1}
    assert [(s.level, s.title, s.raw) for s in parts.sections] == [
        (1, "One", "x\ny"),
        (2, "Two", "y"),
        (1, "Three", "z"),
    ]
    assert normalised("2.1 **Ethical  Considerations**:") == ("ethical", "consideration")


HUB_TEMPLATE = """
---
license: apache-2.0
language: no
datasets:
- iris
metrics:
- accuracy
---

# Model Card for iris

<!-- Provide a quick summary of what the model is/does. -->

## Uses

{words}

### Direct Use

{words}

## Bias, Risks, and Limitations

{words}

## Training Details

### Training Procedure

{words}

## Evaluation

### Testing Data, Factors & Metrics

{words}
"""


def test_a_card_with_the_headings_of_the_hub(judged: Judged) -> None:
    content = HUB_TEMPLATE.format(words=WORDS).encode()
    assert codes(judged("docs.model_card", {"c": content}, kind=MODEL_CARD)) == []
    left_out = HUB_TEMPLATE.format(words="[More Information Needed]").encode()
    outcome = judged("docs.model_card", {"c": left_out}, kind=MODEL_CARD)
    assert {code for code, _ in codes(outcome)} == {"section_placeholder"}
    assert len(outcome.findings) == len(SECTIONS)


def test_a_heading_a_policy_names_counts_before_those_of_the_hub(judged: Judged) -> None:
    content = card(Limitations="None yet.") + b"## Bias, Risks, and Limitations\n\n" + WORDS.encode()
    outcome = judged("docs.model_card", {"c": content}, kind=MODEL_CARD)
    assert codes(outcome) == [("section_too_short", "section: limitations")]


@pytest.mark.parametrize("before", ["", "\n", "  \n\n", "\ufeff\n"])
def test_blank_lines_before_the_front_matter(before: str) -> None:
    text = f"{before}---\na: no\n---\nprose\n"
    assert parse(text).metadata == {"a": "no"}
    assert divide(text) == ("a: no", "prose\n")
    with pytest.raises(ModelCardParseError, match=f"line {before.count(chr(10)) + 2}"):
        parse(f"{before}---\na: [\n---\n")


def test_what_is_not_front_matter_stays_prose() -> None:
    for text in ("prose\n---\na: 1\n---\n", "", "\n\n"):
        assert parse(text).metadata == {}
        assert divide(text) == ("", text)


@pytest.mark.parametrize("heading", ["#\n", "## One\n\ntext\n", "One\n---\n"])
def test_a_card_of_headings_alone_is_not_taken_apart(heading: str) -> None:
    """Each page took seconds for it, and each comparison half a minute."""
    assert len(parse(heading * 1_000).sections) == 1_000
    with pytest.raises(ModelCardParseError, match="more than 1,000 headings"):
        parse(heading * 1_001)
