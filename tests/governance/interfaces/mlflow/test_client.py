"""Every registry call of the real client, against a live server."""

from __future__ import annotations

from typing import Any

import pytest
from mlflow import MlflowClient, register_model, set_registry_uri, set_tracking_uri
from mlflow.entities.model_registry import ModelVersionTag

from audit.models import Event
from registry.models import ModelVersion, RegisteredModel
from tests.factories import PASSWORD
from tests.governance.interfaces.mlflow.conftest import Bank

# MLflow calls stages deprecated; they are what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

SOURCE = "s3://models/churn/1"


def store(mlflow: Any) -> Any:
    """What the client calls, past what it checks itself."""
    return mlflow._get_registry_client().store


def registered(mlflow: MlflowClient, name: str = "churn", count: int = 1) -> None:
    mlflow.create_registered_model(name)
    for number in range(1, count + 1):
        mlflow.create_model_version(name, f"s3://models/{name}/{number}")


def test_a_model_is_registered_found_and_described(mlflow: MlflowClient) -> None:
    made = mlflow.create_registered_model("churn", tags={"team": "retail", "empty": ""}, description="who leaves")

    got = mlflow.get_registered_model("churn")
    assert (got.name, got.description, got.tags) == ("churn", "who leaves", {"team": "retail", "empty": ""})
    assert dict(made) == dict(got)
    assert got.creation_timestamp > 1_600_000_000_000
    changed = mlflow.update_registered_model("churn", "who may leave")
    assert changed.description == "who may leave"
    assert changed.last_updated_timestamp >= got.last_updated_timestamp
    assert mlflow.update_registered_model("churn", None).description in (None, "")


def test_a_version_is_ready_at_once_and_says_who_made_it(mlflow: MlflowClient) -> None:
    mlflow.create_registered_model("churn")

    made = mlflow.create_model_version(
        "churn", SOURCE, run_id="r" * 32, tags={"a": "1"}, run_link="https://mlflow.example/r", description="first"
    )

    assert (made.version, made.status, made.current_stage, made.user_id) == ("1", "READY", "None", "priya")
    assert (made.source, made.run_id, made.run_link) == (SOURCE, "r" * 32, "https://mlflow.example/r")
    assert (made.tags, made.description, made.aliases) == ({"a": "1"}, "first", [])
    assert dict(mlflow.get_model_version("churn", "1")) == dict(made)
    assert mlflow.get_model_version_download_uri("churn", "1") == SOURCE
    assert mlflow.update_model_version("churn", "1", "better words").description == "better words"


def test_one_version_looks_the_same_wherever_it_is_shown(mlflow: MlflowClient) -> None:
    registered(mlflow)
    mlflow.set_registered_model_alias("churn", "candidate", "1")
    mlflow.set_model_version_tag("churn", "1", "b", "2")

    seen = [
        mlflow.get_model_version("churn", "1"),
        mlflow.get_model_version_by_alias("churn", "candidate"),
        mlflow.get_model_version_by_alias("churn", "LATEST"),
        *mlflow.get_latest_versions("churn"),
        *mlflow.search_model_versions("name='churn'"),
        *mlflow.get_registered_model("churn").latest_versions,
        *mlflow.search_registered_models("name='churn'")[0].latest_versions,
    ]

    assert len(seen) == 7
    assert all(dict(version) == dict(seen[0]) for version in seen)
    assert seen[0].aliases == ["candidate"]


def test_tags_come_and_go(mlflow: MlflowClient) -> None:
    registered(mlflow)

    mlflow.set_registered_model_tag("churn", "a b/c", "1")
    mlflow.set_registered_model_tag("churn", "a b/c", "2")
    mlflow.set_model_version_tag("churn", "1", "empty", "")
    assert mlflow.get_registered_model("churn").tags == {"a b/c": "2"}
    assert mlflow.get_model_version("churn", "1").tags == {"empty": ""}

    mlflow.delete_registered_model_tag("churn", "a b/c")
    mlflow.delete_registered_model_tag("churn", "never there")
    mlflow.delete_model_version_tag("churn", "1", "empty")
    assert mlflow.get_registered_model("churn").tags == {}
    assert mlflow.get_model_version("churn", "1").tags == {}


def test_a_free_alias_moves_at_once(mlflow: MlflowClient, refused: Any) -> None:
    registered(mlflow, count=2)

    for version in ("1", "2", "2"):
        mlflow.set_registered_model_alias("churn", "candidate", version)
        assert mlflow.get_model_version_by_alias("churn", "candidate").version == version
    assert mlflow.get_registered_model("churn").aliases == {"candidate": "2"}
    mlflow.delete_registered_model_alias("churn", "candidate")
    mlflow.delete_registered_model_alias("churn", "candidate")

    with refused("INVALID_PARAMETER_VALUE") as caught:
        mlflow.get_model_version_by_alias("churn", "candidate")
    assert "Registered model alias candidate not found." in str(caught.value)


def test_a_name_that_is_no_slug_is_kept(mlflow: MlflowClient, refused: Any) -> None:
    made = mlflow.create_registered_model("Churn Model (EU)")
    version = mlflow.create_model_version("Churn Model (EU)", SOURCE)

    assert (made.name, version.name) == ("Churn Model (EU)", "Churn Model (EU)")
    assert RegisteredModel.objects.get().slug == "churn-model-eu"
    assert mlflow.get_registered_model("Churn Model (EU)").latest_versions[0].version == "1"
    assert [m.name for m in mlflow.search_registered_models("name ILIKE 'churn m%'")] == ["Churn Model (EU)"]
    with refused("RESOURCE_DOES_NOT_EXIST"):  # its slug is no MLflow name
        mlflow.get_model_version("churn-model-eu", "1")


def test_a_copy_keeps_where_it_came_from(mlflow: MlflowClient) -> None:
    registered(mlflow)
    mlflow.set_registered_model_alias("churn", "candidate", "1")

    copy = mlflow.copy_model_version("models:/churn@candidate", "churn-eu")

    assert (copy.name, copy.version, copy.source) == ("churn-eu", "1", "models:/churn/1")
    assert mlflow.get_model_version_download_uri("churn-eu", "1") == "s3://models/churn/1"
    assert [parent.model.slug for parent in ModelVersion.objects.get(model__slug="churn-eu").parents.all()] == ["churn"]


def test_what_is_not_there(mlflow: MlflowClient, refused: Any) -> None:
    registered(mlflow)
    for call, text in (
        (lambda: mlflow.get_registered_model("x"), "Registered Model with name=x not found"),
        (lambda: mlflow.get_model_version("churn", "9"), "Model Version (name=churn, version=9) not found"),
        (
            lambda: mlflow.set_registered_model_alias("churn", "a", "9"),
            "Model Version (name=churn, version=9) not found",
        ),
        (lambda: mlflow.get_model_version("churn", str(10**30)), f"version={10**30}) not found"),
        (lambda: mlflow.get_latest_versions("x"), "Registered Model with name=x not found"),
    ):
        with refused("RESOURCE_DOES_NOT_EXIST") as caught:
            call()
        assert text in str(caught.value)
    mlflow.create_registered_model("empty")
    with refused("RESOURCE_DOES_NOT_EXIST") as caught:
        mlflow.get_model_version_by_alias("empty", "latest")
    assert "Latest version not found for model empty." in str(caught.value)


def test_a_name_is_taken_once(mlflow: MlflowClient, refused: Any) -> None:
    registered(mlflow)

    with refused("RESOURCE_ALREADY_EXISTS") as caught:
        mlflow.create_registered_model("churn")

    assert "Registered Model (name=churn) already exists" in str(caught.value)


@pytest.mark.parametrize(
    ("alias", "text"),
    [
        ("latest", "'latest' alias name (case insensitive) is reserved."),
        ("v12", "Version alias name 'v12' is reserved."),
        ("a b", "Invalid alias name: 'a b'."),
        ("Champion", "the protected alias"),
    ],
)
def test_an_alias_that_cannot_be(bank: Bank, refused: Any, alias: str, text: str) -> None:
    mlflow = bank.client()
    registered(mlflow)

    with refused("INVALID_PARAMETER_VALUE") as caught:
        # The client itself checks some names; ask its store.
        store(mlflow).set_registered_model_alias("churn", alias, "1")

    assert text in str(caught.value)


def test_what_was_never_governed_is_renamed_and_deleted(mlflow: MlflowClient, refused: Any) -> None:
    registered(mlflow, "Churn", count=2)
    mlflow.set_registered_model_alias("Churn", "blue", "1")
    mlflow.rename_registered_model("Churn", "Churn")
    mlflow.rename_registered_model("Churn", "Attrition 2")
    assert mlflow.get_registered_model("Attrition 2").name == "Attrition 2"
    with refused("RESOURCE_DOES_NOT_EXIST"):
        mlflow.get_registered_model("Churn")
    assert mlflow.get_model_version_by_alias("Attrition 2", "blue").version == "1"

    mlflow.delete_model_version("Attrition 2", "1")
    for call in (mlflow.get_model_version, mlflow.delete_model_version, mlflow.get_model_version_download_uri):
        with refused("RESOURCE_DOES_NOT_EXIST"):
            call("Attrition 2", "1")
    assert [v.version for v in mlflow.search_model_versions("name='Attrition 2'")] == ["2"]
    assert mlflow.get_registered_model("Attrition 2").aliases == {}
    assert mlflow.create_model_version("Attrition 2", SOURCE).version == "3"

    mlflow.delete_registered_model("Attrition 2")
    assert mlflow.search_registered_models() == []
    assert mlflow.search_model_versions() == []
    registered(mlflow, "Attrition 2")
    assert mlflow.get_model_version("Attrition 2", "1").source == "s3://models/Attrition 2/1"
    assert Event.objects.get(action="model.deleted").body["data"] == {"slug": "churn"}


def test_what_is_governed_stays_on_record_and_says_why(mlflow: MlflowClient, refused: Any) -> None:
    registered(mlflow)
    mlflow.copy_model_version("models:/churn/1", "copy")
    for call in (
        lambda: mlflow.delete_registered_model("churn"),
        lambda: mlflow.delete_model_version("churn", "1"),
        lambda: mlflow.rename_registered_model("churn", "attrition"),
    ):
        with refused("RESOURCE_CONFLICT") as caught:
            call()
        assert "another version was made from it" in str(caught.value)
    assert mlflow.get_model_version("churn", "1").version == "1"


def test_register_model_creates_both(bank: Bank) -> None:
    bank.client()
    set_tracking_uri(bank.url)
    set_registry_uri(bank.url)

    first = register_model("s3://models/churn/1", "churn", tags={"a": "1"})
    second = register_model("s3://models/churn/2", "churn")

    assert (first.version, second.version, first.tags) == ("1", "2", {"a": "1"})


def test_a_source_only_a_tracking_server_knows_is_kept(mlflow: MlflowClient) -> None:
    mlflow.create_registered_model("churn")

    made = store(mlflow).create_model_version("churn", "models:/m-0123456789abcdef", model_id="m-0123456789abcdef")

    assert made.source == "models:/m-0123456789abcdef"
    assert mlflow.get_model_version_download_uri("churn", "1") == "models:/m-0123456789abcdef"


def test_basic_carries_the_token_as_its_password(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = bank.secret(bank.people.priya)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "whoever")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", secret)

    MlflowClient(tracking_uri=bank.url).create_registered_model("churn")

    event = Event.objects.filter(action="model.registered").get()
    assert event.body["actor"]["auth"] == "token"


def test_an_account_password_opens_nothing(bank: Bank, monkeypatch: pytest.MonkeyPatch, refused: Any) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", bank.people.priya.username)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)

    with refused("UNAUTHENTICATED") as caught:
        MlflowClient(tracking_uri=bank.url).search_registered_models()

    assert "account passwords are never accepted" in str(caught.value)


def test_who_may_not_see_it_receives_not_found(bank: Bank, refused: Any) -> None:
    registered(bank.client())
    mlflow = bank.client(bank.people.eve)

    assert mlflow.search_registered_models() == []
    assert mlflow.search_model_versions() == []
    for call in (
        lambda: mlflow.get_registered_model("churn"),
        lambda: mlflow.get_model_version("churn", "1"),
        lambda: mlflow.create_model_version("churn", SOURCE),
        lambda: store(mlflow).set_model_version_tag("churn", "1", _tag()),
    ):
        with refused("RESOURCE_DOES_NOT_EXIST"):
            call()


def _tag() -> Any:
    made: Any = ModelVersionTag
    return made("a", "1")


def test_a_token_without_the_scope_is_denied_and_shown_which(bank: Bank, refused: Any) -> None:
    registered(bank.client())
    mlflow = bank.client(secret=bank.secret(bank.people.priya, "models:read"))

    assert mlflow.get_registered_model("churn").name == "churn"
    for call, scope in (
        (lambda: mlflow.create_registered_model("other"), "models:write"),
        (lambda: mlflow.create_model_version("churn", SOURCE), "versions:write"),
        (lambda: mlflow.transition_model_version_stage("churn", "1", "Archived"), "promotions:write"),
        (lambda: mlflow.set_registered_model_alias("churn", "a", "1"), "promotions:write"),
    ):
        with refused("PERMISSION_DENIED") as caught:
            call()
        assert scope in str(caught.value)
