"""Changes of who governs, by two people: the roles officer and administrator, and membership of governing groups.

A group governs if it has one of those roles, or if policies require it (governance registers that with
`groups.register_calling`). One person proposes the change, a second officer who is not concerned confirms it;
`change_proposals.is_exempt` defines the exemptions. All other changes take effect at once.

Source: dual authorisation, NIST SP 800-53 rev. 5, AC-3(2) and AC-5.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from audit import clock
from audit.actor import Actor
from audit.recorder import ObjectRef
from registry import access
from registry.access import Role
from registry.exceptions import InvalidStateError
from registry.models import ChangeProposal, Grant, Membership, RegisteredModel, ReviewerGroup, User
from registry.services import change_proposals, groups
from registry.services.change_kinds import ChangeKind, register_kind


def give_role(
    *,
    actor: Actor,
    role: Role | str,
    model: RegisteredModel | None = None,
    user: User | None = None,
    group: ReviewerGroup | None = None,
    reason: str,
    expires_at: datetime | None = None,
) -> Grant | ChangeProposal:
    """Grant a role as `access.grant_role` does, or propose it if a second officer is needed.

    Args:
        actor: the person or process that grants it.
        role: the role.
        model: the model; None for the whole organisation.
        user: the account that receives the role, or
        group: the group that receives it.
        reason: kept with the event.
        expires_at: end of the role; None for no end.

    Returns:
        The grant, or the proposal that waits. If a single officer decides, the proposal is confirmed.

    Raises:
        DomainError: see `access.grant_role` and `change_proposals.propose`.
    """
    given: dict[str, Any] = {"role": role, "user": user, "group": group, "reason": reason, "expires_at": expires_at}
    if not access.is_governing(role, model) or change_proposals.is_exempt(actor):
        return access.grant_role(actor=actor, model=model, **given)
    access.check_organisation_role(actor=actor, **given)
    holder = user or group
    assert holder is not None  # check_organisation_role() refuses anything else
    return change_proposals.propose(
        actor=actor,
        kind=ORGANISATION_ROLE,
        subject=ObjectRef("person", user.uid) if user is not None else ObjectRef("group", str(holder.uid)),
        title=f"{holder} becomes {role} of the organisation",
        payload={
            "role": str(role),
            "to": "person" if user is not None else "group",
            "name": user.username if user is not None else str(group),
            "uid": str(holder.uid),
            "until": expires_at.isoformat() if expires_at is not None else None,
        },
        reason=reason,
    )


def add_member(
    *,
    actor: Actor,
    group: ReviewerGroup,
    user: User,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    deputy: bool = False,
    reason: str,
) -> Membership | ChangeProposal:
    """Add a person to a group as `groups.add_member` does, or propose it if a second officer is needed.

    Args and Raises: see `groups.add_member` and `change_proposals.propose`.

    Returns:
        The membership, or the proposal that waits. If a single officer decides, the proposal is confirmed.
    """
    given: dict[str, Any] = {
        "group": group,
        "user": user,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "reason": reason,
    }
    if not groups.is_governing(group) or change_proposals.is_exempt(actor):
        return groups.add_member(actor=actor, deputy=deputy, **given)
    groups.check_membership(actor=actor, **given)
    return change_proposals.propose(
        actor=actor,
        kind=GROUP_MEMBERSHIP,
        subject=ObjectRef("person", user.uid),
        title=f"{user} joins {group.name}" + (" as a deputy" if deputy else ""),
        payload={
            "group": group.slug,
            "name": user.username,
            "uid": user.uid,
            "from": valid_from.isoformat() if valid_from is not None else None,
            "until": valid_until.isoformat() if valid_until is not None else None,
            **({"deputy": True} if deputy else {}),
        },
        reason=reason,
    )


def _give_proposed(actor: Actor, proposal: ChangeProposal) -> Sequence[ObjectRef]:
    """Grant the role of a confirmed proposal. Its proposer must still be allowed to grant it."""
    access.require_in_organisation(access.actor_for(proposal.proposed_by), access.OrgPermission.MANAGE_PEOPLE)
    payload = proposal.payload
    user = User.objects.get(uid=payload["uid"]) if payload["to"] == "person" else None
    group = ReviewerGroup.objects.get(uid=payload["uid"]) if user is None else None
    made = access.grant_confirmed_role(
        actor=actor,
        role=payload["role"],
        user=user,
        group=group,
        reason=proposal.reason,
        expires_at=_moment(payload["until"]),
    )
    return [ObjectRef("grant", str(made.uid))]


def _add_proposed(actor: Actor, proposal: ChangeProposal) -> Sequence[ObjectRef]:
    """Create the membership of a confirmed proposal; it begins with the confirmation if the proposed beginning has
    passed.
    """
    access.require_in_organisation(access.actor_for(proposal.proposed_by), access.OrgPermission.MANAGE_GROUPS)
    payload = proposal.payload
    begins, ends = _moment(payload["from"]), _moment(payload["until"])
    if ends is not None and ends <= clock.now():
        raise InvalidStateError("The membership would be over already: propose it again.", code="membership_over")
    made = groups.add_member(
        actor=actor,
        group=ReviewerGroup.objects.get(slug=payload["group"]),
        user=User.objects.get(uid=payload["uid"]),
        valid_from=begins if begins is not None and begins > clock.now() else None,
        valid_until=ends,
        deputy=bool(payload.get("deputy")),
        reason=proposal.reason,
        proposed_by=proposal.proposed_by,
    )
    return [ObjectRef("membership", str(made.uid))]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _concerned(proposal: ChangeProposal) -> Mapping[str, str]:
    """Return the people a change is about: the person, or the members of the group, including those whose membership
    begins later.
    """
    payload = proposal.payload
    if payload.get("to") == "group":
        members = Membership.effective_or_later(clock.now()).filter(group__uid=payload["uid"])
        return dict.fromkeys(members.values_list("user__uid", flat=True), "you are a member of the group")
    return {payload["uid"]: "it is about you"}


ORGANISATION_ROLE = register_kind(
    ChangeKind(
        name="organisation.role",
        label="Governing role",
        needed="a second officer",
        apply=_give_proposed,
        excluded=_concerned,
    )
)
GROUP_MEMBERSHIP = register_kind(
    ChangeKind(
        name="group.membership",
        label="Membership of a group that governs",
        needed="a second officer",
        apply=_add_proposed,
        excluded=_concerned,
    )
)
