"""What the database refuses about promotions, policies and protected places, whatever code writes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial

import pytest
from django.db import transaction

from audit import recorder
from audit.actor import process
from audit.recorder import ObjectRef
from governance import promotions, task_queue
from governance.models import Packet, Policy, PolicyRevision, PromotionRequest
from governance.services import policies, setup
from registry import stage_transitions
from registry.access import Role, actor_for
from registry.actions import VERSION_UPDATED
from registry.models import AliasAssignment, ModelVersion, ProtectedAlias, Stage
from registry.services import instance
from tests import factories
from tests.forging import event, refused, run
from tests.governance.promotions.conftest import Bank, found_bank

pytestmark = pytest.mark.django_db(transaction=True)

PROMOTE = "UPDATE governance_promotionrequest SET state = 'promoted', closed_at = now() WHERE id = %s"


@pytest.fixture
def committed(transactional_db: None) -> Iterator[Bank]:
    """The bank, in a database that commits."""
    with task_queue.suppress_enqueue():
        yield found_bank()


def test_a_request_is_promoted_with_the_approvals_its_policies_ask(committed: Bank) -> None:
    request = committed.reviewed()
    for standing, name in enumerate(("marta", "aiko")):
        refused(
            f"its policies ask 2 approvals, and {standing} stand",
            partial(event, "promotion", str(request.uid), "promotion.promoted"),
            partial(run, PROMOTE, request.pk),
        )
        request = committed.decide(request, name)
    assert request.state == PromotionRequest.State.PROMOTED


def test_a_packet_is_its_digest(committed: Bank) -> None:
    request = committed.reviewed()
    body = bytes(Packet.objects.get(request=request).body)
    add = "INSERT INTO governance_packet (request_id, digest, body, created_at) VALUES (%s, %s, %s, now())"
    refused(
        "digest is not the SHA-256 of body",
        lambda: event("promotion", str(request.uid), "packet.frozen"),
        lambda: run(add, request.pk, "0" * 64, body),
    )
    refused(
        "no event of this transaction accounts for it",
        lambda: event("promotion", str(request.uid), "model.updated"),
        lambda: run(add, request.pk, hashlib.sha256(b"{}").hexdigest(), b"{}"),
    )


def touch(request: PromotionRequest) -> None:
    event("promotion", str(request.uid), "promotion.policy_bound")


@pytest.mark.parametrize(
    "change",
    [
        "state = 'ready', closed_at = NULL",
        "state = 'rejected'",
        "closed_at = '2020-01-01'",
        "packet_digest = repeat('0', 64)",
        "before_governance = true",
    ],
)
def test_a_closed_request_stays_as_it_was_closed(committed: Bank, change: str) -> None:
    staged = PromotionRequest.objects.get(version=committed.in_staging())
    assert staged.state == PromotionRequest.State.PROMOTED
    refused(
        "a closed request stays as it was closed",
        lambda: touch(staged),
        lambda: run(f"UPDATE governance_promotionrequest SET {change} WHERE id = %s", staged.pk),
    )


REVISION = (
    "INSERT INTO governance_policyrevision (uid, policy_id, number, source, document, digest, published_at, "
    "published_by, confirmed_by) SELECT '11111111-1111-4111-8111-111111111111', policy_id, number + 1, 'x', document, "
    "repeat('0', 64), now() + interval '1 day', published_by, '' FROM governance_policyrevision WHERE id = %s"
)
BIND = (
    "INSERT INTO governance_requestpolicy (request_id, policy_revision_id, basis, reason, added_at, event) "
    "VALUES (%s, %s, 'target', '', now(), gen_random_uuid())"
)
REPEAT = (
    "INSERT INTO governance_promotionrequest (uid, model_id, version_id, source_stage_id, target_stage_id, "
    "target_alias, reason, state, policy_revision_id, fingerprint, packet_digest, before_governance, requested_by_id, "
    "kind, confirming_group, revision, created_at, closed_at) "
    "SELECT '22222222-2222-4222-8222-222222222222', model_id, version_id, "
    "source_stage_id, target_stage_id, target_alias, reason, 'promoted', %s, fingerprint, '', false, requested_by_id, "
    "'ordinary', '', 1, now(), now() FROM governance_promotionrequest WHERE id = %s"
)


def revision_of(stage: str) -> PolicyRevision:
    return PolicyRevision.objects.in_force().get(document__applies_to__stages=[stage])


def forged_revision(like: PolicyRevision) -> None:
    event("policy_revision", "11111111-1111-4111-8111-111111111111", "policy.published")
    run(REVISION, like.pk)


def forged_request(request: PromotionRequest, revision: int | None) -> None:
    event("promotion", "22222222-2222-4222-8222-222222222222", "promotion.promoted")
    run(REPEAT, revision, request.pk)


def confirm_setup(bank: Bank) -> None:
    for name in ("eve", "tom"):
        factories.grant(Role.OFFICER, to=bank.people[name])
    proposal = instance.propose_setup_confirmation(actor=actor_for(bank.people["eve"]), reason="as appointed")
    signer = bank.people["tom"]
    signer.refresh_from_db()
    signer.set_password(factories.PASSWORD)
    with transaction.atomic():
        event("person", signer.uid, "person.password_set")
        signer.save(update_fields=["password"])
    factories.confirm(proposal, signer)


def test_a_request_is_governed_by_what_was_in_force_and_applies(committed: Bank) -> None:
    request = committed.reviewed()
    staging, production = revision_of("staging"), revision_of("production")
    for attempt in (partial(run, BIND, request.pk, staging.pk), partial(forged_request, request, staging.pk)):
        refused("does not apply to what is asked for", lambda: touch(request), attempt)
    refused("a request for a protected place is made under a policy", lambda: forged_request(request, None))
    with transaction.atomic():  # a draft that is left behind while the set-up is not confirmed
        forged_revision(production)
    draft = PolicyRevision.objects.get(uid="11111111-1111-4111-8111-111111111111")
    confirm_setup(committed)
    for attempt in (partial(run, BIND, request.pk, draft.pk), partial(forged_request, request, draft.pk)):
        refused("its policy revision was never in force", lambda: touch(request), attempt)
    request = committed.decide(committed.decide(request, "marta"), "aiko")
    assert request.state == PromotionRequest.State.PROMOTED


def test_after_the_setup_a_revision_comes_from_a_proposal(committed: Bank) -> None:
    confirm_setup(committed)
    refused("is made from a proposal that contains its source", lambda: forged_revision(revision_of("production")))


def test_a_policy_in_force_is_not_taken_out_of_force(committed: Bank) -> None:
    assert committed.people
    policy = Policy.objects.get(latest=revision_of("production"))
    refused(
        "a policy in force is replaced by its next revision",
        lambda: event("policy", str(policy.uid), "policy.published"),
        lambda: run("UPDATE governance_policy SET in_force_id = NULL WHERE id = %s", policy.pk),
    )


MOVE_ALIAS = (
    "INSERT INTO registry_aliasassignment (uid, model_id, version_id, name, before_governance, opened_at, "
    "opened_event) VALUES (gen_random_uuid(), %s, %s, 'champion', false, now(), gen_random_uuid())"
)


def test_protection_is_not_lifted_around_a_move_of_an_alias(committed: Bank) -> None:
    version = committed.version()
    stage = ProtectedAlias.objects.get(name="champion").stage
    assert stage is not None
    lift = "DELETE FROM registry_protectedalias WHERE name = 'champion'"
    restore = "INSERT INTO registry_protectedalias (name, stage_id) VALUES ('champion', %s)"

    refused(
        "not protected by the transaction that changes what is in it",
        lambda: run(lift),
        lambda: event("version", str(version.uid), "version.updated"),
        lambda: run(MOVE_ALIAS, version.model_id, version.pk),
        lambda: run("SET CONSTRAINTS governance_alias_needs_promotion IMMEDIATE"),
        lambda: event("protected_alias", "champion", "lifecycle.alias_changed"),
        lambda: run(restore, stage.pk),
    )
    assert not AliasAssignment.objects.exists()
    with transaction.atomic():
        event("protected_alias", "champion", "lifecycle.alias_changed")
        run(lift)
        run(restore, stage.pk)


def test_protection_is_not_lifted_around_a_move_between_stages(committed: Bank) -> None:
    version: ModelVersion = committed.in_staging()
    production = Stage.objects.get(slug="production")

    def protect(protected: bool) -> None:
        changes = [{"field": "protected", "from": not protected, "to": protected}]
        event("stage", "production", "lifecycle.installed", changes=changes)
        run("UPDATE registry_stage SET protected = %s WHERE id = %s", protected, production.pk)

    refused(
        "not protected by the transaction that changes what is in it",
        lambda: protect(False),
        lambda: event("version", str(version.uid), "version.updated"),
        lambda: run(
            "UPDATE registry_stageoccupancy SET closed_at = now(), closed_event = gen_random_uuid() "
            "WHERE version_id = %s AND closed_at IS NULL",
            version.pk,
        ),
        lambda: run(
            "INSERT INTO registry_stageoccupancy (uid, model_id, version_id, stage_id, exclusive, "
            "before_governance, opened_at, opened_event) "
            "VALUES (gen_random_uuid(), %s, %s, %s, false, false, now(), gen_random_uuid())",
            version.model_id,
            version.pk,
            production.pk,
        ),
        lambda: run("SET CONSTRAINTS governance_occupancy_needs_promotion IMMEDIATE"),
        lambda: protect(True),
    )
    with transaction.atomic():
        protect(False)
        protect(True)


def place(version: ModelVersion, stage: str, promotion: PromotionRequest) -> None:
    """Move a version as the application role could: with an event, under a promotion that exists."""
    version = ModelVersion.objects.select_related("stage").get(pk=version.pk)
    written = recorder.record_event(
        VERSION_UPDATED,
        actor=process("test"),
        target=ObjectRef("version", str(version.uid)),
        stream=f"model:{version.model.uid}",
    )
    target = Stage.objects.get(slug=stage)
    stage_transitions.apply_transition(
        version=version, target=target, event=written, promotion=promotion.uid, displaced=None
    )


def test_a_promotion_for_another_place_lets_nothing_into_production(committed: Bank) -> None:
    version = committed.version()
    free = committed.request(version, stage="archived")
    assert (free.state, free.policy_revision) == ("promoted", None)
    refused("its promotion was asked for another place", lambda: place(version, "production", free))


def test_a_promotion_is_carried_out_once(committed: Bank) -> None:
    """It lets neither another version of the model out, nor its own version in again."""
    for way in ("stages: [staging]", "stages: [production]", "from: [production]"):
        slug = "".join(c if c.isalpha() else "-" for c in way).strip("-")
        policies.publish(
            actor=setup.INSTALLER,
            source=f"{{slug: {slug}, title: Light, priority: 9, applies_to: {{{way}}}}}",
            reason="for the test",
        )
    first, second = committed.version(), committed.version()
    for version in (first, second):
        for stage in ("staging", "production"):
            assert committed.request(version, stage=stage).state == "promoted"
    entered = PromotionRequest.objects.get(version=first, target_stage__slug="production")
    refused("its promotion was carried out before", lambda: place(second, "archived", entered))
    assert committed.request(second, stage="archived").state == "promoted"
    refused("its promotion was carried out before", lambda: place(first, "production", entered))


def test_the_policy_for_leaving_one_stage_lets_nothing_leave_another(committed: Bank) -> None:
    for slug, way in (
        ("enter-production", "stages: [production]"),
        ("leave-staging", "from: [staging], to: [archived]"),
        ("leave-production", "from: [production]"),
    ):
        ready = "promote" if slug == "enter-production" else "hold"
        policies.publish(
            actor=setup.INSTALLER,
            source=f"{{slug: {slug}, title: Light, priority: 9, on_ready: {ready}, applies_to: {{{way}}}}}",
            reason="for the test",
        )
    version = committed.in_staging()
    away = committed.request(version, stage="archived")
    assert away.state == "ready"
    assert committed.request(version, stage="production").state == "promoted"

    refused(
        "the policy for leaving another stage does not let a version leave Production",
        lambda: event("promotion", str(away.uid), "promotion.promoted"),
        lambda: run(PROMOTE, away.pk),
        lambda: place(version, "archived", away),
    )
    promotions.reevaluate(away.pk)
    promotions.promote(actor=committed.actor("priya"), request=PromotionRequest.objects.get(pk=away.pk))
    assert ModelVersion.objects.get(pk=version.pk).stage.slug == "archived"
