"""The demonstration: a bank in every state, made by the product's own services, once."""

from __future__ import annotations

import io
import json
import stat
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from audit import clock
from audit.models import Event
from governance import selectors
from governance.checks import entry_points as checks
from governance.checks import inputs, runner
from governance.checks.base import Conclusion
from governance.checks.formats.detect import sniff_stream
from governance.checks.formats.names import Format
from governance.development.demo import artifacts, catalogue, evaluation, install, passwords
from governance.development.demo.world import World
from governance.gate import gate_inputs
from governance.models import CheckRun, Decision, Packet, Policy, PromotionRequest
from governance.policies import PolicyDocument, assign_approvers
from registry import access, storage
from registry import selectors as registry
from registry.access import Permission
from registry.models import (
    IS_CURRENT,
    AccessRequest,
    AliasAssignment,
    Membership,
    ModelVersion,
    RegisteredModel,
    StageOccupancy,
    User,
)
from registry.services import sign_in, tokens
from registry.services.versions import MetricSpec
from tests import factories

DAY = timedelta(days=1)


class Bank:
    """The demonstration as it was made for this module, and where its secrets lie."""

    def __init__(self, folder: Path, shares: list[float]) -> None:
        self.folder = folder
        self.shares = shares
        self.password = (folder / install.PASSWORD_FILE).read_text().strip()
        self.made = install.made()

    def person(self, username: str) -> User:
        return User.objects.get(username=username)

    def request(self, slug: str, state: str) -> PromotionRequest:
        return PromotionRequest.objects.filter(model__slug=slug, state=state).latest("pk")


@pytest.fixture(scope="module")
def bank(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bank]:
    """Made once for all tests here, with real commits: the guards of the database judge every one of them."""
    folder = tmp_path_factory.mktemp("var")
    shares: list[float] = []
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "COUNTERSIGN_DEMO", True)
        patch.setattr(settings, "COUNTERSIGN_LOG_ORIGIN", "demo.invalid/audit/1")
        patch.setattr(settings, "VAR_DIR", folder)
        try:
            assert install.install(tell=shares.append)
            yield Bank(folder, shares)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT fence_reset_for_tests()")


def test_the_bank_is_as_large_as_promised(bank: Bank) -> None:
    assert bank.made.models == 40
    assert 1_800 <= bank.made.events <= 2_300
    assert set(RegisteredModel.objects.values_list("risk_tier", flat=True)) == {1, 2, 3, None}
    assert User.objects.filter(kind=User.Kind.PERSON).count() == 18
    assert bank.shares == sorted(bank.shares)
    assert bank.shares[-1] == pytest.approx(1.0, abs=0.01)


def test_roles_are_lent_asked_for_and_refused(bank: Bank) -> None:
    asked = AccessRequest.objects.order_by("pk")
    assert Counter(request.state for request in asked) == {"granted": 1, "denied": 1, "asked": 1}
    lent = asked.get(outcome="granted").grant
    assert lent.expires_at is not None
    assert clock.now() < lent.expires_at < clock.now() + 14 * DAY
    owner = RegisteredModel.objects.get(slug="credit-risk-pd").owner
    assert owner is not None
    assert [r.person.username for r in registry.access_requests_to_answer(access.actor_for(owner))] == ["mateo"]


def test_there_is_a_request_in_every_state(bank: Bank) -> None:
    assert set(bank.made.requests) == set(PromotionRequest.State.values)
    assert all(bank.made.requests.values()), bank.made.requests


def test_open_requests_wait_for_each_thing_there_is_to_wait_for(bank: Bank) -> None:
    waiting = CheckRun.objects.get(status=CheckRun.Status.WAITING_EVIDENCE)
    assert waiting.request.model.slug == "ifrs9-ecl-overlay"
    assert "evaluation table" in waiting.summary
    blocked = {
        r.model.slug: gate_inputs.latest_runs(r)
        for r in PromotionRequest.objects.filter(state="blocked").order_by("pk")
    }
    said = {(slug, run.check_slug): run.conclusion for slug, runs in blocked.items() for run in runs.values()}
    assert said["aml-transaction-monitor", "artifact.format"] == "failure"
    assert said["fraud-card-not-present", "performance.threshold"] == "failure"
    assert said["complaints-summariser-llm", "docs.model_card"] == "failure"
    assert said["adverse-media-screener", "performance.threshold"] == "action_required"
    objection = Decision.objects.get(request__model__slug="hr-cv-screening", outcome="request_changes")
    assert (objection.person.username, objection.request.state) == ("mensah", "blocked")
    ready = PromotionRequest.objects.get(state="ready")
    document = gate_inputs.get_policy_document(ready)
    assert document is not None
    assert document.on_ready == "hold"


def test_four_requests_wait_for_marta_and_none_for_who_decides_nothing(bank: Bank) -> None:
    assert bank.made.waiting_for_marta == 4
    needs = selectors.my_reviews(access.actor_for(bank.person("marta"))).needs_me
    assert {row.request.model.slug for row in needs} == {
        "credit-risk-pd",
        "fraud-account-takeover",
        "kyc-doc-classifier",
        "sme-application-score",
    }
    for username in ("ada", "priya", "ingrid", "eve"):
        assert not selectors.my_reviews(access.actor_for(bank.person(username))).needs_me


def test_an_approval_lapsed_because_the_card_changed(bank: Bank) -> None:
    request = bank.request("credit-risk-pd", "open")
    decided = [(d.person.username, d.lapsed_at is not None) for d in request.decisions.order_by("signed_at")]
    assert decided == [("jonas", True), ("aiko", True), ("aiko", False)]
    assert request.version.cards.count() == 2
    assert request.requested_with is not None


def test_a_version_was_rolled_back(bank: Bank) -> None:
    model = RegisteredModel.objects.get(slug="sanctions-name-match")
    runs = StageOccupancy.objects.filter(model=model, exclusive=True).order_by("opened_at")
    assert [occupancy.version.number for occupancy in runs] == [2, 4, 2]
    assert ModelVersion.objects.get(model=model, number=4).stage.slug == "archived"
    champions = AliasAssignment.objects.filter(model=model, name="champion").order_by("opened_at")
    assert [(alias.version.number, alias.closed_at is None) for alias in champions] == [(4, False), (2, True)]


def test_a_model_was_retired_and_three_reviews_are_overdue(bank: Bank) -> None:
    retired = RegisteredModel.objects.get(slug="branch-staffing-plan")
    assert retired.status == "archived"
    assert not retired.versions.filter(stage__exclusive=True).exists()
    late = RegisteredModel.objects.filter(status="active", next_review__lt=clock.now().date())
    assert sorted(late.values_list("slug", flat=True)) == [
        "aml-transaction-monitor",
        "deposit-outflow-forecast",
        "merchant-category-tagger",
    ]


def test_one_member_left_and_one_stands_in_by_dates(bank: Bank) -> None:
    viktor = bank.person("viktor")
    assert not viktor.is_active
    former = Membership.objects.get(user=viktor)
    assert former.closed_at is not None
    assert not viktor.decisions.filter(signed_at__gt=former.closed_at).exists()
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


def test_everybody_who_was_asked_signed_what_they_saw(bank: Bank) -> None:
    """What went into a protected place had the approvals its policy asks for, over packets that are kept."""
    governed = PromotionRequest.objects.filter(state="promoted", policy_revision__isnull=False)
    assert governed.count() > 100
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
    assert occupancies.filter(IS_CURRENT).count() >= 30
    assert {occupancy.promotion for occupancy in occupancies} <= promoted


def test_no_check_broke_and_a_sandbox_judges_the_same(bank: Bank) -> None:
    """Checks ran in the process that made the demonstration; a worker's sandbox gives the same answers on the same
    files, word for word."""
    assert not CheckRun.objects.filter(conclusion="error").exists()
    assert not CheckRun.objects.filter(status__in=["queued", "running"]).exists()
    completed = CheckRun.objects.filter(status="completed")
    assert set(completed.values_list("conclusion", flat=True)) == {"success", "failure", "action_required"}
    told = (
        ("aml-transaction-monitor", "artifact.format"),
        ("adverse-media-screener", "performance.threshold"),
        ("complaints-summariser-llm", "docs.model_card"),
        ("credit-risk-pd", "integrity.digest"),
    )
    for slug, check_slug in told:
        run = completed.filter(version__model__slug=slug, check_slug=check_slug).latest("pk")
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
    assert policy.in_force is not None
    assert policy.in_force.number == 4
    used = set(
        PromotionRequest.objects.filter(policy_revision__policy=policy).values_list(
            "policy_revision__number", flat=True
        )
    )
    assert used >= {1, 2, 4}
    groups = [rule["group"] for rule in policy.in_force.document["approvals"]]
    assert groups == ["risk-team", "model-owners", "compliance"]


def test_everybody_sees_what_their_roles_show(bank: Bank) -> None:
    seen = {u: access.visible_models(access.actor_for(bank.person(u))).count() for u in ("marta", "ingrid", "priya")}
    assert seen["marta"] == seen["ingrid"] == 40
    assert 0 < seen["priya"] < 40
    credit = RegisteredModel.objects.get(slug="credit-risk-pd")
    assert not access.check_permission(access.actor_for(bank.person("ada")), Permission.DECIDE, credit)
    assert registry.card_of(registry.version(access.actor_for(bank.person("priya")), "credit-risk-pd", 14)) is not None


def test_the_secrets_are_kept_for_this_account_alone_and_open_the_door(bank: Bank) -> None:
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
    assert len(stored) == 18, "everybody has a salt of their own"


def test_a_second_call_does_nothing_and_says_so(bank: Bank) -> None:
    before = Event.objects.count()
    said = io.StringIO()
    call_command("demo", stdout=said)
    assert "40 models" in said.getvalue()
    assert "there already" in said.getvalue()
    assert Event.objects.count() == before
    assert (bank.folder / install.PASSWORD_FILE).read_text().strip() == bank.password


@pytest.mark.django_db
class TestRefusals:
    """Where no demonstration is made."""

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


FORMS = {
    "onnx": Format.ONNX,
    "safetensors": Format.SAFETENSORS,
    "skops": Format.SKOPS,
    "npy": Format.NPY,
    "pickle": Format.PICKLE,
}


@pytest.mark.parametrize(("form", "recognised"), FORMS.items())
def test_files_are_what_they_say_and_the_same_every_time(form: str, recognised: Format) -> None:
    features = [f"feature_{n}" for n in range(12)]
    made = artifacts.files(form, features, seed=7)
    model, preprocess = made.values()
    assert sniff_stream(io.BytesIO(model), len(model)).format == recognised
    assert [step["feature"] for step in json.loads(preprocess)["steps"]] == features
    assert artifacts.files(form, features, seed=7) == made
    assert artifacts.files(form, features, seed=8) != made
    assert list(artifacts.files(form, features, seed=7, alone=True).values()) == [model]


def test_arrays_can_be_read_by_numpy() -> None:
    weights = np.linspace(-1, 1, 5, dtype=np.float32)
    assert np.array_equal(np.load(io.BytesIO(artifacts.npy(weights)), allow_pickle=False), weights)
    raw = artifacts.safetensors({"a": weights, "b": weights[:2]})
    length = int.from_bytes(raw[:8], "little")
    begin, end = json.loads(raw[8 : 8 + length])["b"]["data_offsets"]
    assert np.array_equal(np.frombuffer(raw[8 + length :][begin:end], "<f4"), weights[:2])


@pytest.mark.parametrize(
    ("kind", "quality", "name"), [("ranker", 0.87, "AUC"), ("classifier", 0.93, "Accuracy"), ("forecast", 0.09, "MAPE")]
)
def test_an_evaluation_comes_out_as_good_as_its_story(kind: str, quality: float, name: str) -> None:
    measured = evaluation.measure(kind, quality, {"young": -0.04, "old": 0.01}, rows=1_500, rate=0.1, seed=3)
    values: dict[tuple[str, str], MetricSpec] = {(m.name, m.slice): m for m in measured.metrics}
    assert values[name, ""].value == pytest.approx(quality, abs=0.012)
    better = (values[name, "old"].value > values[name, "young"].value) != (kind == "forecast")
    assert better, "the story's weaker slice is measured as the weaker one"
    assert measured.table.count(b"\n") == 1_501


@pytest.mark.parametrize("day", range(7))
def test_working_days_keep_their_order_whatever_day_it_is(day: int) -> None:
    world = World(until=datetime(2026, 11, 16, 0, 10, tzinfo=UTC) + day * DAY, password="none")
    moments = [world.workday(days) for days in (10.6, 6.3, 5.7, 5.2, 2.9, 1.8, 1.2)]
    assert moments == sorted(moments)
    assert moments[-1] < world.until
    assert {moment.weekday() for moment in moments} <= set(range(5))


def test_forty_models_are_described_with_slugs_of_their_own() -> None:
    described = catalogue.models()
    assert len({model.slug for model in described}) == len(described) == 40
    assert Counter(model.tier for model in described) == {1: 12, 2: 14, 3: 13, None: 1}


def test_a_secret_is_kept_where_only_this_account_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("old")
    path.chmod(0o644)
    first: Any = passwords.new_password()
    passwords.keep(path, first)
    assert path.read_text() == f"{first}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert passwords.new_password() != first
