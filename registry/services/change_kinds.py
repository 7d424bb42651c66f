"""The kinds of change that need two people, and who confirms each. `change_proposals` carries them through."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import QuerySet

from audit.actor import Actor
from audit.recorder import ObjectRef
from registry import access
from registry.models import ChangeProposal, User

_kinds: dict[str, "ChangeKind"] = {}


def _exclude_no_one(proposal: ChangeProposal) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class ChangeKind:
    """A kind of change that needs a second person.

    Attributes:
        name: noun of the change, stored with each proposal ("policy.publication").
        label: name shown on pages.
        needed: what a confirmer has to be, completing "… is confirmed by" in an error message.
        apply: applies the change in the transaction of the confirmation, with its own events; the actor is the
            confirming person. Returns the changed objects. Raises a domain error if the change is no longer possible.
        confirmers: the active accounts whose role lets them confirm, before exclusions; officers by default.
        excluded: why certain people may not confirm, by uid; the proposer is always excluded.
    """

    name: str
    label: str
    needed: str
    apply: Callable[[Actor, ChangeProposal], Sequence[ObjectRef]]
    confirmers: Callable[[ChangeProposal], QuerySet[User]] = field(default=lambda proposal: officers())
    excluded: Callable[[ChangeProposal], Mapping[str, str]] = field(default=_exclude_no_one)


def register_kind(kind: ChangeKind) -> ChangeKind:
    """Register a kind.

    Raises:
        ValueError: another kind has the name.
    """
    if _kinds.setdefault(kind.name, kind) is not kind:
        raise ValueError(f"There is a kind of change named {kind.name!r} already.")
    return kind


def kind_of(proposal: ChangeProposal) -> ChangeKind:
    """Return the registered kind of a proposal."""
    return _kinds[proposal.kind]


def officers() -> QuerySet[User]:
    """Return the active officers without superusers: the people who confirm changes of governance."""
    holders = access.holders_in_organisation(access.OrgPermission.MANAGE_POLICIES)
    return holders.filter(is_superuser=False, kind=User.Kind.PERSON)
