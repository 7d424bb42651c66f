"""Temporary roles, access requests (an open one, a granted one whose role ends soon, a denied one), a delegation."""

from __future__ import annotations

from datetime import timedelta

from audit import clock
from governance.development.demo.world import History, World
from governance.services import delegations
from registry import access
from registry.access import Role
from registry.services import access_requests

MODEL = "credit-risk-pd"


def histories(world: World) -> list[History]:
    """Return the histories of access in the last weeks."""
    return [_granted(world), _denied(world), _waits(world), _lent(world), _away(world)]


def _owner(world: World) -> str:
    owner = world.models[MODEL].owner
    assert owner is not None
    return owner.username


def _granted(world: World) -> History:
    """Nadia helps with the monitoring of another team's model; her role ends soon."""
    yield world.workday(21.6)
    with world.acting("nadia") as nadia:
        request = access_requests.create_access_request(
            actor=nadia,
            slug=MODEL,
            role=Role.DEVELOPER,
            purpose="Backtesting of the autumn cohorts, while Priya is on parental leave.",
            until=world.until + timedelta(days=9),
        )
    yield world.workday(20.4)
    with world.acting(_owner(world)) as owner:
        access_requests.grant(
            actor=owner,
            request=request,
            until=world.until + timedelta(days=6),
            reason="Until Priya is back; she takes over then.",
        )


def _away(world: World) -> History:
    """Marta is away for some weeks: Lea decides in her place on models of tier 1 and 2."""
    yield world.ago(12)
    with world.acting("marta") as marta:
        delegations.grant_delegation(
            actor=marta,
            delegate="lea",
            groups=["risk-team"],
            tiers=[1, 2],
            valid_until=world.until + timedelta(days=8),
            reason="At the supervisor's conference, then on leave.",
            password=world.password,
        )


def _denied(world: World) -> History:
    yield world.workday(13.5)
    with world.acting("mateo") as mateo:
        request = access_requests.create_access_request(
            actor=mateo, slug=MODEL, role=Role.OWNER, purpose="To change its tags for the migration of the pipelines."
        )
    yield world.workday(12.7)
    with world.acting(_owner(world)) as owner:
        access_requests.deny(
            actor=owner, request=request, reason="Developer is enough to change tags, and the pipeline is that already."
        )


def _waits(world: World) -> History:
    yield world.workday(1.4)
    with world.acting("mateo") as mateo:
        access_requests.create_access_request(
            actor=mateo,
            slug=MODEL,
            role=Role.REGISTRAR,
            purpose="Registering the retrained versions from the new pipeline, until its service account has the role.",
            until=world.until + timedelta(days=60),
        )


def _lent(world: World) -> History:
    """Lea reviews one model for three weeks."""
    yield world.workday(8.3)
    with world.acting(_owner(world)) as owner:
        access.grant_role(
            actor=owner,
            role=Role.VIEWER,
            model=world.models[MODEL],
            user=world.users["lea"],
            reason="Thematic review of scorecards.",
            expires_at=clock.now() + timedelta(days=21),
        )
