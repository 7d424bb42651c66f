"""What was promoted before governance: marked so, by a named officer, only where an import record says it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from audit import clock
from audit.models import Event
from governance import promotions
from governance.models import CheckRun, Decision, PromotionRequest
from governance.services import setup
from registry import access, selectors
from registry.exceptions import ConflictError, InvalidStateError, PermissionDeniedError, ValidationFailedError
from registry.models import AliasAssignment, ImportRecord, ModelVersion, RegisteredModel, Stage, StageOccupancy, User
from registry.services import importing
from registry.services.importing import ImportedClaim
from registry.services.versions import VersionSpec
from tests import factories

ORIGIN = "https://mlflow.bank.example"


def brought(by: User, number: int = 1, *, stage: str = "Production", aliases: tuple[str, ...] = ()) -> ModelVersion:
    actor = access.actor_for(by, auth="command")
    model = importing.import_model(actor=actor, claim=ImportedClaim("mlflow", ORIGIN, "churn"))
    claim = ImportedClaim(
        "mlflow", ORIGIN, "churn", str(number), stage=stage, aliases=aliases, author_there="someone@there"
    )
    return importing.import_version(
        actor=actor, model=model, claim=claim, spec=VersionSpec(source=f"s3://b/{number}"), number=number
    )


@pytest.fixture
def henrik(henrik: User) -> User:
    setup.initialise()
    return henrik


def adopt(by: User, version: ModelVersion, auth: str = "command", **target: str) -> PromotionRequest:
    return promotions.record_pre_governance_promotion(
        actor=access.actor_for(by, auth=auth), version=version, reason="brought from MLflow", **target
    )


def test_it_stands_where_it_stood_marked_and_unapproved(henrik: User) -> None:
    version = brought(henrik, 4, aliases=("champion",))

    made = adopt(henrik, version, target_stage="production")
    alias = adopt(henrik, version, target_alias="champion")

    version.refresh_from_db()
    assert version.number == 4
    assert version.stage.slug == "production"
    assert selectors.resolve(access.actor_for(henrik), "churn@champion") == version
    for request in (made, alias):
        assert request.state == "promoted"
        assert request.before_governance
        assert request.policy_revision is None
    assert not Decision.objects.exists()
    assert not CheckRun.objects.exists()
    held = StageOccupancy.objects.get(version=version, closed_at=None)
    assert held.before_governance
    assert held.promotion == made.uid
    event = Event.objects.filter(action="promotion.adopted").order_by("id")[0]
    assert event.body["data"]["before_governance"] is True
    assert event.body["actor"]["id"] == henrik.uid
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_page_and_a_token_do_not_adopt_and_neither_does_who_is_no_officer(henrik: User, priya: User) -> None:
    version = brought(henrik)

    with pytest.raises(PermissionDeniedError, match="import command"):
        adopt(henrik, version, auth="session", target_stage="production")
    with pytest.raises(PermissionDeniedError):
        adopt(priya, version, target_stage="production")


def test_only_what_the_record_says(henrik: User) -> None:
    version = brought(henrik, stage="Staging")

    with pytest.raises(InvalidStateError) as refused:
        adopt(henrik, version, target_stage="production")
    assert refused.value.code == "not_claimed"
    with pytest.raises(InvalidStateError):
        adopt(henrik, version, target_alias="champion")
    with pytest.raises(ValidationFailedError):
        promotions.record_pre_governance_promotion(
            actor=access.actor_for(henrik, auth="command"), version=version, target_stage="staging", reason=" "
        )

    assert adopt(henrik, version, target_stage="staging").state == "promoted"


def test_what_stands_here_stays(henrik: User) -> None:
    first, second = brought(henrik, 1), brought(henrik, 2)
    adopt(henrik, second, target_stage="production")

    with pytest.raises(ConflictError, match="Version 2"):
        adopt(henrik, first, target_stage="production")
    with pytest.raises(InvalidStateError):
        adopt(henrik, second, target_stage="production")


def test_the_database_refuses_it_without_the_record(henrik: User, priya: User) -> None:
    version = factories.version(factories.model(priya, "homegrown"), priya, source="s3://b/1")

    with pytest.raises(IntegrityError, match="no import record"), transaction.atomic():
        _insert(version, henrik, before_governance=True)


def test_the_database_refuses_a_protected_stage_without_a_policy(henrik: User) -> None:
    with pytest.raises(IntegrityError, match="under a policy"), transaction.atomic():
        _insert(brought(henrik), henrik, before_governance=False)


def test_the_database_refuses_a_place_that_does_not_say_how_it_was_reached(henrik: User) -> None:
    version = brought(henrik)
    made = adopt(henrik, version, target_stage="production")
    held = StageOccupancy.objects.get(version=version, closed_at=None)

    for promotion, before in ((made.uid, False), (made.uid, True), (None, True)):
        with pytest.raises(IntegrityError, match="how the version came there"), transaction.atomic():
            _point(held, promotion, before=before)


def test_records_are_found_again_and_never_change(henrik: User) -> None:
    first = brought(henrik, 3)
    count = Event.objects.count()

    assert brought(henrik, 3) == first
    assert Event.objects.count() == count
    assert RegisteredModel.objects.get(slug="churn").next_version == 4
    with pytest.raises(ConflictError, match="number 2"):
        brought(henrik, 2)
    with pytest.raises(IntegrityError), transaction.atomic():
        ImportRecord.objects.filter(version=first).update(stage="Staging")


def _insert(version: ModelVersion, by: User, *, before_governance: bool) -> None:
    now = clock.now()
    PromotionRequest.objects.create(
        uid=uuid4(),
        model=version.model,
        version=version,
        source_stage=version.stage,
        target_stage=Stage.objects.get(slug="production"),
        reason="by hand",
        state="promoted",
        before_governance=before_governance,
        fingerprint=version.fingerprint,
        requested_by=by,
        created_at=now,
        closed_at=now,
    )
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS governance_promoted_by_right IMMEDIATE")


def _point(held: StageOccupancy, promotion: UUID | None, *, before: bool) -> None:
    AliasAssignment.objects.create(
        version=held.version,
        model=held.model,
        name="fallback",
        promotion=promotion,
        before_governance=before,
        opened_at=held.opened_at,
        opened_event=held.opened_event,
    )
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS governance_place_says_how IMMEDIATE")
