"""Who may do what with a model, and which of these permissions to review. For web and REST."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from audit import clock
from audit import selectors as log
from governance.gate import delegates, gate_inputs
from governance.gate.eligibility import eligibility_of, member
from governance.models import PromotionRequest
from governance.policies import Exclusion
from registry import access
from registry.access import EffectivePermissions, Explanation, Permission
from registry.actions import PERSON_SIGNED_IN
from registry.models import Grant, Membership, RegisteredModel, User

UNSEEN_FOR = timedelta(days=90)
"""Time without signing in after which a person's permissions should be reviewed."""
SOON = timedelta(days=14)
"""A grant that ends within this time is reported as ending soon."""

WRITES = (Permission.REGISTER_VERSION, Permission.EDIT, Permission.REQUEST_PROMOTION)


class AccessWarningKind(StrEnum):
    """Reasons to review permissions."""

    REQUESTS_AND_DECIDES = "asks_and_decides"
    UNSEEN = "unseen"
    DIRECT = "direct"
    SERVICE_WRITES = "service_writes"
    ENDS_SOON = "ends_soon"
    NO_OWNER = "no_owner"


@dataclass(frozen=True)
class AccessWarning:
    """A reason and the user it is about; `moment`: since when, or until when."""

    concern: AccessWarningKind
    person: User | None
    moment: datetime | None = None
    grant: Grant | None = None


def warnings_on(model: RegisteredModel, rights: Iterable[EffectivePermissions]) -> list[AccessWarning]:
    """Return which permissions on a model should be reviewed, by reason, then by name.

    Args:
        model: the registered model.
        rights: the effective permissions of users on it.
    """
    rights = list(rights)
    now = clock.now()
    found: list[AccessWarning] = []
    seen = log.last_occurrence_by_actor(PERSON_SIGNED_IN, [r.person.uid for r in rights])
    grouped = set(
        Membership.effective(now).filter(user__in=[r.person.pk for r in rights]).values_list("user_id", flat=True)
    )
    for each in rights:
        person = each.person
        if each.may(Permission.REQUEST_PROMOTION) and each.may(Permission.DECIDE):
            found.append(AccessWarning(AccessWarningKind.REQUESTS_AND_DECIDES, person))
        if person.kind == User.Kind.SERVICE:
            if any(each.may(permission) for permission in WRITES):
                found.append(AccessWarning(AccessWarningKind.SERVICE_WRITES, person))
            continue
        last = seen.get(person.uid)
        if (last or person.created_at) < now - UNSEEN_FOR:
            found.append(AccessWarning(AccessWarningKind.UNSEEN, person, last))
        direct = any(path.direct for explanation in each.by_permission.values() for path in explanation.paths)
        if direct and person.pk not in grouped:
            found.append(AccessWarning(AccessWarningKind.DIRECT, person))
    ending = Grant.effective(now).filter(model=model, expires_at__lte=now + SOON).select_related("user", "group")
    found += [
        AccessWarning(AccessWarningKind.ENDS_SOON, g.user, g.expires_at, g) for g in ending.order_by("expires_at")
    ]
    if not any(r.may(Permission.GRANT_ROLE) and r.person.kind == User.Kind.PERSON and _owns(r) for r in rights):
        found.append(AccessWarning(AccessWarningKind.NO_OWNER, None))
    order = list(AccessWarningKind)
    return sorted(found, key=lambda w: (order.index(w.concern), w.person.name if w.person else ""))


def _owns(rights: EffectivePermissions) -> bool:
    paths = rights.by_permission[Permission.GRANT_ROLE].paths
    return any(path.grant is not None and path.grant.role == access.Role.OWNER for path in paths)


@dataclass(frozen=True)
class Origin:
    """Who granted a role or added a member: the event, and the actor's id in the audit log."""

    event: uuid.UUID
    actor: str


def origins(explanations: Iterable[Explanation]) -> dict[uuid.UUID, Origin]:
    """Return the origin of each grant and membership behind these explanations, by its uid. At most two queries."""
    rows: dict[uuid.UUID, uuid.UUID] = {}
    for explanation in explanations:
        for path in explanation.paths:
            for row in (path.grant, path.membership):
                if row is not None:
                    rows[row.uid] = row.opened_event
    who = log.actor_ids_by_event(set(rows.values())) if rows else {}
    return {uid: Origin(event, who.get(event, "")) for uid, event in rows.items()}


@dataclass(frozen=True)
class OnRequest:
    """Whether a person may decide on one promotion request, and the reasons against it."""

    request: PromotionRequest
    explanation: Explanation
    excluded: Exclusion | None
    groups: tuple[str, ...]
    """Groups the policy requires and in which the person counts."""
    called: tuple[str, ...]
    """All groups the policy requires."""
    in_place_of: tuple[str, ...] = ()
    """Names of the members in whose place the person may decide, by delegations."""

    @property
    def allowed(self) -> bool:
        if not self.request.is_live:
            return False
        own = self.explanation.allowed and self.excluded is None and bool(self.groups)
        return own or bool(self.in_place_of)


def on_request(person: User, request: PromotionRequest) -> OnRequest:
    """Evaluate whether a person may decide on a request: permission, separation of duties, and the policy's groups.

    Args:
        person: the user.
        request: the promotion request.
    """
    document = gate_inputs.get_policy_document(request)
    called = tuple(dict.fromkeys(rule.group for rule in document.approvals)) if document is not None else ()
    eligibility = eligibility_of(member(person), request, called)
    return OnRequest(
        request=request,
        explanation=access.explain(person, Permission.DECIDE, request.model),
        excluded=eligibility.excluded,
        groups=tuple(group for group in called if group in eligibility.groups),
        called=called,
        in_place_of=_in_place_of(person, request),
    )


def _in_place_of(person: User, request: PromotionRequest) -> tuple[str, ...]:
    """Return the members in whose place a person may decide on a live request; one query without a delegation."""
    document = gate_inputs.get_policy_document(request)
    if document is None or not request.is_live or not delegates.delegations_to([person.pk]):
        return ()
    found = gate_inputs.reviewers(request, document)
    return tuple(r.delegator for r in found if r.uid == person.uid and r.on_behalf_of and r.groups and not r.excluded)
