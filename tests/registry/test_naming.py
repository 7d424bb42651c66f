"""Names that MLflow clients give, and small changes of records."""

from __future__ import annotations

import pytest

from audit.models import Event
from registry import access
from registry.access import Role
from registry.exceptions import PermissionDeniedError, ValidationFailedError
from registry.models import ModelVersion, RegisteredModel, User
from registry.services import metadata, mlflow_names
from tests import factories


def register(by: User, name: str, **facts: object) -> RegisteredModel:
    return mlflow_names.register_model_with_mlflow_name(actor=access.actor_for(by), name=name, **facts)


def test_a_lawful_slug_is_the_models_own_name(priya: User) -> None:
    made = register(priya, "credit-risk-pd")

    assert (made.slug, made.mlflow_name, made.display_name) == ("credit-risk-pd", None, "credit-risk-pd")


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Churn Model", "churn-model"), ("Prüfung (neu)", "prufung-neu"), ("new", "new-2"), ("解約", "model")],
)
def test_another_name_is_kept_beside_a_slug_made_from_it(priya: User, name: str, slug: str) -> None:
    made = register(priya, name)

    assert (made.slug, made.mlflow_name, made.display_name, made.title) == (slug, name, name, name)
    assert mlflow_names.get_by_mlflow_name(name) == made


def test_a_slug_that_is_taken_is_counted_on(priya: User) -> None:
    register(priya, "churn-model")

    assert [register(priya, name).slug for name in ("Churn Model", "CHURN model")] == ["churn-model-2", "churn-model-3"]


@pytest.mark.parametrize("name", ["Churn Model", "churn-model"])
def test_a_name_is_given_once(priya: User, eve: User, name: str) -> None:
    register(priya, name)

    for by, code in ((priya, "taken"), (eve, "name_unavailable")):
        with pytest.raises(ValidationFailedError) as refused:
            register(by, name)
        assert refused.value.errors[0].code == code


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a:b", "..", "a\x00b", "x" * 257])
def test_a_name_that_cannot_be(priya: User, name: str) -> None:
    with pytest.raises(ValidationFailedError):
        register(priya, name)


def test_tags_are_set_and_taken_away_one_by_one(lifecycle: None, priya: User) -> None:
    actor = access.actor_for(priya)
    model = factories.model(priya, tags={"a": "1"})
    version = factories.version(model, priya)

    metadata.tag_model(actor=actor, model=model, key="b", value="2")
    metadata.tag_model(actor=actor, model=model, key="a", value=None)
    metadata.tag_model(actor=actor, model=model, key="a", value=None)
    metadata.tag_version(actor=actor, version=version, key="c", value="")
    metadata.describe_version(actor=actor, version=version, description="words")

    assert RegisteredModel.objects.get(pk=model.pk).tags == {"b": "2"}
    kept = ModelVersion.objects.get(pk=version.pk)
    assert (kept.tags, kept.description, kept.fingerprint) == ({"c": ""}, "words", version.fingerprint)
    assert kept.updated_at is not None
    actions = [str(event.action) for event in Event.objects.order_by("-id")[:4]]
    assert actions == ["version.updated", "version.updated", "model.updated", "model.updated"]


def test_a_registrar_tags_versions_and_not_the_model(lifecycle: None, priya: User, eve: User) -> None:
    model = factories.model(priya)
    version = factories.version(model, priya)
    factories.grant(Role.REGISTRAR, to=eve, on=model)
    actor = access.actor_for(eve)

    metadata.tag_version(actor=actor, version=version, key="c", value="1")
    with pytest.raises(PermissionDeniedError):
        metadata.tag_model(actor=actor, model=model, key="c", value="1")


def test_what_a_tag_may_be_is_a_rule(lifecycle: None, priya: User) -> None:
    model = factories.model(priya, tags={f"t{number}": "" for number in range(100)})

    for key, value in (("", "x"), ("x", "v" * 5_001), ("one-more", "")):
        with pytest.raises(ValidationFailedError):
            metadata.tag_model(actor=access.actor_for(priya), model=model, key=key, value=value)
