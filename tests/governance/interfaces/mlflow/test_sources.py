"""A source that names a version of an invisible model discloses nothing."""

from __future__ import annotations

import pytest

from audit.actor import Actor
from governance.selectors import compact_rows
from registry import access
from registry.access import Role
from registry.access.grants import revoke_role
from registry.models import Grant, ModelVersion, RegisteredModel
from registry.services import importing, mlflow_names, versions
from registry.services.importing import ImportedClaim
from registry.services.versions import VersionSpec
from tests import factories
from tests.governance.interfaces.mlflow.conftest import Raw
from tests.governance.interfaces.rest.conftest import caller_of
from tests.personas import People

SECRET = "s3://vault/secret"


@pytest.fixture
def hidden(installed: People) -> ModelVersion:
    """A version that Priya may not see, called Hidden by MLflow clients."""
    model = mlflow_names.register_model_with_mlflow_name(actor=access.actor_for(installed.eve), name="Hidden")
    return factories.version(model, installed.eve, source=SECRET)


@pytest.fixture
def mine(raw: Raw) -> Raw:
    assert raw("POST", "registered-models/create", {"name": "mine"}).status == 200
    return raw


@pytest.mark.parametrize(
    "source",
    [
        "models:/Hidden/1",
        " models:/Hidden/1",
        "models:/Hidden/1\t",
        "\u00a0models:/Hidden/1",
        "Models:/Hidden/01",
        "models:///Hidden/1",
        "models:/Hidden/latest",
    ],
)
def test_a_hidden_version_is_no_source(mine: Raw, hidden: ModelVersion, source: str) -> None:
    answer = mine("POST", "model-versions/create", {"name": "mine", "source": source})

    answer.error("RESOURCE_DOES_NOT_EXIST", 404)
    assert not ModelVersion.objects.filter(model__slug="mine").exists()


@pytest.mark.parametrize("source", ["models:/Hidden/1", " models:/Hidden/1", "MODELS:/Hidden/1", "models:/Hidden/9"])
def test_nor_is_it_one_for_the_rest_interface(installed: People, hidden: ModelVersion, source: str) -> None:
    factories.model(installed.priya, "mine")
    call = caller_of(installed.priya)

    answer = call.post("/models/mine/versions", {"source": source})

    problem = answer.problem(422, "invalid_input")
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/source", "unknown_version")]


@pytest.mark.parametrize("stored", ["models:/Hidden/1", " models:/Hidden/1", "MODELS:/Hidden/1", "models:/Hidden/x"])
def test_a_source_stored_before_without_its_parent_is_not_followed(
    mine: Raw, installed: People, hidden: ModelVersion, stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "with_source", lambda faults, actor, spec: spec)
    _declared_before(installed, stored)

    answer = mine("GET", "model-versions/get-download-uri", name="mine", version="1")

    assert SECRET not in answer.error("RESOURCE_DOES_NOT_EXIST", 404)


def test_a_copy_is_followed_while_its_parent_may_be_seen(mine: Raw, installed: People, hidden: ModelVersion) -> None:
    factories.grant(Role.VIEWER, to=installed.priya, on=hidden.model)
    made = mine("POST", "model-versions/create", {"name": "mine", "source": "MODELS:/Hidden/01"})
    assert made.body["model_version"]["source"] == "models:/Hidden/1"
    asked = {"name": "mine", "version": "1"}
    assert mine("GET", "model-versions/get-download-uri", **asked).body == {"artifact_uri": SECRET}

    grant = Grant.objects.get(model=hidden.model, user=installed.priya, role=Role.VIEWER, closed_at=None)
    revoke_role(actor=factories.SETUP, grant=grant, reason="the scene of a test")

    assert SECRET not in mine("GET", "model-versions/get-download-uri", **asked).error("RESOURCE_DOES_NOT_EXIST", 404)


def test_a_name_is_taken_as_written(raw: Raw) -> None:
    for name, source in (("zz a", "s3://models/blank"), ("zz%20a", "s3://models/percent")):
        raw("POST", "registered-models/create", {"name": name})
        raw("POST", "model-versions/create", {"name": name, "source": source})
    raw("POST", "registered-models/create", {"name": "copy"})

    raw("POST", "model-versions/create", {"name": "copy", "source": "models:/zz%20a/1"})

    answer = raw("GET", "model-versions/get-download-uri", name="copy", version="1")
    assert answer.body == {"artifact_uri": "s3://models/percent"}


def test_a_source_of_another_registry_names_none_of_ours(installed: People, hidden: ModelVersion) -> None:
    actor = access.actor_for(installed.priya)
    model = factories.model(installed.priya, "mine")

    def brought(number: str, source: str) -> ModelVersion:
        return importing.import_version(
            actor=actor, model=model, claim=_claim(number), spec=VersionSpec(source=source), number=int(number)
        )

    first = brought("1", "models:/Hidden/1")
    brought("2", "s3://models/2")
    third = brought("3", "models:/theirs/2")

    assert (first.source, first.import_record.claims) == ("", {"source": "models:/Hidden/1"})
    assert not first.parents.exists()
    assert [parent.number for parent in third.parents.all()] == [2]
    assert _uri(actor, 3) == "s3://models/2"


def _claim(number: str) -> ImportedClaim:
    return ImportedClaim("mlflow", "https://there.example", "theirs", number)


def _uri(actor: Actor, number: int) -> str | None:
    return compact_rows.resolve_source(actor, "mine", number, steps=10)


def _declared_before(people: People, source: str) -> None:
    """A version as it was declared before sources had a canonical form: with the text, and without a parent."""
    versions.declare_version(
        actor=access.actor_for(people.priya),
        model=RegisteredModel.objects.get(slug="mine"),
        spec=VersionSpec(source=source),
    )
