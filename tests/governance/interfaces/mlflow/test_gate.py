"""The gate for unmodified clients: a protected target opens a request, and nothing changes before its policy is met."""

from __future__ import annotations

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import Request, urlopen

import pytest
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from governance.models import PromotionRequest
from governance.services import evidence, policies, setup
from registry import access
from registry.models import AliasAssignment, ModelVersion, RegisteredModel
from registry.services.versions import MetricSpec
from tests import factories
from tests.governance.interfaces.mlflow.conftest import Bank
from tests.governance.interfaces.mlflow.test_client import registered
from tests.governance.interfaces.rest.conftest import CARD
from tests.governance.signing import approve

# MLflow calls stages deprecated; they are what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def tiered(bank: Bank, tier: int = 2) -> MlflowClient:
    """A client whose model `churn` has two versions and a tier, which no MLflow call can give it."""
    mlflow = bank.client()
    registered(mlflow, count=2)
    factories.assessed(RegisteredModel.objects.get(slug="churn"), tier)
    return mlflow


def test_a_protected_stage_is_asked_for_and_the_error_names_the_request(bank: Bank, refused: Any) -> None:
    mlflow = tiered(bank)

    with refused("RESOURCE_CONFLICT") as caught:
        mlflow.transition_model_version_stage("churn", "1", "Staging")

    request = PromotionRequest.objects.get()
    said = str(caught.value)
    assert f"Promotion request #{request.pk} (churn version 1 → Staging) was opened" in said
    assert f"{bank.url}/promotions/{request.pk}/" in said
    assert "waiting for evidence" in said
    assert "countersign attach churn 1 PATH…" in said
    assert "the version stays where it is until its policy is met" in said
    assert "Once the policy is met, the request is carried out automatically." in said
    assert (request.requested_by.username, request.requested_with is not None) == ("priya", True)
    assert mlflow.get_model_version("churn", "1").current_stage == "None"
    gate = mlflow.get_model_version("churn", "1").deployment_job_state
    assert gate is not None
    assert (gate.run_id, gate.run_state) == (str(request.pk), "APPROVAL")
    assert gate.current_task_name == f"Staging: waits for checks, {bank.url}/promotions/{request.pk}/"


def test_asking_again_finds_the_open_request(bank: Bank, refused: Any) -> None:
    mlflow = tiered(bank)
    for word in ("was opened", "is open", "is open"):
        with refused("RESOURCE_CONFLICT") as caught:
            mlflow.set_registered_model_alias("churn", "champion", "1")
        assert word in str(caught.value)

    assert PromotionRequest.objects.count() == 1
    assert not AliasAssignment.objects.exists()
    with refused("INVALID_PARAMETER_VALUE"):
        mlflow.get_model_version_by_alias("churn", "champion")


def test_a_transition_without_request_states_what_is_missing(bank: Bank, refused: Any) -> None:
    mlflow = bank.client()
    registered(mlflow)

    with refused("RESOURCE_CONFLICT") as caught:
        mlflow.transition_model_version_stage("churn", "1", "Staging")

    said = str(caught.value)
    assert "was not requested. churn has no risk tier" in said
    assert f"Assess it: {bank.url}/models/churn/risk/assess/" in said
    assert "countersign assess churn" in said
    assert "Who can: " in said
    assert not PromotionRequest.objects.exists()


def test_a_move_the_lifecycle_does_not_know(bank: Bank, refused: Any) -> None:
    mlflow = tiered(bank)

    with refused("RESOURCE_CONFLICT") as caught:
        mlflow.transition_model_version_stage("churn", "1", "Production")

    assert "Development → Production is not a move of this lifecycle" in str(caught.value)


def test_a_free_stage_is_entered_at_once(mlflow: MlflowClient) -> None:
    registered(mlflow, count=2)

    moved = mlflow.transition_model_version_stage("churn", "1", "archived")

    assert moved.current_stage == "Archived"
    assert moved.last_updated_timestamp > moved.creation_timestamp
    assert mlflow.transition_model_version_stage("churn", "1", "Archived").current_stage == "Archived"
    assert [v.version for v in mlflow.get_latest_versions("churn", ["None"])] == ["2"]
    assert mlflow.transition_model_version_stage("churn", "1", "None").current_stage == "None"


def test_a_stage_there_is_not(mlflow: MlflowClient, refused: Any) -> None:
    registered(mlflow)

    with refused("INVALID_PARAMETER_VALUE") as caught:
        mlflow.transition_model_version_stage("churn", "1", "Canary")
    assert "Invalid Model Version stage: Canary. Value must be one of None, Staging, Production, Archived." in str(
        caught.value
    )
    with refused("INVALID_PARAMETER_VALUE") as caught:
        mlflow.transition_model_version_stage("churn", "1", "Archived", archive_existing_versions=True)
    assert "'Archived' is not an Active stage. Valid stages are ['Staging', 'Production']" in str(caught.value)


OPEN_DOOR = "slug: open-{0}\ntitle: Whoever asks enters {0}\napplies_to: {{{1}}}\npriority: 10\n"


def open_doors(bank: Bank) -> None:
    """Policies that ask for nothing: the gate stands, and lets everybody through."""
    for name, target in (
        ("staging", "stages: [staging]"),
        ("production", "stages: [production]"),
        ("archived", "from: [production], to: [archived]"),
        ("champion", "aliases: [champion]"),
    ):
        policies.publish(
            actor=setup.INSTALLER,
            source=OPEN_DOOR.format(name, target),
            reason="the scene of a test",
        )


def test_models_resolve_to_what_was_approved(bank: Bank) -> None:
    mlflow = tiered(bank)
    open_doors(bank)

    for version in ("1", "2"):
        mlflow.transition_model_version_stage("churn", version, "Staging")
        mlflow.transition_model_version_stage("churn", version, "Production", archive_existing_versions=True)
        mlflow.set_registered_model_alias("churn", "champion", version)
        assert mlflow.get_model_version_by_alias("churn", "champion").version == version
        assert [v.version for v in mlflow.get_latest_versions("churn", ["Production"])] == [version]
        gate = mlflow.get_model_version("churn", version).deployment_job_state
        assert gate is not None
        assert gate.run_state == "SUCCEEDED"

    assert mlflow.get_model_version("churn", "1").current_stage == "Archived"
    promoted = PromotionRequest.objects.filter(state="promoted", policy_revision__isnull=False)
    assert promoted.count() == 6


def test_existing_versions_of_a_shared_stage_are_archived_when_asked(bank: Bank) -> None:
    mlflow = tiered(bank)
    open_doors(bank)

    mlflow.transition_model_version_stage("churn", "1", "Staging")
    mlflow.transition_model_version_stage("churn", "2", "Staging")
    assert mlflow.get_model_version("churn", "1").current_stage == "Staging"
    mlflow.transition_model_version_stage("churn", "2", "Staging", archive_existing_versions=True)

    assert mlflow.get_model_version("churn", "1").current_stage == "Archived"


def test_a_protected_alias_is_not_taken_off(bank: Bank, refused: Any) -> None:
    mlflow = tiered(bank)
    open_doors(bank)
    mlflow.set_registered_model_alias("churn", "champion", "1")

    with refused("RESOURCE_CONFLICT") as caught:
        mlflow.delete_registered_model_alias("churn", "champion")

    assert "@champion is protected and cannot be removed" in str(caught.value)
    assert mlflow.get_model_version_by_alias("churn", "champion").version == "1"


def test_leaving_production_is_asked_for_too(bank: Bank, refused: Any) -> None:
    mlflow = tiered(bank)
    open_doors(bank)
    mlflow.transition_model_version_stage("churn", "1", "Staging")
    mlflow.transition_model_version_stage("churn", "1", "Production")
    policies.publish(
        actor=setup.INSTALLER,
        source=OPEN_DOOR.format("archived", "from: [production], to: [archived]")
        + "approvals: [{group: reviewers, count: 1}]\non_ready: hold\n",
        reason="the scene of a test",
    )

    with refused("RESOURCE_CONFLICT") as caught:
        mlflow.transition_model_version_stage("churn", "1", "Archived")

    assert "Once the policy is met, a developer or owner releases it on its page." in str(caught.value)

    assert "1 more of reviewers must approve" in str(caught.value)
    assert "Who can: Aiko Tanaka, Chen Wei, Marta Kovač" in str(caught.value)
    assert mlflow.get_model_version("churn", "1").current_stage == "Production"


def test_transition_requests_are_the_same_requests(bank: Bank) -> None:
    tiered(bank)
    secret = bank.secret(bank.people.priya)

    def call(method: str, path: str, status: int = 200, **fields: Any) -> Any:
        queried = method in ("GET", "DELETE")
        answer = requests.request(
            method,
            f"{bank.url}/api/2.0/mlflow/transition-requests/{path}",
            headers={"Authorization": f"Bearer {secret}"},
            timeout=60,
            params=fields if queried else None,
            json=None if queried else fields,
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    of: dict[str, Any] = {"name": "churn", "version": "1"}
    made = call("POST", "create", **of, stage="Staging", comment="the quarterly retraining")["request"]
    again = call("POST", "create", **of, stage="Staging", comment="sent twice")["request"]
    assert made == again
    assert (made["to_stage"], made["user_id"], made["comment"]) == ("Staging", "priya", "the quarterly retraining")
    assert call("GET", "list", **of)["requests"] == [made]
    for verb in ("approve", "reject"):
        said = call("POST", verb, 403, **of, stage="Staging", comment="")
        assert said["error_code"] == "PERMISSION_DENIED"
        assert f"{bank.url}/promotions/{made['id']}/" in said["message"]
    assert call("DELETE", "delete", **of, stage="Staging", creator="priya") == {}
    assert PromotionRequest.objects.get().state == "withdrawn"
    assert call("GET", "list", **of) == {"requests": []}
    assert call("POST", "approve", 404, **of, stage="Staging")["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_two_clients_at_once_make_two_versions(bank: Bank) -> None:
    bank.client().create_registered_model("churn")
    secret = bank.secret(bank.people.priya)

    answers = _together(
        [
            lambda n=n: _post(bank, secret, "model-versions/create", name="churn", source=f"s3://churn/{n}")
            for n in range(6)
        ]
    )

    assert sorted(a["model_version"]["version"] for a in answers) == list("123456")


def test_jobs_that_register_the_same_source_at_once_have_a_version_each(bank: Bank) -> None:
    bank.client().create_registered_model("churn")
    secret = bank.secret(bank.people.priya)
    body = {"name": "churn", "source": "s3://churn/1", "tags": [{"key": "a", "value": "1"}]}

    answers = _together([lambda: _post(bank, secret, "model-versions/create", **body)] * 4)

    assert sorted(a["model_version"]["version"] for a in answers) == ["1", "2", "3", "4"]
    assert ModelVersion.objects.count() == 4


def test_two_clients_at_once_point_one_alias(bank: Bank) -> None:
    registered(bank.client(), count=4)
    secret = bank.secret(bank.people.priya)

    _together(
        [
            lambda n=n: _post(bank, secret, "registered-models/alias", name="churn", alias="candidate", version=str(n))
            for n in range(1, 5)
        ]
    )

    assert AliasAssignment.objects.filter(closed_at__isnull=True).count() == 1


def _post(bank: Bank, secret: str, path: str, **body: Any) -> Any:
    request = Request(
        f"{bank.url}/api/2.0/mlflow/{path}",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _together(calls: list[Any]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_the_whole_way(bank: Bank, refused: Any, worker_process: object) -> None:
    """Registered by the client, refused by the gate, completed, checked by a worker, decided by people, resolved."""
    mlflow = tiered(bank)
    with refused("RESOURCE_CONFLICT"):
        mlflow.transition_model_version_stage("churn", "1", "Staging")
    with refused("RESOURCE_CONFLICT"):
        mlflow.set_registered_model_alias("churn", "champion", "1")
    actor = access.actor_for(bank.people.priya)
    version = ModelVersion.objects.get(number=1)
    evidence.attach_file(actor=actor, version=version, path="model.json", stream=io.BytesIO(b'{"weights": [1]}'))
    evidence.attach_card(actor=actor, version=version, text=CARD)
    evidence.attach_metrics(actor=actor, version=version, metrics=[MetricSpec("accuracy", 0.93)])

    pause = threading.Event()
    champion = PromotionRequest.objects.get(target_alias="champion")
    for _ in range(600):
        champion.refresh_from_db()
        if champion.packet_digest and PromotionRequest.objects.filter(state="promoted").exists():
            break
        pause.wait(0.1)
    assert mlflow.get_model_version("churn", "1").current_stage == "Staging"
    for person in (bank.people.marta, bank.people.chen):
        with refused("INVALID_PARAMETER_VALUE"):
            mlflow.get_model_version_by_alias("churn", "champion")
        approve(person, champion)

    assert mlflow.get_model_version_by_alias("churn", "champion").version == "1"
    mlflow.set_registered_model_alias("churn", "champion", "1")
    with pytest.raises(MlflowException, match="Approval required"):
        mlflow.set_registered_model_alias("churn", "champion", "2")
