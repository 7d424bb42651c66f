"""Texts that people write in the demonstration: reasons of requests, comments of decisions."""

from __future__ import annotations

from random import Random

from governance.development.demo.catalogue import Described
from registry.models import Metric, ModelVersion

_CHANGES = (
    "Retrained on the newest complete window",
    "Retrained after the change of the upstream feature pipeline",
    "Retrained with one feature more and a monotone constraint on it",
    "Retrained as the yearly plan asks",
    "Retrained because monitoring showed a drift of two inputs",
)
_EFFECTS = (
    "Callers change nothing: inputs and outputs are the same",
    "The cut-off moves slightly, so that the rate of approvals stays where it was",
    "Latency was measured and is unchanged",
    "Shadow traffic of a week showed no surprise",
)

_COMMENTS = {
    "risk-team": (
        "Recomputed the metrics from the pinned table; they agree. The weakest slice is stated in the card.",
        "Read the card and the changes against the version in production. The limitation is stated fairly.",
        "Checked the training window against the dataset digest, and the slices against last year's report. Fine.",
        "Reproduced the ranking on a sample of my own. No objection.",
        "The gain is small and the risk smaller. Approve, with monitoring of the weakest slice.",
    ),
    "validation": (
        "Validated on the holdout; accuracy and its bound agree with what was declared.",
        "Went through fifty wrong answers by hand: none of them costs a customer anything.",
        "The comparison with the version in production is on the same rows. Good.",
    ),
    "model-owners": (
        "Business case agreed with the department; the rollback was tried on Tuesday.",
        "Users were informed of the change and of its limits. I am responsible for the use.",
        "The desk tested it for two weeks beside the old version.",
        "Agreed in the department's change meeting.",
    ),
    "compliance": (
        "Purpose and prohibited use are unchanged; the notice to customers is still correct.",
        "Assessed against the obligations listed for the model. No new data category.",
        "Impact ratios are inside the limit. Approve.",
    ),
}


def why(model: Described, version: ModelVersion, before: ModelVersion | None, random: Random) -> str:
    """Return the reason of a request: the change, its effect, the known limitation and the rollback plan."""
    metric = _first_metric(version)
    text = f"{random.choice(_CHANGES)}."
    if metric is not None:
        text += f" {metric.name} is {metric.value:.3f}"
        old = _value(before, metric.name) if before is not None else None
        text += f", against {old:.3f} of v{before.number}." if old is not None and before is not None else "."
    text += f" {random.choice(_EFFECTS)}.\n\nKnown limitation: {model.limitation}\n\n"
    return text + (
        f"Rollback plan: v{before.number} stays registered and can be promoted again."
        if before is not None
        else "Rollback plan: the process as it was before the model."
    )


def comment(group: str, random: Random) -> str:
    """Return a comment of a member of a group who approves."""
    return random.choice(_COMMENTS[group])


def _first_metric(version: ModelVersion) -> Metric | None:
    return Metric.objects.filter(version=version, slice="").order_by("pk").first()


def _value(version: ModelVersion | None, name: str) -> float | None:
    return (
        Metric.objects.filter(version=version, name=name, slice="")
        .order_by("-revision")
        .values_list("value", flat=True)
        .first()
    )
