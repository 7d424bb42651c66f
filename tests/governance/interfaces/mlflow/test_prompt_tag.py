"""The tag by which MLflow distinguishes prompts from models does not hide models."""

from __future__ import annotations

import pytest

from governance.selectors.compact_search import PROMPT
from registry import access
from registry.exceptions import ValidationFailedError
from registry.models import ModelVersion, RegisteredModel
from registry.services import metadata, models
from tests.governance.interfaces.mlflow.conftest import Raw
from tests.governance.interfaces.rest.conftest import caller_of
from tests.personas import People


@pytest.fixture
def churn(raw: Raw) -> Raw:
    raw("POST", "registered-models/create", {"name": "churn"})
    raw("POST", "model-versions/create", {"name": "churn", "source": "s3://models/churn"})
    return raw


@pytest.mark.parametrize("value", ["true", "True", "false", ""])
def test_no_model_and_no_version_is_hidden_by_it(churn: Raw, installed: People, value: str) -> None:
    tag = {"name": "churn", "key": PROMPT, "value": value}
    new = {"name": "churn", "source": "s3://models/2", "tags": [{"key": PROMPT, "value": value}]}

    for answer in (
        churn("POST", "registered-models/set-tag", tag),
        churn("POST", "model-versions/set-tag", {**tag, "version": "1"}),
        churn("POST", "model-versions/create", new),
    ):
        assert PROMPT in answer.error("INVALID_PARAMETER_VALUE", 400)

    assert [m["name"] for m in churn("GET", "registered-models/search").body["registered_models"]] == ["churn"]
    assert [v["version"] for v in churn("GET", "model-versions/search").body["model_versions"]] == ["1"]


def test_nor_by_the_rest_interface_or_a_service(churn: Raw, installed: People) -> None:
    call, actor = caller_of(installed.priya), access.actor_for(installed.priya)
    model = RegisteredModel.objects.get(slug="churn")

    declared = call.post("/models/churn/versions", {"source": "s3://models/2", "tags": {PROMPT: "true"}})
    assert declared.problem(422, "invalid_input")["errors"][0]["code"] == "prompt_tag"
    for change in (
        lambda: models.update_model(actor=actor, model=model, tags={PROMPT: "true"}),
        lambda: metadata.annotate_version(actor=actor, version=ModelVersion.objects.get(), tags={PROMPT: "true"}),
    ):
        with pytest.raises(ValidationFailedError) as refused:
            change()
        assert refused.value.errors[0].code == "prompt_tag"


def test_a_prompt_is_registered_as_one_and_stays_one(raw: Raw) -> None:
    tags = [{"key": PROMPT, "value": "true"}]
    raw("POST", "registered-models/create", {"name": "greeting", "tags": tags})
    made = raw("POST", "model-versions/create", {"name": "greeting", "source": "dummy-source", "tags": tags})

    assert made.status == 200
    assert raw("GET", "registered-models/search").body == {}
    taken = raw("DELETE", "registered-models/delete-tag", {"name": "greeting", "key": PROMPT})
    taken.error("INVALID_PARAMETER_VALUE", 400)


def test_a_version_that_was_hidden_before_is_found(
    churn: Raw, installed: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(metadata, "refuse_prompt_tag", lambda *_: None)
        metadata.tag_version(
            actor=access.actor_for(installed.priya), version=ModelVersion.objects.get(), key=PROMPT, value="true"
        )

    assert [v["version"] for v in churn("GET", "model-versions/search").body["model_versions"]] == ["1"]
    assert "model_versions" not in churn("GET", "model-versions/search", filter=f"tags.`{PROMPT}` = 'true'").body
