"""Waivers of checks: granted with a signature, revoked, and ended when their time is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import uuid4

from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor, ActorKind
from audit.leaf import Json, timestamp
from audit.models import Event
from audit.recorder import Change, ObjectRef, PrivateValue
from governance import promotions
from governance.actions import WAIVER_EXPIRED, WAIVER_GRANTED, WAIVER_REVOKED
from governance.gate import gate_inputs
from governance.gate.waiver_facts import (
    is_waivable_result,
    who_may_waive,
    why_not_waivable,
)
from governance.models import CheckRun, PromotionRequest, Waiver
from governance.policies import CheckRule, Reviewer
from governance.policies.waivable import Waivable, covers_findings
from governance.promotions.executing import GATE
from governance.promotions.locks import lock_promotion
from governance.promotions.recording import require_open
from registry import access
from registry.exceptions import (
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
)
from registry.models import User
from registry.services import sign_in
from registry.services.version_lock import lock_version
from registry.validation import ErrorCollector

MIN_TEXT: Final = 20
"""Characters of the reason and of the compensating control at least."""
MAX_TEXT: Final = 10_000
MEANING: Final = "I accept the risk of this waiver for its time, with the compensating control that is named."


@dataclass(frozen=True)
class WaiverSignature:
    """The password that the person enters again for a waiver. Never stored and not part of the repr."""

    password: str

    def __repr__(self) -> str:
        return "WaiverSignature()"


@dataclass(frozen=True)
class WaivableCheck:
    """A check of a request with what is needed to waive it.

    Attributes:
        rule: the check in the combined policy.
        run: its latest run; None if it has none.
        obstacle: why the check cannot be waived now; empty if it can.
        people: who may grant the waiver, and who is excluded and why.
        codes: codes of the findings above `info`.
    """

    rule: CheckRule
    run: CheckRun | None
    obstacle: str
    people: tuple[Reviewer, ...]
    codes: tuple[str, ...]

    @property
    def who_can(self) -> tuple[str, ...]:
        """Names of those who may grant the waiver."""
        return tuple(person.name for person in self.people if person.excluded is None)

    @property
    def latest_day(self) -> date | None:
        """The last day on which a waiver granted now may be valid; None if the check is not waivable."""
        return _last_day(self.rule.waivable, clock.now()) if self.rule.waivable is not None else None


def waivable_check(request: PromotionRequest, check: str) -> WaivableCheck:
    """Return a check of a request with what is needed to waive it.

    Args:
        request: the promotion request.
        check: slug of the check.

    Raises:
        NotFoundError: the policies of the request do not name the check.
    """
    document = gate_inputs.get_policy_document(request)
    rule = next((rule for rule in document.checks if rule.check == check), None) if document is not None else None
    if rule is None:
        raise NotFoundError(f"The policies of request #{request.pk} name no check {check}.")
    run = gate_inputs.latest_runs(request).get(check)
    found = run.findings if run is not None else []
    codes = tuple(sorted({str(f.get("code")) for f in found if f.get("severity") != "info"}))
    return WaivableCheck(rule, run, _obstacle(request, rule, run), who_may_waive(request, rule), codes)


def _obstacle(request: PromotionRequest, rule: CheckRule, run: CheckRun | None) -> str:
    if not request.is_live:
        return "The request is closed."
    if rule.mode != "required":
        return "An advisory check blocks nothing, so there is nothing to waive."
    if run is not None and (never := why_not_waivable(run)):
        return never
    if rule.waivable is None:
        return f"The policies of this request do not make {rule.check} waivable."
    if run is None or not is_waivable_result(run):
        return "The check is satisfied, or has no result yet."
    return ""


def grant(
    *,
    actor: Actor,
    request: PromotionRequest,
    check: str,
    codes: Sequence[str] = (),
    reason: str,
    control: str,
    until: date,
    inputs_digest: str,
    signature: WaiverSignature,
) -> Waiver:
    """Waive an unsatisfied check of a version until the end of a day, and evaluate its requests again.

    Args:
        actor: the person who accepts the risk, signed in.
        request: a live request of the version.
        check: slug of the check.
        codes: codes of findings to which the waiver is limited; empty for the whole check.
        reason: why the check is not satisfied, and why that is acceptable for this time.
        control: what limits the risk meanwhile.
        until: the last day (UTC) on which it is valid.
        inputs_digest: the inputs of the result that the person was shown.
        signature: the password, entered for this waiver.

    Returns:
        The waiver.

    Raises:
        NotFoundError: the model is not visible to the actor, or no policy of the request names the check.
        PermissionDeniedError: the actor may not waive it; names the separation-of-duties rule where one applies.
        InvalidStateError: the request is closed, or the check cannot be waived (`not_waivable`), or it has another
            result than the person was shown (`result_changed`).
        ValidationFailedError: a value breaks a rule, or the password is wrong.
    """
    access.require_permission(actor, access.Permission.VIEW, request.model)
    person = _signing_person(actor)
    method = sign_in.reauthenticate(person, signature.password, pointer="/password")
    with transaction.atomic():
        locked = lock_promotion(request.pk)
        require_open(locked.request)
        found = waivable_check(locked.request, check)
        reviewer = _require_eligible(person, found)
        if found.obstacle:
            raise InvalidStateError(found.obstacle, code="not_waivable")
        run, now = found.run, clock.now()
        assert run is not None
        assert found.rule.waivable is not None
        assert found.latest_day is not None
        if run.inputs_digest != inputs_digest:
            raise InvalidStateError(
                "The check ran again while you were reading: look at its result, then decide again.",
                code="result_changed",
            )
        valid_until = min(_end_of(until), now + timedelta(days=found.rule.waivable.max_days))
        faults = ErrorCollector()
        for pointer, text in (("/reason", reason), ("/control", control)):
            faults.clean_text(pointer, text, MAX_TEXT, required=True)
            if text.strip() and len(text.strip()) < MIN_TEXT:
                faults.add(pointer, "too_short", f"Write at least {MIN_TEXT} characters.")
        if until < now.date():
            faults.add("/until", "past", f"{until} has passed: give today or a later date.")
        elif until > found.latest_day:
            faults.add(
                "/until",
                "too_long",
                f"The policy allows at most {found.rule.waivable.max_days} days: give {found.latest_day} or an "
                "earlier date.",
            )
        _check_codes(faults, codes, found)
        faults.raise_if_any()
        waiver = Waiver(
            uid=uuid4(),
            model=locked.model,
            version=locked.version,
            request=locked.request,
            check_slug=check,
            codes=sorted(set(codes)),
            fingerprint=locked.version.fingerprint,
            inputs_digest=run.inputs_digest,
            reason=reason.strip(),
            control=control.strip(),
            accepted_by=person,
            groups=sorted(reviewer.groups),
            signed_name=person.name,
            signed_meaning=MEANING,
            signed_method=method,
            granted_at=now,
            valid_until=valid_until,
        )
        event = _record(
            WAIVER_GRANTED,
            actor,
            waiver,
            data={
                "check": check,
                "codes": list(waiver.codes),
                "fingerprint": waiver.fingerprint,
                "inputs": waiver.inputs_digest,
                "valid_until": timestamp(valid_until),
                "groups": list(waiver.groups),
                "method": str(waiver.signed_method),
                "meaning": MEANING,
                "policy_digests": list(locked.request.policy_digests),
            },
            private={"reason": waiver.reason, "control": waiver.control, "signed_name": person.name},
        )
        waiver.event = event.event_id
        waiver.save(force_insert=True)
        promotions.rebind_requests(locked.version, actor=GATE)
        return waiver


def may_revoke(*, actor: Actor, waiver: Waiver) -> access.Allowed | access.Denied:
    """Return whether the actor may revoke a waiver: a person, signed in, who may decide on the model."""
    if actor.kind is not ActorKind.PERSON:
        return access.Denied(lambda _: "Waivers are revoked by people, signed in.", code="person_required")
    return access.check_permission(actor, access.Permission.DECIDE, waiver.model)


@transaction.atomic
def revoke(*, actor: Actor, waiver: Waiver, reason: str) -> Waiver:
    """End a waiver, and evaluate the requests of its version again.

    Args:
        actor: the person; see `may_revoke`.
        waiver: the waiver.
        reason: why; kept with the waiver.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not decide on the model.
        InvalidStateError: it has ended already.
        ValidationFailedError: the reason is empty.
    """
    access.require_permission(actor, access.Permission.VIEW, waiver.model)
    if isinstance(answer := may_revoke(actor=actor, waiver=waiver), access.Denied):
        raise answer.refusal()
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    person = access.require_person(actor)
    row = _locked(waiver)
    if not row.is_in_force(clock.now()):
        raise InvalidStateError("This waiver has ended already.", code="waiver_ended")
    _record(WAIVER_REVOKED, actor, row, reason=why)
    row.ended_at, row.ended_by, row.end, row.end_reason = clock.now(), person, Waiver.End.REVOKED, why
    row.save(update_fields=["ended_at", "ended_by", "end", "end_reason"])
    promotions.rebind_requests(row.version, actor=GATE)
    return row


def end_expired() -> int:
    """Record the end of waivers whose time is over, and evaluate the requests of their versions again.

    They stopped counting when their time ended; this records it.

    Returns:
        How many ended.
    """
    rows = Waiver.objects.filter(ended_at__isnull=True, valid_until__lte=clock.now()).select_related("version")
    return sum(_expire(row) for row in rows.order_by("valid_until")[:500])


@transaction.atomic
def _expire(waiver: Waiver) -> bool:
    row = _locked(waiver)
    if row.ended_at is not None:
        return False
    _record(WAIVER_EXPIRED, GATE, row)
    row.ended_at, row.end = clock.now(), Waiver.End.EXPIRED
    row.save(update_fields=["ended_at", "end"])
    promotions.rebind_requests(row.version, actor=GATE)
    return True


def _signing_person(actor: Actor) -> User:
    person = access.person_of(actor)
    if actor.kind is not ActorKind.PERSON or person is None:
        raise PermissionDeniedError(
            "Tokens and processes cannot waive a check: a person signs in and enters the password again.",
            code="person_required",
        )
    return person


def _require_eligible(person: User, found: WaivableCheck) -> Reviewer:
    reviewer = next((one for one in found.people if one.uid == person.uid), None)
    if reviewer is not None and reviewer.excluded is not None:
        raise PermissionDeniedError(
            f"{reviewer.excluded.reason}, so a waiver of theirs cannot count ({reviewer.excluded.rule}).",
            code="separation_of_duties",
            rule=reviewer.excluded.rule,
            who_can=found.who_can,
        )
    if reviewer is None or not reviewer.groups:
        if found.rule.waivable is None:
            raise InvalidStateError(found.obstacle, code="not_waivable")
        groups = " or ".join(found.rule.waivable.by)
        raise PermissionDeniedError(
            f"{found.rule.check} is waived by members of {groups} who may decide on the model.",
            code="not_a_reviewer",
            who_can=found.who_can,
        )
    return reviewer


def _check_codes(faults: ErrorCollector, codes: Collection[str], found: WaivableCheck) -> None:
    unknown = sorted(set(codes) - set(found.codes))
    if unknown:
        known = ", ".join(found.codes) or "none"
        faults.add("/codes", "codes", f"The result has no finding {', '.join(unknown)}. It has: {known}.")
    elif found.run is not None and not covers_findings(codes, found.run.findings):
        left = ", ".join(sorted(set(found.codes) - set(codes)))
        faults.add(
            "/codes", "codes", f"The check would still fail because of {left}: include it, or waive the whole check."
        )


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=clock.now().tzinfo)


def _last_day(waivable: Waivable, now: datetime) -> date:
    """Return the last day whose end is within the time that the policy allows, at least today."""
    return max(now.date(), (now + timedelta(days=waivable.max_days)).date() - timedelta(days=1))


def _locked(waiver: Waiver) -> Waiver:
    model, version = lock_version(waiver.version)
    row = Waiver.objects.get_for_update(waiver.pk)
    row.model, row.version = model, version
    return row


def _record(
    action: str,
    actor: Actor,
    waiver: Waiver,
    *,
    reason: str | None = None,
    data: dict[str, Json] | None = None,
    private: dict[str, str] | None = None,
) -> Event:
    return recorder.record_event(
        action,
        actor=actor,
        target=ObjectRef("waiver", str(waiver.uid)),
        stream=f"model:{waiver.model.uid}",
        related_objects=[
            ObjectRef("promotion", str(waiver.request.uid)),
            ObjectRef("version", str(waiver.version.uid)),
            ObjectRef("model", str(waiver.model.uid)),
        ],
        changes=[Change(key, None, PrivateValue(text)) for key, text in (private or {}).items() if text],
        data=data,
        reason=reason,
    )
