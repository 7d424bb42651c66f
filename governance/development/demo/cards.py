"""Model cards for the demonstration's versions: front matter and sections, as an author would write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from textwrap import dedent

from governance.development.demo.catalogue import Described
from registry.services.versions import MetricSpec


def card(
    model: Described,
    number: int,
    metrics: Sequence[MetricSpec],
    *,
    window: tuple[date, date],
    rows: int,
    unfinished: bool = False,
    addition: str = "",
) -> str:
    """Write a version's card.

    Args:
        model: the model it is about.
        number: of the version.
        metrics: what was measured, overall and by slice.
        window: first and last day of the training data.
        rows: how many rows the evaluation has.
        unfinished: leave two sections as a template leaves them.
        addition: a sentence more under limitations, in a later revision.
    """
    overall = [m for m in metrics if not m.slice]
    begins, ends = (day.strftime("%B %Y") for day in window)
    worst = min((m for m in metrics if m.slice), key=lambda m: m.value, default=None)
    limitation = "To be written before the review." if unfinished else _limitation(model, worst, addition)
    ethics = "TBD" if unfinished else _ethics(model)
    head = "\n".join(
        [
            "---",
            f"model: {model.slug}",
            f"version: {number}",
            "license: proprietary, internal use",
            f"datasets: [{model.slug}-training, {model.slug}-holdout]",
            f"metrics: [{', '.join(m.name for m in overall)}]",
            f"contact: {model.team}",
            "---",
        ]
    )
    sections = {
        "Intended use": f"{model.intended} {_reach(model)}\n\n### Not for\n\n{model.prohibited}",
        "Limitations": limitation,
        "Training data": (
            f"{model.data} The window runs from {begins} to {ends}; rows, features and labels were frozen under the "
            "digest named in the version, and duplicates were removed before the split."
        ),
        "Evaluation": (
            f"Measured on {rows:,} rows from after the training window, which the author saw once; they are attached "
            f"as the evaluation table, so that every number can be computed again.\n\n{_table(metrics)}"
        ),
        "Ethical considerations": ethics,
        "Monitoring": _monitoring(model),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"{head}\n\n# {model.title}, version {number}\n\n{body}\n"


def _reach(model: Described) -> str:
    if model.affects_people:
        return "People affected can ask for the reasons and for a second look by another person."
    return "It advises those who work with it, and its answer is kept beside what they did with it."


def _limitation(model: Described, worst: MetricSpec | None, addition: str) -> str:
    weakest = (
        f" On the slice “{worst.slice}” the measured {worst.name} is {worst.value:.3f}, which is stated where "
        "users see the result."
        if worst is not None
        else ""
    )
    return f"{model.limitation}{weakest}" + (f"\n\n{addition}" if addition else "")


def _ethics(model: Described) -> str:
    return (
        f"{model.ethics} The slices above were chosen together with the people affected; differences between them are "
        "reported at each review, and a growing one opens a finding."
    )


def _monitoring(model: Described) -> str:
    pace = {1: "every week", 2: "every month"}.get(model.tier or 0, "every quarter")
    return dedent(
        f"""\
        - Inputs and scores are compared with training {pace}; a population stability index above 0.2 is looked into.
        - Outcomes are joined as they become known, and the metrics above measured again.
        - {model.team} answers for both."""
    )


def _table(metrics: Sequence[MetricSpec]) -> str:
    lines = ["| metric | slice | value |", "| --- | --- | ---: |"]
    lines += [f"| {m.name} | {m.slice or 'all rows'} | {m.value:.4f} |" for m in metrics]
    return "\n".join(lines)
