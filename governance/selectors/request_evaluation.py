"""The evaluation of one request for display, by the functions of the gate."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from governance.checks import planning
from governance.gate import gate_inputs
from governance.models import CheckRun, PromotionRequest
from governance.policies import CheckFact, PolicyDocument, Verdict, evaluate
from registry import selectors


@dataclass(frozen=True)
class RequestEvaluation:
    """Evaluation of a request: its policy, check runs (latest first), current inputs digests, verdict, and contents.

    An ungoverned transition has neither policy nor verdict.
    """

    document: PolicyDocument | None
    runs: tuple[CheckRun, ...]
    inputs: dict[str, str]
    verdict: Verdict | None
    contents: selectors.VersionContents
    facts: Mapping[str, CheckFact] = field(default_factory=dict)
    """The facts of the latest runs, by check slug."""

    @property
    def latest(self) -> dict[str, CheckRun]:
        """The latest run of each check, which is the one that counts."""
        return {run.check_slug: run for run in reversed(self.runs)}


def progress_mark(run: CheckRun) -> int:
    """Return a number that changes with the progress of a running check that the product runs; else 0."""
    running = run.status == CheckRun.Status.RUNNING and hasattr(run, "progress")
    return run.progress.done if running else 0


def poll_token(revision: int, runs: Iterable[tuple[int, str, int]]) -> str:
    """Return the token of `PromotionDetail.seen`.

    Args:
        revision: the request's revision.
        runs: primary key, status and `progress_mark` of each check run.
    """
    return f"{revision}" + "".join(f".{status[0]}{mark or ''}" for _, status, mark in sorted(runs))


def evaluate_request(request: PromotionRequest) -> RequestEvaluation:
    """Evaluate a request for display; a closed request keeps the inputs of its last runs.

    Args:
        request: the request, with the joins of `REQUEST_RELATED`.

    Returns:
        The evaluation. Nothing is written.
    """
    document, contents = gate_inputs.get_policy_document(request), gate_inputs.contents_of(request)
    if document is None:
        return RequestEvaluation(None, (), {}, None, contents)
    rows = CheckRun.objects.filter(request=request).order_by("-pk")
    related = ("progress", "external_run__reported_by") if _has_external_checks(document) else ("progress",)
    runs = tuple(rows.select_related(*related))
    evaluation = RequestEvaluation(document, runs, {}, None, contents)
    latest = evaluation.latest
    if request.is_live:
        planned = planning.plan(request, document, contents, latest)
        inputs, uncounted = {run.check_slug: run.inputs_digest for run in planned}, planning.uncounted(planned)
    else:
        uncounted = {}
        inputs = {slug: run.inputs_digest for slug, run in latest.items()}
    facts = gate_inputs.collect_facts(request, document, latest, inputs, uncounted=uncounted)
    judged = gate_inputs.with_failure(request, evaluate(document, facts))
    return replace(evaluation, inputs=inputs, verdict=judged, facts=facts.checks)


def _has_external_checks(document: PolicyDocument) -> bool:
    return any(rule.external for rule in document.checks)
