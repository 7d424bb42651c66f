"""External checks: which reported runs count for a request, and how a result is reported.

A reported run belongs to a version, and may be older than the request. A request is judged by the newest run of the
check that is on the current contents of the version and whose reporter is separate from the people behind the request.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from audit import canonical
from governance.models import ExternalRun, PromotionRequest
from governance.policies import CheckRule
from registry.models import ModelVersion, User


def inputs_digest(version: ModelVersion, slug: str) -> str:
    """Return the digest that a reported run of a check is bound to: of the version's contents as of now."""
    return canonical.digest({"check": slug, "version": str(version.uid), "fingerprint": version.fingerprint})


def runs_of(version: ModelVersion, slugs: Iterable[str]) -> dict[str, list[ExternalRun]]:
    """Return the reported runs of checks on a version, the newest first. One query; none without a check."""
    names = sorted(set(slugs))
    found: dict[str, list[ExternalRun]] = {name: [] for name in names}
    if names:
        rows = ExternalRun.objects.filter(version=version, check_slug__in=names).order_by("-pk")
        for run in rows.select_related("reported_by", "reported_with", "attachment"):
            found[run.check_slug].append(run)
    return found


def why_not_counted(run: ExternalRun, request: PromotionRequest, rule: CheckRule) -> str:
    """Return why a reported run does not count for a request; empty if it does.

    A result of a person who requested the promotion, or registered or trained the version, does not count: it would be
    a statement about one's own work. Service accounts count, because pipelines do both; who holds their tokens does not
    approve what they did (SoD-3).

    Args:
        run: the reported run.
        request: the promotion request.
        rule: the check in its combined policy.
    """
    reporter = run.reported_by
    if reporter.kind == User.Kind.SERVICE:
        return ""
    if rule.reported_by == "service_account":
        return f"{reporter.name} reported a result, and the policy counts those of service accounts only"
    for pk, did in (
        (request.requested_by_id, "requested the promotion"),
        (request.version.registered_by_id, "registered the version"),
        (request.version.trained_by_id, "trained the version"),
    ):
        if pk == reporter.pk:
            return f"{reporter.name} reported a result and {did}; only a result of another account counts"
    return ""


def chosen(
    runs: Sequence[ExternalRun], request: PromotionRequest, rule: CheckRule, digest: str
) -> tuple[ExternalRun | None, str]:
    """Return the run that a request is judged by, and, where there is none, why the newest current one does not count.

    Args:
        runs: the reported runs of the check on the version, the newest first.
        request: the promotion request.
        rule: the check in its combined policy.
        digest: what `inputs_digest` returned.
    """
    refused = ""
    for run in runs:
        if run.inputs_digest != digest or run.conclusion == ExternalRun.Conclusion.CANCELLED:
            continue
        why = why_not_counted(run, request, rule)
        if not why:
            return run, ""
        refused = refused or why
    return None, refused


def how_to_report(slug: str, model: str, number: int) -> str:
    """Return how a result is reported, as a command.

    Args:
        slug: the check.
        model: slug of the model.
        number: number of the version.
    """
    return f"countersign check report {model} {number} {slug} --conclusion success --summary TEXT"


@dataclass(frozen=True)
class ReportExamples:
    """How a result of a check on a version is reported: the digest that it is bound to, and two equal ways."""

    inputs_digest: str
    command: str
    curl: str


def report_examples(slug: str, version: ModelVersion, address: str) -> ReportExamples:
    """Return complete examples, which a person copies; a token is expected in COUNTERSIGN_TOKEN.

    Args:
        slug: the check.
        version: the version, with its model.
        address: address of this installation, without a slash at the end.
    """
    digest = inputs_digest(version, slug)
    command = (
        f"countersign check report {version.model.slug} {version.number} {slug} \\\n"
        f'  --conclusion success --summary "12 of 12 cases passed." \\\n  --inputs {digest}'
    )
    body = {"conclusion": "success", "summary": "12 of 12 cases passed.", "inputs_digest": digest}
    curl = (
        f'curl -sf -X POST "{address}/api/v1/models/{version.model.slug}/versions/{version.number}/checks/{slug}/runs" '
        '\\\n  -H "Authorization: Bearer $COUNTERSIGN_TOKEN" -H "Content-Type: application/json" \\\n'
        f"  -d '{json.dumps(body)}'"
    )
    return ReportExamples(digest, command, curl)


def provenance(run: ExternalRun) -> dict[str, object]:
    """Return who reported a completed run, and with what, for the check run that follows it and for the packet."""
    return {
        "source": "external",
        "external_run": str(run.uid),
        "reported_by": run.reported_by.uid,
        "reported_with": run.reported_with.uid,
        "details_url": run.details_url,
        "attachment": run.attachment_id,
        "attachment_format": run.attachment_format,
    }
