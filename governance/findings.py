"""Opening a finding: the entry point for every source. Closing and the other steps are `services.findings`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import uuid4

from audit import clock, recorder
from audit.actor import Actor
from audit.leaf import Json
from audit.models import Event
from audit.recorder import Change, ObjectRef, PrivateValue
from governance import task_queue
from governance.actions import FINDING_OPENED
from governance.models import Decision, Finding, PromotionRequest
from registry import access, selectors
from registry.models import ModelVersion, RegisteredModel, Stage, User
from registry.validation import ErrorCollector

MAX_TITLE: Final = 200
MAX_DESCRIPTION: Final = 20_000
DUE_DAYS: Final[Mapping[str, int]] = {
    Finding.Severity.CRITICAL: 7,
    Finding.Severity.HIGH: 30,
    Finding.Severity.MEDIUM: 90,
    Finding.Severity.LOW: 180,
}
"""Days until a finding is due if no date is given, by severity."""


def open_finding(
    *,
    actor: Actor,
    model: RegisteredModel,
    version: ModelVersion | None = None,
    request: PromotionRequest | None = None,
    decision: Decision | None = None,
    source: str,
    severity: str,
    title: str,
    description: str = "",
    owner: User | None = None,
    due: date | None = None,
    blocks: Sequence[str] = (),
    blocks_model: bool = False,
) -> Finding:
    """Open a finding about a model. Call inside a transaction that holds the lock of the model.

    Args:
        actor: a person or token that may edit the model or decide on it, or a process.
        model: the model, locked.
        version: the version that it concerns; None for the model as a whole.
        request: the promotion request from which it comes.
        decision: the approval of which it is a condition; with the source `decision` only.
        source: a value of `Finding.Source`, except `signal`.
        severity: a value of `Finding.Severity`.
        title: what is wrong, in one line.
        description: details, in Markdown.
        owner: who is to correct it; the active owner of the model if None.
        due: last day on which it is not late; by severity (`DUE_DAYS`) if None.
        blocks: places that no version enters while the finding is not closed: slugs of protected stages, or "@" and a
            protected alias. The version only, or every version of the model where none is given.
        blocks_model: blocks every version of the model, although `version` is given.

    Returns:
        The finding.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may neither edit the model nor decide on it.
        ValidationFailedError: a value breaks a rule.
    """
    require_may_open(actor, model)
    today = clock.now().date()
    faults = ErrorCollector()
    if source not in Finding.Source.values or source == Finding.Source.SIGNAL:
        given = ", ".join(value for value in Finding.Source.values if value != Finding.Source.SIGNAL)
        faults.add("/source", "source", f"A source is one of: {given}. Findings of signals are opened by reports.")
    if severity not in Finding.Severity.values:
        faults.add("/severity", "severity", f"A severity is one of: {', '.join(Finding.Severity.values)}.")
    faults.clean_line("/title", title, MAX_TITLE, required=True)
    faults.clean_text("/description", description, MAX_DESCRIPTION)
    check_owner(faults, owner, model)
    check_due(faults, due, today)
    places = _checked_places(faults, blocks)
    faults.raise_if_any()
    finding = Finding(
        uid=uuid4(),
        model=model,
        version=version,
        request=request,
        decision=decision,
        source=source,
        severity=severity,
        title=title.strip(),
        description=description.strip(),
        owner=owner or model.active_owner,
        due=due or today + timedelta(days=DUE_DAYS[severity]),
        blocks=places,
        blocks_model=bool(places) and (blocks_model or version is None),
        opened_at=clock.now(),
    )
    assert finding.due is not None  # set above
    record_event(
        FINDING_OPENED,
        actor,
        finding,
        data={
            "source": source,
            "severity": severity,
            "due": finding.due.isoformat(),
            "owner": finding.owner.uid if finding.owner is not None else None,
            "blocks": list(places),
            "blocks_model": finding.blocks_model,
        },
        private={"title": finding.title, "description": finding.description},
    )
    finding.save(force_insert=True)
    settle_blocked(finding)
    return finding


def may_open(actor: Actor, model: RegisteredModel) -> access.Allowed | access.Denied:
    """Return whether the actor may open a finding: those who may edit the model or decide on it."""
    answer = access.check_permission(actor, access.Permission.EDIT, model)
    if isinstance(answer, access.Denied):
        deciding = access.check_permission(actor, access.Permission.DECIDE, model)
        return deciding if isinstance(deciding, access.Allowed) else answer
    return answer


def require_may_open(actor: Actor, model: RegisteredModel) -> None:
    """Require that the actor may open a finding.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not.
    """
    if isinstance(may_open(actor, model), access.Denied):
        access.require_permission(actor, access.Permission.EDIT, model)


def check_owner(faults: ErrorCollector, owner: User | None, model: RegisteredModel) -> None:
    """Refuse an owner who cannot correct the finding: an inactive account, a service account, or one that cannot see
    the model.
    """
    if owner is None:
        return
    if not owner.is_active or owner.kind == User.Kind.SERVICE:
        faults.add("/owner", "owner", f"{owner.name} has no active personal account: name another person.")
    elif not access.filter_users_with_permission([owner], access.Permission.VIEW, model):
        faults.add("/owner", "owner", f"{owner.name} cannot see {model.slug}: grant a role on the model first.")


def check_due(faults: ErrorCollector, due: date | None, today: date) -> None:
    """Refuse a due date in the past."""
    if due is not None and due < today:
        faults.add("/due", "past", f"{due} has passed: give today ({today}) or a later date.")


def record_event(
    action: str,
    actor: Actor,
    finding: Finding,
    *,
    reason: str | None = None,
    changes: Sequence[Change] = (),
    data: Mapping[str, Json] | None = None,
    private: Mapping[str, str] | None = None,
) -> Event:
    """Record an event of a finding in the stream of its model.

    Args:
        action: the event action.
        actor: who acts.
        finding: the finding, with its model.
        reason: the reason in the actor's words.
        changes: the changed fields.
        data: further facts.
        private: texts stored as commitments, by field name; empty ones are left out.
    """
    related = [ObjectRef("model", str(finding.model.uid))]
    if finding.version is not None:
        related.insert(0, ObjectRef("version", str(finding.version.uid)))
    if finding.request is not None:
        related.append(ObjectRef("promotion", str(finding.request.uid)))
    if finding.decision is not None:
        related.append(ObjectRef("decision", str(finding.decision.uid)))
    return recorder.record_event(
        action,
        actor=actor,
        target=ObjectRef("finding", str(finding.uid)),
        stream=f"model:{finding.model.uid}",
        related_objects=related,
        changes=[*changes, *(Change(key, None, PrivateValue(text)) for key, text in (private or {}).items() if text)],
        data=data,
        reason=reason,
    )


def settle_blocked(finding: Finding) -> None:
    """Enqueue the evaluation of the live requests whose verdict a finding can change, on commit."""
    if not finding.blocks and finding.source != Finding.Source.DECISION:
        return
    rows = PromotionRequest.objects.filter(model=finding.model_id, state__in=PromotionRequest.LIVE)
    for number in rows.order_by("pk").values_list("pk", flat=True):
        task_queue.enqueue_on_commit(task_queue.SETTLE_REQUEST, number)


def _checked_places(faults: ErrorCollector, blocks: Sequence[str]) -> list[str]:
    places: list[Any] = list(dict.fromkeys(blocks))
    if not places:
        return []
    stages = set(Stage.objects.filter(protected=True).values_list("slug", flat=True))
    aliases = {f"@{protection.name}" for protection in selectors.protected_aliases()}
    for place in places:
        if place not in stages | aliases:
            known = ", ".join(sorted(stages) + sorted(aliases))
            faults.add("/blocks", "place", f"“{place}” is no protected stage or alias. There are: {known}.")
    return places
