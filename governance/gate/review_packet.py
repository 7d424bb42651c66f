"""The review packet: what an approver is shown, canonicalised and hashed. A decision signs that hash.

It contains the request and its reason; the version by fingerprint with its files, metrics, card, data and code; the
champion it is compared with; the findings and inputs of each check; the policy revision and its approval rules; the
accounts excluded by the separation of duties; for a reapproval, what was added since. It does not contain what changes
without changing the reviewed content: times, attempts, other decisions, current group members (the event of a decision
records the signer's groups).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit import canonical, clock
from governance.gate import approvals, eligibility, gate_inputs, waiver_facts
from governance.models import CheckRun, EmergencyChange, Packet, PromotionRequest
from governance.policies import Involvement, PolicyDocument
from registry import fingerprint
from registry.models import ModelVersion
from registry.selectors import VersionContents

FORM_1 = "countersign.packet/1"
FORM_2 = "countersign.packet/2"
"""Adds the whole policy document, evidence files, parameters, model signature, environment, run and licence."""


@dataclass(frozen=True)
class ReviewPacket:
    """A packet before it is stored: its content, the canonical bytes, and their SHA-256 digest."""

    content: Mapping[str, Any]
    body: bytes
    digest: str


def build(
    request: PromotionRequest,
    document: PolicyDocument,
    runs: Mapping[str, CheckRun],
    inputs: Mapping[str, str],
    contents: VersionContents,
    involved: Involvement | None = None,
) -> ReviewPacket:
    """Build the packet that an approver of `request` is shown now.

    Args:
        request: the promotion request.
        document: its combined policy.
        runs: the latest run of each check.
        inputs: current inputs digest of each check.
        contents: contents of the version and its champion.
        involved: the request's involvement if already read.

    Returns:
        The packet; `freeze` stores it. It has the newest form, unless the same content in an earlier form is already
        under review: an upgrade of the product alone invalidates no decision.
    """
    newest = _canonical(_content(FORM_2, request, document, runs, inputs, contents, involved))
    if request.packet_digest and newest.digest != request.packet_digest:
        earlier = _canonical(_content(FORM_1, request, document, runs, inputs, contents, involved))
        if earlier.digest == request.packet_digest:
            return earlier
    return newest


def _canonical(content: Mapping[str, Any]) -> ReviewPacket:
    body = canonical.dumps(content)
    return ReviewPacket(content, body, hashlib.sha256(body).hexdigest())


def _content(
    form: str,
    request: PromotionRequest,
    document: PolicyDocument,
    runs: Mapping[str, CheckRun],
    inputs: Mapping[str, str],
    contents: VersionContents,
    involved: Involvement | None,
) -> dict[str, Any]:
    return {
        "form": form,
        "request": {
            "uid": str(request.uid),
            "number": request.pk,
            "reason": request.reason,
            "from_stage": request.source_stage.slug,
            "to_stage": request.target_stage.slug if request.target_stage is not None else None,
            "to_alias": request.target_alias or None,
            "requested_by": request.requested_by.uid,
            **_kind(request),
        },
        "model": {
            "uid": str(request.model.uid),
            "slug": request.model.slug,
            "purpose": request.model.purpose,
            "intended_use": request.model.intended_use,
            "prohibited_use": request.model.prohibited_use,
            "risk_tier": request.model.risk_tier,
            "owner": request.model.owner.uid if request.model.owner is not None else None,
        },
        "version": _version(request.version, contents, form),
        "champion": _version(request.champion, contents, form) if request.champion is not None else None,
        "checks": _checks(document, runs, inputs),
        "policy": {
            "slug": document.slug,
            "revision": request.policy_revision.number if request.policy_revision is not None else None,
            "digest": request.policy_revision.digest if request.policy_revision is not None else None,
            **_without_second_officer(request),
            "approvals": [rule.model_dump(mode="json") for rule in document.approvals],
            **({"document": document.model_dump(mode="json")} if form != FORM_1 else {}),
            # Only if there is more than one: a packet with one policy keeps its digest.
            **({"governed_by": governed_by} if len(governed_by := _governed_by(request)) > 1 else {}),
            # Only if another policy covers the change: other packets keep their digest.
            **({"reasons": reasons} if (reasons := _reasons(request)) else {}),
        },
        "kept_out": _kept_out(form, request, involved),
        **_waivers(request, document, runs, inputs),
        **_reapproval(request),
        # Only if there are any: other packets keep their digest.
        **({"aliases_outside_stage": list(outside)} if (outside := gate_inputs.aliases_outside_stage(request)) else {}),
    }


def freeze(request: PromotionRequest, shown: ReviewPacket) -> None:
    """Store a packet permanently. The same content of a request is stored once."""
    kept = Packet(request=request, digest=shown.digest, body=shown.body, created_at=clock.now())
    Packet.objects.bulk_create([kept], ignore_conflicts=True)


def _emergency(request: PromotionRequest) -> dict[str, Any]:
    """Return the terms of an emergency change and the signature of the person who requests it; otherwise empty."""
    change = EmergencyChange.objects.filter(request=request).first() if request.confirming_group else None
    if change is None:
        return {}
    return {
        "confirming_group": request.confirming_group,
        "incident": change.incident,
        "hours": change.hours,
        "retrospective_within_days": change.retrospective_within_days,
        "signed": {
            "by": request.requested_by.uid,
            "at": change.signed_at.isoformat(),
            "meaning": change.signed_meaning,
        },
    }


def _kind(request: PromotionRequest) -> dict[str, Any]:
    """Return the kind of a request and what follows from it; empty for an ordinary one, which keeps its digest."""
    if request.kind == PromotionRequest.Kind.ORDINARY:
        return {}
    return {
        "kind": request.kind,
        **({"restores": request.restores_id} if request.restores_id is not None else {}),
        **_emergency(request),
    }


def _reapproval(request: PromotionRequest) -> dict[str, Any]:
    """Return what was approved before and what was added since, for a reapproval; else an empty dict."""
    if request.reapproves is None:
        return {}
    held = [a for a in approvals.approvals(request.version) if a.request == request.reapproves_id]
    added = [addition for found in approvals.later_additions(held).values() for addition in found.items]
    return {
        "reapproves": {
            "request": request.reapproves.pk,
            "approved_fingerprint": request.reapproves.fingerprint,
            "before_governance": request.reapproves.before_governance,
            "later_additions": [
                {"kind": a.kind, "what": a.what, "at": a.at.isoformat(), "by": a.by.id, "event": str(a.event)}
                for a in added
            ],
        }
    }


def _waivers(
    request: PromotionRequest, document: PolicyDocument, runs: Mapping[str, CheckRun], inputs: Mapping[str, str]
) -> dict[str, Any]:
    """Return the waivers that cover results of checks; empty without one, so that other packets keep their digest.

    When a waiver ends, the packet is another one, and the decisions on it lapse.
    """
    found = waiver_facts.waivers_of([request], {request.pk: document}).get(request.pk, {})
    covering = [waiver_facts.applying(waivers, runs.get(slug), inputs.get(slug)) for slug, waivers in found.items()]
    shown = [
        {
            "uid": str(waiver.uid),
            "number": waiver.pk,
            "check": waiver.check_slug,
            "codes": waiver.codes,
            "inputs": waiver.inputs_digest,
            "reason": waiver.reason,
            "control": waiver.control,
            "accepted_by": waiver.accepted_by.uid,
            "valid_until": waiver.valid_until.isoformat(),
            "event": str(waiver.event),
        }
        for waiver in covering
        if waiver is not None
    ]
    return {"waivers": sorted(shown, key=lambda waiver: str(waiver["check"]))} if shown else {}


def _version(version: ModelVersion, contents: VersionContents, form: str) -> dict[str, Any]:
    card = contents.card(version)
    return {
        "uid": str(version.uid),
        "number": version.number,
        "fingerprint": version.fingerprint,
        "files": [{"path": a.path, "sha256": a.sha256, "size": a.size} for a in contents.files(version)],
        "metrics": [
            {"name": m.name, "dataset": m.dataset, "slice": m.slice, "value": m.value}
            for m in contents.metrics(version)
        ],
        "card": card.sha256 if card is not None else None,
        "datasets": [
            {"role": d.role, "name": d.name, "reference": d.reference, "digest": d.digest, "strength": d.strength}
            for d in contents.datasets(version)
        ],
        "code": {"repository": version.code_repository, "commit": version.code_commit, "clean": version.code_clean},
        "registered_by": version.registered_by.uid,
        # Only if true: the version's place was never approved in this registry.
        **({"before_governance": True} if contents.before_governance(version) else {}),
        **(_further(version, contents) if form != FORM_1 else {}),
    }


def _further(version: ModelVersion, contents: VersionContents) -> dict[str, Any]:
    """Return what form 2 adds to a version. The environment lock, which may be long, is named by its digest."""
    lock = version.environment_lock
    return {
        "source": version.source,
        "run": {"id": version.run_id, "link": version.run_link},
        "licence": version.licence,
        "environment": hashlib.sha256(lock.encode()).hexdigest() if lock else None,
        "parameters": fingerprint.canonical_numbers(version.parameters),
        "signature": fingerprint.canonical_numbers(version.signature),
        "evidence": [
            {"kind": e.kind, "filename": e.filename, "sha256": e.blob_id, "revision": e.revision}
            for e in contents.evidence(version)
        ],
    }


def _checks(document: PolicyDocument, runs: Mapping[str, CheckRun], inputs: Mapping[str, str]) -> list[dict[str, Any]]:
    shown = []
    for rule in document.checks:
        run = runs.get(rule.check)
        answered = run is not None and run.status == run.Status.COMPLETED
        shown.append(
            {
                "check": rule.check,
                "mode": rule.mode,
                "params": rule.params,
                "inputs": inputs.get(rule.check),
                "version": run.check_version if answered and run is not None else None,
                "conclusion": run.conclusion if answered and run is not None else None,
                "judged_inputs": run.inputs_digest if answered and run is not None else None,
                "summary": run.summary if answered and run is not None else None,
                "findings": run.findings if answered and run is not None else [],
                "measures": run.measures if answered and run is not None else {},
                # Only of external checks: other packets keep their digest.
                **({"reported": run.conditions} if answered and run is not None and run.external_run_id else {}),
            }
        )
    return shown


def _governed_by(request: PromotionRequest) -> list[dict[str, Any]]:
    return [
        {
            "slug": bound.policy_revision.policy.slug,
            "revision": bound.policy_revision.number,
            "digest": bound.policy_revision.digest,
            "basis": bound.basis,
        }
        for bound in request.governing
    ]


def _reasons(request: PromotionRequest) -> dict[str, str]:
    """Return why each governing policy was selected among those that cover the change, by its slug."""
    return {bound.policy_revision.policy.slug: bound.reason for bound in request.governing if bound.reason}


def _kept_out(form: str, request: PromotionRequest, involved: Involvement | None) -> dict[str, Any]:
    involved = eligibility.get_involvement(request) if involved is None else involved
    # Form 1 had none of these. Texts that match no account are counted: a packet contains no names.
    further: dict[str, Any] = {
        "lowered_tier": sorted(involved.lowered_tier),
        "claimed": {uid: list(roles) for uid, roles in involved.claimed.items()},
        "unmatched": [role for role, _ in involved.unmatched],
        "changed_facts": dict(sorted(involved.changed_facts.items())),
        "loosened_policy": dict(sorted(involved.loosened_policy.items())),
    }
    return {
        "requester": involved.requester,
        "registered_by": involved.registered_by,
        "trained_by": involved.trained_by,
        # The accounts, not their owners and users, because those may change during the review.
        "behind_token": sorted(involved.token_accounts),
        **({"contributed": sorted(involved.contributed)} if involved.contributed else {}),
        **({name: value for name, value in further.items() if value} if form != FORM_1 else {}),
    }


def _without_second_officer(request: PromotionRequest) -> dict[str, str]:
    """State that a single officer put the policy in force; otherwise empty, so that other packets keep their digest."""
    revision = request.policy_revision
    if revision is None or revision.confirmation != "single_officer":
        return {}
    return {"confirmation": revision.confirmation}
