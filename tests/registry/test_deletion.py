"""What was never governed is deleted as a tombstone and renamed; what was governed is neither, whoever asks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction

import governance.services.setup  # noqa: F401 - registers how requests of a model are found
from audit import clock
from audit.models import Event
from governance import promotions
from registry import access, selectors
from registry.exceptions import InvalidStateError, NotFoundError, PermissionDeniedError, ValidationFailedError
from registry.models import AliasAssignment, ModelVersion, RegisteredModel, RegisteredName, User
from registry.services import deletion, metadata, mlflow_names, models
from registry.services.importing import ImportedClaim, import_version
from registry.services.versions import VersionSpec
from tests import factories

WHY = "made by mistake"


@pytest.fixture
def priya(db: None) -> User:
    factories.lifecycle()
    return factories.person("priya")


@pytest.fixture
def churn(priya: User) -> RegisteredModel:
    return mlflow_names.register_model_with_mlflow_name(actor=access.actor_for(priya), name="Churn Model")


def delete(model: RegisteredModel, by: User) -> None:
    deletion.delete_model(actor=access.actor_for(by), model=model, reason=WHY)


def test_a_deleted_model_is_invisible_and_its_name_is_free(churn: RegisteredModel, priya: User) -> None:
    version = factories.version(churn, priya, {"m": b"1"})
    promotions.request(actor=access.actor_for(priya), version=version, target_alias="blue", reason="free")
    auditor = factories.person("ingrid")
    factories.grant(access.Role.AUDITOR, to=auditor)
    delete(churn, priya)
    connection.check_constraints()

    for person in (priya, auditor):
        actor = access.actor_for(person)
        assert not access.check_permission(actor, access.Permission.VIEW, churn)
        assert not access.visible_models(actor).exists()
        assert not access.visible_models_for_list(actor).exists()
        with pytest.raises(NotFoundError):
            selectors.model(actor, churn.slug)
    assert not RegisteredModel.objects.exists()
    assert not ModelVersion.objects.exists()
    assert not AliasAssignment.objects.filter(closed_at__isnull=True).exists()
    actions = list(Event.objects.filter(stream_id=f"model:{churn.uid}").order_by("pk").values_list("action", flat=True))
    assert actions[-2:] == ["version.deleted", "model.deleted"]
    assert "model.registered" in actions
    kept = RegisteredModel._base_manager.get(pk=churn.pk)
    assert kept.deleted_at is not None

    again = mlflow_names.register_model_with_mlflow_name(actor=access.actor_for(priya), name="Churn Model")
    assert (again.slug, again.display_name, again.uid == churn.uid) == ("churn-model", "Churn Model", False)
    assert factories.version(again, priya).number == 1


def test_a_deleted_version_is_gone_from_lists_and_its_number_is_not_given_again(
    churn: RegisteredModel, priya: User
) -> None:
    actor = access.actor_for(priya)
    first, second = factories.version(churn, priya), factories.version(churn, priya)
    promotions.request(actor=actor, version=second, target_stage="archived", reason="free")
    deletion.delete_version(actor=actor, version=second, reason=WHY)
    connection.check_constraints()
    assert [v.number for v in selectors.versions_of(churn)] == [first.number]
    with pytest.raises(NotFoundError):
        selectors.version(actor, churn.slug, second.number)
    with pytest.raises(NotFoundError, match="was deleted"):
        metadata.tag_version(actor=actor, version=second, key="a", value="b")
    assert factories.version(churn, priya).number == 3
    deletion.delete_version(actor=actor, version=first, reason=WHY)
    assert ModelVersion._base_manager.get(pk=first.pk).stage.slug == "archived", "it occupies no stage in use"


def test_a_renamed_model_keeps_its_slug_and_frees_its_old_name(churn: RegisteredModel, priya: User) -> None:
    actor = access.actor_for(priya)
    deletion.rename_model(actor=actor, model=churn, name="Churn 2027", reason=WHY)
    churn.refresh_from_db()
    assert (churn.slug, churn.display_name) == ("churn-model", "Churn 2027")
    other = mlflow_names.register_model_with_mlflow_name(actor=actor, name="Churn Model")
    assert (other.slug, other.display_name) == ("churn-model-2", "Churn Model")
    with pytest.raises(ValidationFailedError) as refused:
        deletion.rename_model(actor=actor, model=churn, name="Churn Model", reason=WHY)
    assert refused.value.errors[0].code == "taken"
    with pytest.raises(ValidationFailedError) as refused:
        deletion.rename_model(actor=actor, model=other, name="Сhurn 2027", reason=WHY)
    assert refused.value.errors[0].code == "looks_alike"
    deletion.rename_model(actor=actor, model=other, name="churn-model-2", reason=WHY)
    deletion.rename_model(actor=actor, model=churn, name="Churn Model", reason=WHY)
    connection.check_constraints()
    held = RegisteredName.objects.filter(released_at__isnull=True)
    assert held.filter(model=churn).count() == 2
    assert held.filter(model=other).count() == 1


def _mark(of: type[RegisteredModel] | type[ModelVersion], pk: int) -> None:
    """Mark a row as deleted past the services."""
    with transaction.atomic():
        of._base_manager.filter(pk=pk).update(deleted_at=clock.now())
        connection.check_constraints()


def _imported(churn: RegisteredModel, priya: User) -> None:
    import_version(
        actor=access.actor_for(priya),
        model=churn,
        spec=VersionSpec(source="s3://old/1"),
        claim=ImportedClaim(kind="mlflow", origin="https://old.example", name="churn", number="1", stage="Production"),
    )


def _referred_to(churn: RegisteredModel, priya: User) -> None:
    version = factories.version(churn, priya)
    factories.version(factories.model(priya, "copy"), priya, parents=[version])


def _assessed(churn: RegisteredModel, priya: User) -> None:
    factories.assessed(churn, 3)


@pytest.mark.parametrize(
    ("govern", "because"),
    [
        (_imported, "imported"),
        (_referred_to, "another version was made from it"),
        (_assessed, "its risk was assessed"),
    ],
)
def test_what_was_governed_stays(
    churn: RegisteredModel, priya: User, govern: Callable[[RegisteredModel, User], None], because: str
) -> None:
    govern(churn, priya)
    actor = access.actor_for(priya)
    attempts: list[Callable[[], object]] = [
        lambda: delete(churn, priya),
        lambda: deletion.rename_model(actor=actor, model=churn, name="other", reason=WHY),
    ]
    if govern is not _assessed:
        version = ModelVersion.objects.get(model=churn)
        attempts.append(lambda: deletion.delete_version(actor=actor, version=version, reason=WHY))
    for attempt in attempts:
        with pytest.raises(InvalidStateError, match=because) as refused:
            attempt()
        assert refused.value.code == "governed"
    with pytest.raises(IntegrityError):
        _mark(RegisteredModel, churn.pk)


def test_the_database_refuses_a_deletion_without_its_event(churn: RegisteredModel, priya: User) -> None:
    version = factories.version(churn, priya)
    connection.check_constraints()
    models.update_model(actor=access.actor_for(priya), model=churn, description="other words")
    with pytest.raises(IntegrityError, match="no event of this transaction says so"):
        _mark(RegisteredModel, churn.pk)
    with pytest.raises(IntegrityError, match="no event of this transaction says so"):
        _mark(ModelVersion, version.pk)


def test_only_an_owner_deletes(churn: RegisteredModel, priya: User) -> None:
    developer = factories.person("dev")
    factories.grant(access.Role.DEVELOPER, to=developer, on=churn)
    with pytest.raises(PermissionDeniedError, match="Only an owner") as refused:
        delete(churn, developer)
    assert refused.value.who_can == (priya.name,)
    stranger = factories.person("stranger")
    with pytest.raises(NotFoundError):
        delete(churn, stranger)


def test_versions_of_one_model_that_were_made_from_each_other_go_with_it(churn: RegisteredModel, priya: User) -> None:
    first = factories.version(churn, priya)
    factories.version(churn, priya, parents=[first])
    with pytest.raises(InvalidStateError, match="made from it"):
        deletion.delete_version(actor=access.actor_for(priya), version=first, reason=WHY)
    delete(churn, priya)
    connection.check_constraints()
