"""An instance without protection changes stages as an MLflow server does; aliases and run links are stored as sent."""

from __future__ import annotations

import io
from datetime import timedelta
from itertools import permutations

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from audit import clock
from governance.interfaces.web import context_processors
from registry.access import SCOPES
from tests import factories
from tests.governance.interfaces.mlflow.conftest import Raw
from tests.personas import People

STAGES = ("None", "Staging", "Production", "Archived")


@pytest.fixture
def free(db: None, settings: LazySettings, monkeypatch: pytest.MonkeyPatch, people: People) -> Raw:
    """Priya's token on an instance that protects nothing; her model churn has three versions."""
    monkeypatch.setattr(context_processors, "_protects", False)
    settings.COUNTERSIGN_PROTECTED = "none"
    call_command("initialise", stdout=io.StringIO())
    raw = Raw(factories.token(people.priya, SCOPES)[1])
    raw("POST", "registered-models/create", {"name": "churn"})
    for number in "123":
        raw("POST", "model-versions/create", {"name": "churn", "source": f"s3://churn/{number}"})
    return raw


def move(raw: Raw, number: int, stage: str, *, archive: bool = False) -> str:
    given = {"name": "churn", "version": str(number), "stage": stage, "archive_existing_versions": archive}
    answer = raw("POST", "model-versions/transition-stage", given)
    assert answer.status == 200, answer
    return str(answer.body["model_version"]["current_stage"])


def stage_of(raw: Raw, number: int) -> str:
    got = raw("GET", "model-versions/get", name="churn", version=str(number))
    return str(got.body["model_version"]["current_stage"])


def test_every_move_of_mlflow_is_allowed(free: Raw) -> None:
    for source, target in permutations(STAGES, 2):
        if stage_of(free, 1) != source:
            move(free, 1, source)
        assert move(free, 1, target) == target


def test_the_others_of_staging_are_archived(free: Raw) -> None:
    move(free, 1, "Staging")
    move(free, 2, "Staging")
    assert move(free, 3, "Staging", archive=True) == "Staging"
    assert [stage_of(free, number) for number in (1, 2, 3)] == ["Archived", "Archived", "Staging"]
    given = {"name": "churn", "version": "3", "stage": "Archived", "archive_existing_versions": True}
    said = free("POST", "model-versions/transition-stage", given).error("INVALID_PARAMETER_VALUE", 400)
    assert "Valid stages are ['Staging', 'Production']" in said


def test_a_move_changes_when_the_model_was_last_updated(free: Raw) -> None:
    def updated() -> int:
        return int(
            free("GET", "registered-models/get", name="churn").body["registered_model"]["last_updated_timestamp"]
        )

    before = updated()
    with clock.freeze(clock.now() + timedelta(minutes=5)):
        move(free, 1, "Staging")
    moved = updated()
    assert moved >= before + 300_000
    version = free("GET", "model-versions/get", name="churn", version="1").body["model_version"]
    assert version["last_updated_timestamp"] == moved


def test_aliases_of_other_scripts_and_links_of_any_form_are_taken(free: Raw) -> None:
    for alias in ("Prüfung", "второй", "blue_green-1"):
        assert free("POST", "registered-models/alias", {"name": "churn", "alias": alias, "version": "1"}).status == 200
        got = free("GET", "registered-models/alias", name="churn", alias=alias)
        assert got.body["model_version"]["version"] == "1"
    given = {"name": "churn", "source": "s3://churn/4", "run_link": "databricks run 17"}
    assert free("POST", "model-versions/create", given).body["model_version"]["run_link"] == "databricks run 17"


def test_the_same_source_at_once_is_a_version_each(free: Raw) -> None:
    given = {"name": "churn", "source": "s3://churn/latest", "tags": [{"key": "job", "value": "1"}]}
    made = [free("POST", "model-versions/create", given).body["model_version"]["version"] for _ in range(3)]
    assert made == ["4", "5", "6"]
