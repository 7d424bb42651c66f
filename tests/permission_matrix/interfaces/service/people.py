"""Roles, groups, accounts and policies."""

from __future__ import annotations

from audit.actor import Actor
from governance import selectors as gate
from governance.services import policies, policy_replays, policy_terms
from registry import access, selectors
from registry.access import Role
from registry.services import (
    access_requests,
    change_proposals,
    governing,
    groups,
    handover,
    instance,
    lifecycle,
    passkeys,
    people,
    second_factors,
    sign_in_links,
    signing_locks,
)
from tests import factories
from tests.permission_matrix import actors, inputs
from tests.permission_matrix.actors import World
from tests.permission_matrix.interfaces.service.interface import NEW_PASSWORD, SERVICE, WHY


@SERVICE.at("give a role on the model")
def _(world: World, actor: Actor) -> None:
    access.grant_role(actor=actor, role=Role.VIEWER, model=world.model, user=world.person("second"), reason=WHY)


@SERVICE.at("take a role on the model")
def _(world: World, actor: Actor) -> None:
    access.revoke_role(actor=actor, grant=world.grant("here"), reason=WHY)


@SERVICE.at("read others' rights on the model")
def _(world: World, actor: Actor) -> None:
    selectors.require_reading_rights(actor, world.model)


@SERVICE.at("ask for a role")
def _(world: World, actor: Actor) -> None:
    access_requests.create_access_request(actor=actor, slug="somewhere-else", role=Role.VIEWER, purpose=WHY)


@SERVICE.at("list access requests")
def _(world: World, actor: Actor) -> None:
    access.require_person(actor)
    selectors.access_requests(actor)


@SERVICE.at("view another person's access request")
def _(world: World, actor: Actor) -> None:
    selectors.access_request(actor, world.access_request.pk)


@SERVICE.at("grant an access request")
def _(world: World, actor: Actor) -> None:
    access_requests.grant(actor=actor, request=world.access_request)


@SERVICE.at("deny an access request")
def _(world: World, actor: Actor) -> None:
    access_requests.deny(actor=actor, request=world.access_request, reason=WHY)


@SERVICE.at("withdraw others' access requests")
def _(world: World, actor: Actor) -> None:
    access_requests.withdraw(actor=actor, request=world.access_request)


@SERVICE.at("give a role in the organisation")
def _(world: World, actor: Actor) -> None:
    access.grant_role(actor=actor, role=Role.VIEWER, user=world.person("second"), reason=WHY)


@SERVICE.at("give oneself a role")
def _(world: World, actor: Actor) -> None:
    access.grant_role(actor=actor, role=Role.VIEWER, user=access.person_of(actor), reason=WHY)


@SERVICE.at("propose a policy")
def _(world: World, actor: Actor) -> None:
    policies.propose(actor=actor, source=actors.ANOTHER_POLICY, reason=WHY)


@SERVICE.at("retire a policy")
def _(world: World, actor: Actor) -> None:
    policy_terms.propose_retirement(actor=actor, slug="matrix-production", reason=WHY)


@SERVICE.at("cancel a scheduled change")
def _(world: World, actor: Actor) -> None:
    policy_terms.cancel_scheduled(actor=actor, slug="matrix-later", reason=WHY)


@SERVICE.at("replay a draft")
def _(world: World, actor: Actor) -> None:
    policy_replays.request_replay(actor=actor, source=actors.ANOTHER_POLICY, since=world.replay.since)


@SERVICE.at("view a replay")
def _(world: World, actor: Actor) -> None:
    gate.replay_page(actor, world.replay.pk)


@SERVICE.at("protect an alias")
def _(world: World, actor: Actor) -> None:
    lifecycle.propose_alias_protection(actor=actor, name="blue", protected=True, stage=None, reason=WHY)


@SERVICE.at("propose to loosen an alias")
def _(world: World, actor: Actor) -> None:
    lifecycle.propose_alias_protection(actor=actor, name="champion", protected=False, stage=None, reason=WHY)


@SERVICE.at("revise a policy")
def _(world: World, actor: Actor) -> None:
    policies.propose(actor=actor, source=actors.REVISED, reason=WHY)


@SERVICE.at("propose to confirm the set-up")
def _(world: World, actor: Actor) -> None:
    instance.propose_setup_confirmation(actor=actor, reason=WHY)


@SERVICE.at("require two officers")
def _(world: World, actor: Actor) -> None:
    instance.end_single_officer(actor=actor, reason=WHY)


@SERVICE.at("list change proposals")
def _(world: World, actor: Actor) -> None:
    access.require_person(actor)
    access.require_scope(actor, "models:read")
    selectors.change_proposals(actor)


@SERVICE.at("view a change proposal")
def _(world: World, actor: Actor) -> None:
    access.require_scope(actor, "models:read")
    selectors.change_proposal(actor, world.proposal.pk)


@SERVICE.at("confirm a change proposal")
def _(world: World, actor: Actor) -> None:
    change_proposals.confirm(
        actor=actor, proposal=world.proposal, digest=world.proposal.digest, password=factories.PASSWORD
    )


@SERVICE.at("reject a change proposal")
def _(world: World, actor: Actor) -> None:
    change_proposals.reject(actor=actor, proposal=world.proposal, comment=WHY)


@SERVICE.at("withdraw another's change proposal")
def _(world: World, actor: Actor) -> None:
    change_proposals.withdraw(actor=actor, proposal=world.proposal, reason=WHY)


@SERVICE.at("create a group")
def _(world: World, actor: Actor) -> None:
    groups.create_group(actor=actor, slug="committee", name="Committee", reason=WHY)


@SERVICE.at("change a group")
def _(world: World, actor: Actor) -> None:
    groups.update_group(actor=actor, group=world.group, name="Another name", reason=WHY)


@SERVICE.at("add a member")
def _(world: World, actor: Actor) -> None:
    governing.add_member(actor=actor, group=world.group, user=world.person("subject"), reason=WHY)


@SERVICE.at("end a membership")
def _(world: World, actor: Actor) -> None:
    groups.remove_member(actor=actor, group=world.group, user=world.person("second"), reason=WHY)


@SERVICE.at("open an account")
def _(world: World, actor: Actor) -> None:
    people.register_person(actor=actor, username="newcomer", name="New Comer", reason=WHY)


@SERVICE.at("change another person's record")
def _(world: World, actor: Actor) -> None:
    people.update_person(actor=actor, person=world.person("subject"), name="Another Name", reason=WHY)


@SERVICE.at("set another person's password")
def _(world: World, actor: Actor) -> None:
    people.set_password(actor=actor, person=world.person("subject"), password=NEW_PASSWORD, reason=WHY)


@SERVICE.at("issue another person's sign-in link")
def _(world: World, actor: Actor) -> None:
    sign_in_links.issue_link(actor=actor, person=world.person("subject"), way="shown", reason=WHY)


@SERVICE.at("deactivate an account")
def _(world: World, actor: Actor) -> None:
    people.deactivate(actor=actor, person=world.person("subject"), reason=WHY)


@SERVICE.at("reassign what an account owns")
def _(world: World, actor: Actor) -> None:
    handover.reassign(actor=actor, person=world.person("subject"), to=world.person("second"), reason=WHY)


@SERVICE.at("reactivate an account")
def _(world: World, actor: Actor) -> None:
    people.reactivate(actor=actor, person=world.person("shut"), reason=WHY)


@SERVICE.at("set one's own password")
def _(world: World, actor: Actor) -> None:
    people.set_password(actor=actor, person=access.require_person(actor), password=NEW_PASSWORD)


@SERVICE.at("unlock another person's signing")
def _(world: World, actor: Actor) -> None:
    signing_locks.unlock(actor=actor, person=world.person("subject"), reason=WHY)


@SERVICE.at("reset another person's second factor")
def _(world: World, actor: Actor) -> None:
    second_factors.reset(actor=actor, person=world.person("subject"), reason=WHY)


@SERVICE.at("change one's second factor")
def _(world: World, actor: Actor) -> None:
    person = access.require_person(actor)
    ticket, code = inputs.enrolment(person)
    codes = second_factors.enrol(actor=actor, person=person, ticket=ticket, code=code)
    second_factors.accept_code(actor=actor, person=person, code=codes[0])
    second_factors.remove(actor=actor, person=person)


@SERVICE.at("change one's passkeys")
def _(world: World, actor: Actor) -> None:
    person = access.require_person(actor)
    ticket, response = inputs.new_passkey(person)
    made = passkeys.enrol(actor=actor, person=person, ticket=ticket, response=response, name="laptop")
    passkeys.rename(actor=actor, person=person, key=made.pk, name="work laptop")
    passkeys.remove(actor=actor, person=person, key=made.pk)
