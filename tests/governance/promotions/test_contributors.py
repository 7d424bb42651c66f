"""Who contributed to what is promoted, or could use the token that did, does not approve it."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import clock
from audit.actor import Actor
from governance import promotions, selectors
from governance.gate import gate_inputs
from governance.models import Decision, Packet, PromotionRequest
from governance.policies import Exclusion
from governance.selectors import rights
from governance.services import evidence
from registry import access
from registry.exceptions import PermissionDeniedError
from registry.models import AccountControl, Contribution, ModelVersion, User
from registry.services import account_controls, people, reviews, tokens, versions
from registry.services.versions import MetricSpec, VersionSpec
from tests.factories import artifact
from tests.governance.promotions.conftest import CARD, ROOT, Bank

FILE = b'{"weights": [7]}'


def developer(bank: Bank, name: str) -> None:
    access.grant_role(
        actor=ROOT, role=access.Role.DEVELOPER, user=bank.people[name], model=bank.model, reason="works on it"
    )


def by_source(bank: Bank) -> ModelVersion:
    """A version that Priya registered by its source alone."""
    spec = VersionSpec(source="s3://models/credit-risk/7")
    return versions.declare_version(actor=bank.actor("priya"), model=bank.model, spec=spec, reuse=False)


def robot(bank: Bank, issuer: Actor = ROOT, *, received_by: User | None = None) -> tuple[User, Actor]:
    """A pipeline's service account that may develop the model, and the actor of a token of it."""
    made = people.register_person(actor=ROOT, username="ci", name="CI", kind=User.Kind.SERVICE)
    access.grant_role(actor=ROOT, role=access.Role.DEVELOPER, user=made, model=bank.model, reason="the pipeline")
    token, _ = tokens.issue(
        actor=issuer,
        person=made,
        name="pipeline",
        scopes=list(access.SCOPES),
        expires_at=clock.now() + timedelta(days=30),
        received_by=received_by,
    )
    return made, tokens.actor_of(token)


def refusal(bank: Bank, request: PromotionRequest, who: str) -> PermissionDeniedError:
    """How the decision of a person is refused; every other place that shows the rule agrees."""
    with pytest.raises(PermissionDeniedError) as refused:
        bank.decide(request, who)
    assert not Decision.objects.filter(person=bank.people[who], lapsed_at__isnull=True).exists()
    person = bank.people[who]
    page = selectors.request_page(bank.actor(who), request.pk)
    assert not page.can_decide
    assert f"({refused.value.rule})" in page.can_decide.reason
    assert person.uid in {r.uid for s in page.approvals for r in s.excluded}
    assert rights.on_request(person, request).excluded == excluded(request, person)
    assert not any(
        row.needs_me for row in selectors.promotion_summaries(bank.actor(who), PromotionRequest.objects.all())
    )
    return refused.value


def excluded(request: PromotionRequest, person: User) -> Exclusion | None:
    return gate_inputs.exclusion_of(person, request)


@pytest.mark.parametrize("part", ["file", "card", "metrics", "evidence"])
def test_a_person_who_added_part_of_a_version_does_not_approve_it(bank: Bank, part: str) -> None:
    developer(bank, "tom")
    version, tom = by_source(bank), bank.actor("tom")
    evidence.attach_file(actor=bank.actor("priya"), version=version, path="model.json", stream=io.BytesIO(FILE))
    evidence.attach_card(actor=bank.actor("priya"), version=version, text=CARD)
    evidence.attach_metrics(actor=bank.actor("priya"), version=version, metrics=[MetricSpec("accuracy", 0.9)])
    if part == "file":
        evidence.attach_file(actor=tom, version=version, path="weights.json", stream=io.BytesIO(FILE + b" "))
    elif part == "card":
        evidence.attach_card(actor=tom, version=version, text=CARD + "\nMore.\n")
    elif part == "metrics":
        evidence.attach_metrics(actor=tom, version=version, metrics=[MetricSpec("accuracy", 0.95)])
    else:
        evidence.attach_evidence(
            actor=tom,
            version=version,
            kind="document.validation",
            filename="t.md",
            stream=io.BytesIO(b"# Validation\n"),
        )
    staged = bank.run_checks(bank.request(version, stage="staging"))
    assert staged.state == "promoted"
    request = bank.run_checks(bank.request(version))

    assert refusal(bank, request, "tom").rule == "SoD-2"
    assert excluded(request, bank.people["marta"]) is None
    bank.decide(request, "marta")
    assert bank.decide(request, "aiko").state == "promoted"


def test_an_approval_lapses_and_counts_no_more_when_its_signer_adds_something(bank: Bank) -> None:
    developer(bank, "tom")
    request = bank.decide(bank.reviewed(), "tom")
    evidence.attach_card(actor=bank.actor("tom"), version=request.version, text=CARD + "\nAdded later.\n")
    request = bank.run_checks(request)

    assert not Decision.objects.filter(request=request, lapsed_at__isnull=True).exists()
    assert refusal(bank, request, "tom").rule == "SoD-2"
    request = bank.decide(request, "marta")
    packet = Packet.objects.get(request=request, digest=request.packet_digest)
    assert json.loads(bytes(packet.body))["kept_out"]["contributed"] == [bank.people["tom"].uid]


def test_the_registering_account_is_not_repeated_and_a_row_is_made_once(bank: Bank) -> None:
    developer(bank, "tom")
    version = bank.version()
    assert not Contribution.objects.exists()
    for number in (1, 2):
        evidence.attach_metrics(
            actor=bank.actor("tom"), version=version, metrics=[MetricSpec("accuracy", 0.5 + number / 10)]
        )
    assert Contribution.objects.get().part == Contribution.Part.METRICS


def test_a_file_stored_and_a_version_completed_by_another_account_are_contributions(bank: Bank) -> None:
    developer(bank, "tom")
    developer(bank, "chen")
    spec = VersionSpec(artifacts=[artifact("model.json", FILE)])
    declared = versions.declare_version(actor=bank.actor("priya"), model=bank.model, spec=spec)
    versions.store_artifact(actor=bank.actor("tom"), version=declared, path="model.json", stream=io.BytesIO(FILE))
    versions.complete_registration(actor=bank.actor("chen"), version=declared)
    assert set(Contribution.objects.values_list("account__username", "part")) == {
        ("tom", "files"),
        ("chen", "registration"),
    }


def test_a_person_who_issued_a_token_of_a_service_account_does_not_approve_what_it_did(bank: Bank) -> None:
    """An administrator's role ends; the secret they saw does not."""
    given = access.grant_role(
        actor=ROOT, role=access.Role.ADMINISTRATOR, user=bank.people["tom"], reason="runs the platform"
    )
    _, ci = robot(bank, bank.actor("tom"))
    access.revoke_role(actor=ROOT, grant=given, reason="moves to the risk team")
    bank.people["ci"] = User.objects.get(username="ci")
    version = versions.declare_version(actor=ci, model=bank.model, spec=VersionSpec(source="s3://m/7"))
    evidence.attach_file(actor=ci, version=version, path="model.json", stream=io.BytesIO(FILE))
    evidence.attach_card(actor=ci, version=version, text=CARD)
    evidence.attach_metrics(actor=ci, version=version, metrics=[MetricSpec("accuracy", 0.9)])
    bank.run_checks(bank.request(version, stage="staging"))
    request = bank.run_checks(bank.request(version))

    assert refusal(bank, request, "tom").rule == "SoD-3"
    assert excluded(request, bank.people["marta"]) is None


@pytest.mark.parametrize("how", ["received", "owner", "user"])
def test_a_person_who_is_on_record_with_a_service_account_does_not_approve_what_it_did(bank: Bank, how: str) -> None:
    account, ci = robot(bank, received_by=bank.people["tom"] if how == "received" else None)
    tom, owner = bank.people["tom"], how == "owner"
    if how != "received":
        account_controls.add_service_account_user(
            actor=ROOT, account=account, person=tom, owner=owner, reason="runs the pipeline"
        )
    version = bank.in_staging()
    evidence.attach_metrics(actor=ci, version=version, metrics=[MetricSpec("accuracy", 0.92)])
    request = bank.run_checks(bank.request(version))

    assert refusal(bank, request, "tom").rule == "SoD-3"
    if how != "received":
        account_controls.remove_service_account_user(
            actor=ROOT, account=account, person=tom, owner=owner, reason="another team"
        )
        assert excluded(request, tom) is not None, "the account acted while they held it"
        later = bank.version()
        evidence.attach_metrics(actor=ci, version=later, metrics=[MetricSpec("accuracy", 0.93)])
        assert excluded(_asked(bank, later), bank.people["tom"]) is None


def _asked(bank: Bank, version: ModelVersion) -> PromotionRequest:
    bank.run_checks(bank.request(version, stage="staging"))
    return bank.request(version)


def test_a_token_that_ended_before_the_version_was_made_excludes_no_person(bank: Bank) -> None:
    account, _ = robot(bank, received_by=bank.people["tom"])
    first = AccountControl.objects.get(kind=AccountControl.Kind.TOKEN_RECEIVED)
    assert first.token is not None
    tokens.revoke(actor=ROOT, token=first.token, reason="renewed")
    token, _ = tokens.issue(
        actor=ROOT,
        person=account,
        name="next",
        scopes=list(access.SCOPES),
        expires_at=clock.now() + timedelta(days=30),
        received_by=bank.people["chen"],
    )
    version = bank.version()
    evidence.attach_metrics(actor=tokens.actor_of(token), version=version, metrics=[MetricSpec("accuracy", 0.93)])
    request = _asked(bank, version)
    assert excluded(request, bank.people["tom"]) is None
    assert (excluded(request, bank.people["chen"]) or Exclusion("", "")).rule == "SoD-3"


def test_a_new_owner_of_the_service_account_makes_no_approval_lapse(bank: Bank) -> None:
    account, ci = robot(bank)
    version = bank.in_staging()
    evidence.attach_metrics(actor=ci, version=version, metrics=[MetricSpec("accuracy", 0.92)])
    request = bank.decide(bank.run_checks(bank.request(version)), "marta")
    account_controls.add_service_account_user(
        actor=ROOT, account=account, person=bank.people["eve"], owner=True, reason="the new owner"
    )
    promotions.reevaluate(request.pk)
    assert Decision.objects.filter(request=request, lapsed_at__isnull=True).count() == 1
    assert bank.decide(request, "aiko").state == "promoted"


def test_an_approver_who_becomes_an_owner_of_the_service_account_counts_no_more(bank: Bank) -> None:
    account, ci = robot(bank)
    version = bank.in_staging()
    evidence.attach_metrics(actor=ci, version=version, metrics=[MetricSpec("accuracy", 0.92)])
    request = bank.decide(bank.run_checks(bank.request(version)), "marta")
    account_controls.add_service_account_user(
        actor=ROOT, account=account, person=bank.people["marta"], owner=True, reason="takes the pipeline over"
    )
    assert bank.decide(request, "aiko").state == "open"
    assert bank.decide(request, "chen").state == "promoted"


def test_a_person_who_contributed_to_a_live_version_does_not_review_the_model(bank: Bank) -> None:
    developer(bank, "tom")
    version = bank.in_staging()
    evidence.attach_metrics(actor=bank.actor("tom"), version=version, metrics=[MetricSpec("accuracy", 0.95)])
    request = bank.run_checks(bank.request(version))
    for name in ("marta", "aiko"):
        request = bank.decide(request, name)
    answer = reviews.may_review(actor=bank.actor("tom"), model=bank.model)
    assert not answer
    assert answer.rule == "SoD-6"
    assert reviews.may_review(actor=bank.actor("chen"), model=bank.model)


def test_the_list_asks_for_all_requests_at_once(bank: Bank) -> None:
    for _ in range(3):
        bank.reviewed()
    rows = selectors.promotion_summaries(bank.actor("marta"), PromotionRequest.objects.all())
    with CaptureQueriesContext(connection) as first:
        selectors.promotion_summaries(bank.actor("marta"), PromotionRequest.objects.order_by("-pk")[:1])
    with CaptureQueriesContext(connection) as all_of_them:
        selectors.promotion_summaries(bank.actor("marta"), PromotionRequest.objects.all())
    assert len(rows) > 1
    assert len(first) == len(all_of_them)
