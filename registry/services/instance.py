"""The set-up of this installation: its confirmation by two officers, or the declaration of a single officer."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.db import transaction

from audit import clock, recorder
from audit.actions import Action
from audit.actor import Actor
from audit.recorder import Change, ObjectRef
from registry import access
from registry.actions import INSTANCE_CREATED, SETUP_CONFIRMED, SINGLE_OFFICER_DECLARED, SINGLE_OFFICER_ENDED
from registry.exceptions import InvalidStateError
from registry.models import ChangeProposal, Instance
from registry.services import change_proposals
from registry.services.change_kinds import ChangeKind, officers, register_kind
from registry.validation import ErrorCollector


@transaction.atomic
def record_instance(*, actor: Actor) -> Instance:
    """Record this installation, with its set-up unconfirmed. Returns the existing row if it was recorded."""
    found = Instance.objects.select_for_update(no_key=True).first()
    if found is not None:
        return found
    made = Instance(uid=uuid4(), created_at=clock.now())
    recorder.record_event(INSTANCE_CREATED, actor=actor, target=_ref(made), stream="organisation")
    made.save(force_insert=True)
    return made


@transaction.atomic
def declare_single_officer(*, actor: Actor, reason: str) -> Instance:
    """Declare that one officer decides changes of governance alone; pages, promotions and documents then state it.

    A process of the set-up may declare it before the set-up is confirmed; afterwards the one active officer may, by a
    command on the machine (`auth` "command"), so that an organisation whose other officers left is not locked out.

    Raises:
        PermissionDeniedError: the actor is neither exempt nor an officer who runs a command.
        InvalidStateError: there are several active officers.
        ValidationFailedError: the reason is empty.
    """
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    if not change_proposals.is_exempt(actor):
        access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
        if actor.auth != "command":
            change_proposals.require_exempt(actor, "Declaring a single officer")
    row = record_instance(actor=actor)
    if row.single_officer:
        return row
    if officers().count() > 1:
        raise InvalidStateError(
            "There are several active officers: two of them confirm a change together.", code="several_officers"
        )
    return _write(row, actor, SINGLE_OFFICER_DECLARED, why, single_officer=True)


@transaction.atomic
def end_single_officer(*, actor: Actor, reason: str) -> Instance:
    """Declare that there is more than one officer: from now on a change needs two.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_POLICIES.
        InvalidStateError: fewer than two officers are active.
        ValidationFailedError: the reason is empty.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    row = record_instance(actor=actor)
    if not row.single_officer:
        return row
    if officers().count() < 2:
        raise InvalidStateError("Appoint a second officer first.", code="one_officer")
    return _write(row, actor, SINGLE_OFFICER_ENDED, why, single_officer=False)


def propose_setup_confirmation(*, actor: Actor, reason: str) -> ChangeProposal:
    """Propose to confirm the initial set-up of the installation; a second officer confirms it.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_POLICIES.
        InvalidStateError: the set-up is already confirmed.
        ConflictError: the confirmation is already proposed.
        ValidationFailedError: the reason is empty.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    row = record_instance(actor=actor)
    if row.setup_confirmed_at is not None:
        raise InvalidStateError("The set-up was confirmed already.", code="unchanged")
    return change_proposals.propose(
        actor=actor,
        kind=SETUP_CONFIRMATION,
        subject=_ref(row),
        title="Confirm the set-up of this installation",
        payload={"in_force": setup_in_force()},
        reason=reason,
    )


def setup_in_force() -> list[dict[str, Any]]:
    """Return what two officers confirm: the accounts that govern now, and the lines of `describe_setup`."""
    return [line for describe in _describers for line in describe()]


Describe = Callable[[], list[dict[str, Any]]]
_describers: list[Describe] = []


def describe_setup(describe: Describe) -> Describe:
    """Register a function that returns lines (dicts with `type`, `name` and `detail`) about what the set-up put in
    force.
    """
    _describers.append(describe)
    return describe


@describe_setup
def _officers_in_force() -> list[dict[str, Any]]:
    people = access.holders_in_organisation(access.OrgPermission.MANAGE_PEOPLE)
    named = [("officer", officers()), ("administrator", people)]
    return [
        {"type": role, "name": user.username, "detail": user.name}
        for role, users in named
        for user in users.order_by("username")
    ]


def _confirm_setup(actor: Actor, proposal: ChangeProposal) -> list[ObjectRef]:
    row = record_instance(actor=actor)
    if row.setup_confirmed_at is not None:
        raise InvalidStateError("The set-up was confirmed already.", code="unchanged")
    _write(row, actor, SETUP_CONFIRMED, proposal.reason, setup_confirmed_at=clock.now())
    return [_ref(row)]


SETUP_CONFIRMATION = register_kind(
    ChangeKind(
        name="instance.setup",
        label="Confirmation of the set-up",
        needed="a second officer",
        apply=_confirm_setup,
    )
)


def _write(row: Instance, actor: Actor, action: Action, reason: str, **values: Any) -> Instance:
    recorder.record_event(
        action,
        actor=actor,
        target=_ref(row),
        stream="organisation",
        changes=[Change(name, _plain(getattr(row, name)), _plain(value)) for name, value in values.items()],
        reason=reason,
    )
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    return row


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _ref(row: Instance) -> ObjectRef:
    return ObjectRef("instance", str(row.uid))
