"""The demonstration: it shows every state of the product and is made through the services of the product.

Expected numbers are derived from the demonstration's own description (`catalogue`, `story`, `people`).
"""

from __future__ import annotations

import io
import stat
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from audit import clock
from audit.models import Event
from governance import promotions, selectors
from governance.checks import entry_points as checks
from governance.checks import inputs, runner
from governance.checks.base import Conclusion
from governance.development.demo import acts, catalogue, install, people, story
from governance.documents import reading
from governance.gate import gate_inputs
from governance.integrations.importers import exports
from governance.models import (
    CheckRun,
    Decision,
    FrozenDocument,
    Packet,
    Policy,
    PolicyRevision,
    PromotionRequest,
    WebhookDelivery,
)
from governance.policies import PolicyDocument, assign_approvers
from registry import access, storage
from registry import selectors as registry
from registry.access import Permission
from registry.exceptions import InvalidStateError, NotFoundError
from registry.models import (
    IS_CURRENT,
    AccessRequest,
    AliasAssignment,
    ImportRecord,
    Membership,
    ModelVersion,
    RegisteredModel,
    StageOccupancy,
    User,
)
from registry.services import sign_in, tokens
from tests import factories

DAY = timedelta(days=1)


class Bank:
    """The demonstration as made for this module, and the folder of its secrets."""

    def __init__(self, folder: Path, shares: list[float]) -> None:
        self.folder = folder
        self.shares = shares
        self.password = (folder / install.PASSWORD_FILE).read_text().strip()
        self.made = install.made()
        self.described = {model.slug: model for model in catalogue.models()}

    def person(self, username: str) -> User:
        return User.objects.get(username=username)

    def slug_of(self, name: str) -> str:
        """The model whose course contains this history."""
        (slug,) = (model.slug for model in self.described.values() if name in model.course)
        return slug

    def request(self, name: str, state: str) -> PromotionRequest:
        """The latest request in a state, of the version with this history."""
        model = self.described[self.slug_of(name)]
        number = model.course.index(name) + 1
        found = PromotionRequest.objects.filter(model__slug=model.slug, version__number=number, state=state)
        return found.latest("pk")


@pytest.fixture(scope="module")
def bank(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bank]:
    """Made once for all tests of this module, with real commits, so that the guards of the database apply."""
    folder = tmp_path_factory.mktemp("var")
    shares: list[float] = []
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "COUNTERSIGN_DEMO", True)
        patch.setattr(settings, "COUNTERSIGN_LOG_ORIGIN", "demo.invalid/audit/1")
        patch.setattr(settings, "VAR_DIR", folder)
        try:
            assert install.install(progress=shares.append)
            yield Bank(folder, shares)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT fence_reset_for_tests()")


PEOPLE = len(people.PEOPLE) + 1
"""The people of the bank and its administrator."""


def test_the_bank_is_as_large_as_described(bank: Bank) -> None:
    assert bank.made.models == len(bank.described)
    registered = {model.slug: model.versions.count() for model in RegisteredModel.objects.all()}
    assert registered == {
        model.slug: sum(story.STORIES[name].is_version for name in model.course)
        - model.course.count("deleted")
        + imported_versions(model)
        for model in bank.described.values()
    }
    assert set(RegisteredModel.objects.values_list("risk_tier", flat=True)) == {1, 2, 3, None}
    assert User.objects.filter(kind=User.Kind.PERSON).count() == PEOPLE
    assert bank.shares == sorted(bank.shares)
    assert bank.shares[-1] == pytest.approx(1.0, abs=0.01)


def imported_versions(model: catalogue.Described) -> int:
    if not model.imported_from:
        return 0
    return len(exports.read(model.imported_from, (acts.EXPORTS / model.imported_from).read_bytes()).versions)


def test_every_history_is_used_and_every_state_is_shown(bank: Bank) -> None:
    used = {name for model in bank.described.values() for name in model.course}
    assert used == set(story.STORIES)
    assert {state for state, count in bank.made.requests.items() if count} == set(PromotionRequest.State.values)
    assert {state: count for state, count in bank.made.requests.items() if count} == story.requests_left(
        list(bank.described.values())
    )


def test_roles_are_lent_asked_for_and_refused(bank: Bank) -> None:
    asked = AccessRequest.objects.order_by("pk")
    assert Counter(request.state for request in asked) == {"granted": 1, "denied": 1, "asked": 1}
    lent = asked.get(outcome="granted").grant
    assert lent.expires_at is not None
    assert clock.now() < lent.expires_at < clock.now() + 14 * DAY
    owner = RegisteredModel.objects.get(slug="credit-risk-pd").owner
    assert owner is not None
    assert [r.person.username for r in registry.access_requests_to_answer(access.actor_for(owner))] == ["mateo"]


def test_open_requests_wait_for_each_thing_there_is_to_wait_for(bank: Bank) -> None:
    waiting = CheckRun.objects.get(status=CheckRun.Status.WAITING_EVIDENCE)
    assert waiting.request == bank.request("no_table", "open")
    assert "evaluation table" in waiting.summary
    failed = {
        name: {
            slug: run.conclusion
            for slug, run in gate_inputs.latest_runs(bank.request(name, "blocked")).items()
            if run.conclusion != "success"
        }
        for name in ("unfit", "check_fails", "changes_requested")
    }
    assert failed == {
        "check_fails": {"performance.threshold": "failure"},
        "unfit": {
            "artifact.format": "failure",
            "docs.model_card": "failure",
            "performance.threshold": "action_required",
        },
        "changes_requested": {},
    }
    objection = Decision.objects.get(outcome="request_changes")
    assert (objection.person.username, objection.request) == ("mensah", bank.request("changes_requested", "blocked"))
    ready = PromotionRequest.objects.get(state="ready")
    document = gate_inputs.get_policy_document(ready)
    assert document is not None
    assert document.on_ready == "hold"
    next_owner = bank.request("owner_next", "open")
    assert {d.person.username for d in next_owner.decisions.all()} == {"marta", "lea"}
    assert next_owner.pk in needs(bank, next_owner.model.owner.username)  # type: ignore[union-attr]  # every model of the demonstration has an owner
    alias = PromotionRequest.objects.get(state="open", target_alias="champion")
    assert alias.model.slug == bank.slug_of("champion_next")


def needs(bank: Bank, username: str) -> set[int]:
    """The requests that wait for a person."""
    return {row.request.pk for row in selectors.my_reviews(access.actor_for(bank.person(username))).needs_me}


def test_requests_wait_for_marta_and_none_for_people_who_decide_nothing(bank: Bank) -> None:
    expected = {bank.request(name, "open").pk for name in ("lapse", "undecided", "no_table")}
    assert needs(bank, "marta") == expected
    assert bank.made.waiting_for_marta == len(expected)
    assert bank.made.first_for_marta == bank.request("lapse", "open").pk
    for username in ("ada", "priya", "ingrid", "eve"):
        assert not needs(bank, username)


def test_an_approval_lapsed_because_the_card_changed(bank: Bank) -> None:
    request = bank.request("lapse", "open")
    decided = [(d.person.username, d.lapsed_at is not None) for d in request.decisions.order_by("signed_at")]
    assert decided == [("jonas", True), ("aiko", True), ("aiko", False)]
    assert request.version.cards.count() == 2
    assert request.requested_with is not None


def test_a_version_was_rolled_back(bank: Bank) -> None:
    model = RegisteredModel.objects.get(slug=bank.slug_of("rollback"))
    number = bank.described[model.slug].course.index("rollback") + 1
    back = number - 1
    runs = StageOccupancy.objects.filter(model=model, exclusive=True).order_by("opened_at")
    assert [occupancy.version.number for occupancy in runs] == [back, number, back]
    assert ModelVersion.objects.get(model=model, number=number).stage.slug == "archived"
    champions = AliasAssignment.objects.filter(model=model, name="champion").order_by("opened_at")
    assert [(alias.version.number, alias.closed_at is None) for alias in champions] == [
        (number, False),
        (back, True),
    ]


def test_a_model_was_retired_and_overdue_reviews_are_those_described(bank: Bank) -> None:
    retired = RegisteredModel.objects.get(slug=bank.slug_of("retired"))
    assert retired.status == "archived"
    assert not retired.versions.filter(stage__exclusive=True).exists()
    late = RegisteredModel.objects.filter(status="active", next_review__lt=clock.now().date())
    expected = {model.slug for model in bank.described.values() if model.review < 0}
    assert expected
    assert set(late.values_list("slug", flat=True)) == expected


def test_a_model_without_assessment_and_a_model_without_a_tier(bank: Bank) -> None:
    declared = {model.slug for model in bank.described.values() if not model.assessed}
    assert declared == set(
        RegisteredModel.objects.filter(risk_tier__isnull=False, assessments__isnull=True).values_list("slug", flat=True)
    )
    for slug in declared:
        version = ModelVersion.objects.filter(model__slug=slug).latest("number")
        with pytest.raises(InvalidStateError) as refused:
            promotions.request(
                actor=access.actor_for(bank.person("priya")), version=version, target_stage="staging", reason="Try it."
            )
        assert refused.value.code == "tier_not_assessed"


def test_a_model_was_imported_with_the_claims_of_its_registry(bank: Bank) -> None:
    (described,) = (model for model in bank.described.values() if model.imported_from)
    model = RegisteredModel.objects.get(slug=described.slug)
    assert (model.title, model.risk_tier) == (described.title, None)
    records = ImportRecord.objects.filter(model=model, version__isnull=False).order_by("version__number")
    assert [(r.kind, r.approval, r.stage) for r in records] == [
        ("sagemaker", "Rejected", ""),
        ("sagemaker", "Approved", "Production"),
    ]
    assert {version.stage.slug for version in model.versions.all()} == {"development"}


def test_one_version_in_production_deviates_from_its_approved_inputs(bank: Bank) -> None:
    owner = bank.person(bank.described[bank.slug_of("deviating")].owner)
    deviations = selectors.deviations_for(access.actor_for(owner), owner)
    assert [(d.version.model.slug, d.version.stage.slug) for d in deviations] == [
        (bank.slug_of("deviating"), "production")
    ]


def test_a_version_and_a_model_were_deleted(bank: Bank) -> None:
    actor = access.actor_for(bank.person("ingrid"))
    slug = bank.slug_of("deleted")
    number = bank.described[slug].course.index("deleted") + 1
    with pytest.raises(NotFoundError):
        registry.version(actor, slug, number)
    assert registry.version(actor, slug, number + 1).number == number + 1
    assert Event.objects.filter(action="version.deleted").count() == 1
    deleted = Event.objects.get(action="model.deleted").body["data"]["slug"]
    with pytest.raises(NotFoundError):
        registry.model(actor, deleted)


def test_documents_are_frozen_for_every_version_that_entered_production(bank: Bank) -> None:
    entered = set(StageOccupancy.objects.filter(exclusive=True).values_list("version_id", flat=True))
    assert entered <= set(FrozenDocument.objects.values_list("version_id", flat=True))
    assert all(reading.verify_digest(document) for document in FrozenDocument.objects.all())


def test_the_deliveries_of_a_webhook_fail_and_wait(bank: Bank) -> None:
    deliveries = list(WebhookDelivery.objects.all())
    assert deliveries
    assert {(row.state, row.attempts, row.webhook.status) for row in deliveries} == {("waiting", 1, "ACTIVE")}
    assert all("cannot be reached" in row.problem for row in deliveries)


def test_one_member_left_with_a_handover_and_one_is_replaced_by_dates(bank: Bank) -> None:
    viktor = bank.person("viktor")
    assert not viktor.is_active
    former = Membership.objects.get(user=viktor)
    assert former.closed_at is not None
    assert not viktor.decisions.filter(signed_at__gt=former.closed_at).exists()
    (passed,) = (model for model in bank.described.values() if model.registered_by == "viktor")
    assert RegisteredModel.objects.get(slug=passed.slug).owner == bank.person(passed.owner)
    assert not RegisteredModel.objects.filter(owner=viktor).exists()
    deputy = Membership.objects.get(user__username="aiko", group__slug="validation")
    assert deputy.valid_until is not None
    assert deputy.opened_at < deputy.valid_from < clock.now() < deputy.valid_until


def test_the_log_begins_as_a_demonstration_and_never_goes_back_in_time(bank: Bank) -> None:
    events = list(Event.objects.order_by("pk"))
    first, last = events[0], events[-1]
    assert (first.action, first.thing_id) == ("log.opened", "demo.invalid/audit/1")
    assert {event.body["log"] for event in events} == {"demo.invalid/audit/1"}
    assert last.action == "demonstration.completed"
    moments = [event.happened_at for event in events]
    assert moments == sorted(moments)
    assert last.happened_at <= clock.now()
    assert first.happened_at < clock.now() - 3 * 365 * DAY


def test_required_reviewers_signed_packets_that_are_kept(bank: Bank) -> None:
    """Promotions to protected targets have the approvals that their policy requires, on packets that are stored."""
    governed = PromotionRequest.objects.filter(state="promoted", policy_revision__isnull=False)
    assert governed.exists()
    packets = set(Packet.objects.values_list("request_id", "digest"))
    for request in governed.select_related("policy_revision", "version__trained_by", "requested_by"):
        assert request.policy_revision is not None
        document = PolicyDocument.model_validate(request.policy_revision.document)
        standing = list(request.decisions.filter(lapsed_at__isnull=True, outcome="approve").select_related("person"))
        filled = assign_approvers(document.approvals, [(d.person.uid, frozenset(d.groups)) for d in standing])
        assert all(len(filled[rule.group]) >= rule.count for rule in document.approvals), request.pk
        assert {(request.pk, d.packet_digest) for d in standing} <= packets
        made_it = {request.requested_by_id, request.version.trained_by_id, request.version.registered_by_id}
        assert not made_it & {d.person_id for d in standing}


def test_whatever_is_in_production_came_by_a_request(bank: Bank) -> None:
    promoted = set(PromotionRequest.objects.filter(state="promoted").values_list("uid", flat=True))
    occupancies = StageOccupancy.objects.filter(exclusive=True)
    assert occupancies.filter(IS_CURRENT).exists()
    assert {occupancy.promotion for occupancy in occupancies} <= promoted


def test_no_check_broke_and_a_sandbox_judges_the_same(bank: Bank) -> None:
    """Checks ran in the process that made the demonstration; the sandbox of a worker has the same result on the same
    files."""
    assert not CheckRun.objects.filter(conclusion="error").exists()
    assert not CheckRun.objects.filter(status__in=["queued", "running"]).exists()
    completed = CheckRun.objects.filter(status="completed")
    assert set(completed.values_list("conclusion", flat=True)) == {"success", "failure", "action_required"}
    compared = (
        ("unfit", "artifact.format"),
        ("unfit", "performance.threshold"),
        ("unfit", "docs.model_card"),
        ("lapse", "integrity.digest"),
    )
    for name, check_slug in compared:
        run = completed.filter(version__model__slug=bank.slug_of(name), check_slug=check_slug).latest("pk")
        check = checks.get(check_slug)
        params = checks.parameters(check, run.params)
        given = inputs.InputResolver(run.request).inputs(check, params)
        assert given.digest == run.inputs_digest
        assert run.completed_at is not None
        job = runner.Job(check, params, given.sources, given.facts, run.completed_at, inputs.seed(given.digest))
        ended = runner.run(job, open_blob=storage.open_blob, beat=lambda: True)
        assert ended.outcome is not None, ended.message
        assert (ended.outcome.conclusion, ended.outcome.summary, ended.outcome.measures) == (
            Conclusion(run.conclusion),
            run.summary,
            run.measures,
        )


def test_policies_grew_stricter_and_old_requests_kept_theirs(bank: Bank) -> None:
    policy = Policy.objects.get(slug="tier-1-production")
    in_force = PolicyRevision.objects.in_force().get(policy=policy)
    newest = max(number for _, slug, number in install.REVISIONS if slug == policy.slug)
    assert in_force.number == newest
    used = set(
        PromotionRequest.objects.filter(policy_revision__policy=policy).values_list(
            "policy_revision__number", flat=True
        )
    )
    assert used == set(range(1, newest + 1))
    groups = [rule["group"] for rule in in_force.document["approvals"]]
    assert groups == ["risk-team", "model-owners", "compliance"]


def test_people_see_what_their_roles_permit(bank: Bank) -> None:
    seen = {u: access.visible_models(access.actor_for(bank.person(u))).count() for u in ("marta", "ingrid", "priya")}
    assert seen["marta"] == seen["ingrid"] == len(bank.described)
    assert 0 < seen["priya"] < len(bank.described)
    credit = RegisteredModel.objects.get(slug="credit-risk-pd")
    assert not access.check_permission(access.actor_for(bank.person("ada")), Permission.DECIDE, credit)
    assert registry.card_of(registry.version(access.actor_for(bank.person("priya")), "credit-risk-pd", 4)) is not None


def test_the_secrets_are_readable_by_this_account_only_and_valid(bank: Bank) -> None:
    for name in (install.PASSWORD_FILE, install.TOKEN_FILE):
        assert stat.S_IMODE((bank.folder / name).stat().st_mode) == 0o600
    assert sign_in.sign_in(username="marta", password=bank.password).name == "Marta Kowalska"
    actor = tokens.authenticate((bank.folder / install.TOKEN_FILE).read_text().strip())
    assert actor is not None
    assert actor.person == bank.person("ci-retail-credit").uid
    assert access.check_permission(
        actor, Permission.REGISTER_VERSION, RegisteredModel.objects.get(slug="credit-risk-pd")
    )
    stored = {user.password for user in User.objects.filter(kind=User.Kind.PERSON)}
    assert len(stored) == PEOPLE, "every password has its own salt"


def test_a_second_call_does_nothing_and_says_so(bank: Bank) -> None:
    before = Event.objects.count()
    output = io.StringIO()
    call_command("demo", stdout=output)
    assert f"{len(bank.described)} models" in output.getvalue()
    assert "there already" in output.getvalue()
    assert Event.objects.count() == before
    assert (bank.folder / install.PASSWORD_FILE).read_text().strip() == bank.password


@pytest.mark.django_db
class TestRefusals:
    """Databases in which no demonstration is made."""

    @pytest.fixture(autouse=True)
    def development(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(settings, "COUNTERSIGN_DEMO", True)
        monkeypatch.setattr(settings, "VAR_DIR", tmp_path)

    def test_outside_development_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(settings, "COUNTERSIGN_DEMO", False)
        with pytest.raises(CommandError, match="development settings only"):
            call_command("demo", stdout=io.StringIO())

    def test_where_other_people_are(self, tmp_path: Path) -> None:
        factories.person("somebody")
        with pytest.raises(install.Refused, match="make reset"):
            install.install()
        assert not list(tmp_path.iterdir())

    def test_where_the_log_was_opened_before(self) -> None:
        call_command("initialise", stdout=io.StringIO())
        with pytest.raises(install.Refused, match="three years ago"):
            install.install()
