"""Replays of drafts, as a reader may see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit import canonical
from audit.actor import Actor
from governance.models import PolicyReplay
from registry import access
from registry.exceptions import NotFoundError
from registry.models import ChangeProposal


@dataclass(frozen=True)
class ReplayPage:
    """A replay with the rows that the reader may see. `hidden`: how many rows concern models they may not see."""

    replay: PolicyReplay
    rows: Sequence[Mapping[str, Any]]
    hidden: int
    is_intact: bool
    """Whether the stored result has the digest that was stored with it."""


def policy_replay(actor: Actor, number: int) -> PolicyReplay:
    """Return a replay.

    Args:
        actor: a reader of the organisation's log or an administrator, as for proposals of policies.
        number: its number.

    Raises:
        NotFoundError: there is none that the actor may read.
    """
    found = PolicyReplay.objects.filter(pk=number).select_related("requested_by").first()
    readers = (access.OrgPermission.READ_AUDIT, access.OrgPermission.MANAGE_PEOPLE)
    if found is None or actor.models is not None or not any(access.check_org_permission(actor, one) for one in readers):
        raise NotFoundError(f"There is no replay {number} that you may read.")
    return found


def replay_page(actor: Actor, number: int, *, outcome: str = "", part: str = "") -> ReplayPage:
    """Return a replay with its rows of the models visible to the actor.

    Args:
        actor: who reads.
        number: its number.
        outcome: only rows with this outcome; all if empty.
        part: only rows of this part; all if empty.

    Raises:
        NotFoundError: there is none that the actor may read.
    """
    found = policy_replay(actor, number)
    result = found.result or {}
    rows = result.get("rows", [])
    models = {row["model_id"] for row in rows}
    seen = set(access.visible_models(actor).filter(pk__in=models).values_list("pk", flat=True))
    visible = [row for row in rows if row["model_id"] in seen]
    shown = [row for row in visible if outcome in ("", row["outcome"]) and part in ("", row["part"])]
    intact = not result or canonical.digest(result) == found.digest
    return ReplayPage(found, shown, len(rows) - len(visible), intact)


def replay_of_proposal(proposal: ChangeProposal) -> tuple[Mapping[str, Any], bool] | None:
    """Return what a proposal records of a replay, and whether the stored result still has the recorded digest.

    Args:
        proposal: a proposal that the actor may read.

    Returns:
        None if the proposal names no replay.
    """
    recorded = proposal.payload.get("replay")
    if not isinstance(recorded, dict):
        return None
    found = PolicyReplay.objects.filter(pk=int(recorded["number"])).first()
    intact = found is not None and found.result is not None and canonical.digest(found.result) == recorded["digest"]
    return recorded, intact
