"""Model names compared with a stock server (`stock_names.json`: MLflow 3.17.2).

A name is either answered as by a stock server, or rejected because it is not visible to a reader or too similar to an
existing name. It is never answered with another model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow import MlflowException, register_model, set_registry_uri, set_tracking_uri

from registry import characters
from registry.models import ModelVersion, RegisteredModel
from tests.governance.interfaces.mlflow.conftest import Bank, Raw

RECORDED = json.loads(Path(__file__).with_name("stock_names.json").read_text())
UNSEEN = {"churn ", " churn", "churn\u00a0", "churn\u3164", "churn\ufe0f", "churn\uffff", "churn\u200b", "c\u0000h"}
"""Names that a stock server takes and ours refuses, because a reader does not see all of them."""


def test_names_are_answered_as_a_stock_server_answers(raw: Raw) -> None:
    held: dict[str, str] = {}
    for number, recorded in enumerate(RECORDED["names"]):
        name = recorded["name"]
        made = raw("POST", "registered-models/create", {"name": name})
        alike = held.get(characters.skeleton(name))
        slug_of = (
            RegisteredModel.objects.filter(slug=name).exclude(mlflow_name=None).first()
            if name.isascii() and name.isprintable()
            else None
        )
        if name in UNSEEN or alike is not None or slug_of is not None:
            made.error("INVALID_PARAMETER_VALUE", 400)
            continue
        assert [made.status, made.body.get("error_code")] == recorded["create"], (ascii(name), made)
        if made.status != 200:
            continue
        held[characters.skeleton(name)] = name
        held[characters.skeleton(RegisteredModel.objects.latest("pk").slug)] = name
        again = raw("POST", "registered-models/create", {"name": name})
        assert [again.status, again.body.get("error_code")] == recorded["again"], ascii(name)
        source = f"s3://models/{number}"
        assert raw("POST", "model-versions/create", {"name": name, "source": source}).status == 200
        assert [200, raw("GET", "registered-models/get", name=name).body["registered_model"]["name"]] == recorded["get"]
        _copy_is_of(raw, name, source, recorded)


def _copy_is_of(raw: Raw, name: str, source: str, recorded: dict[str, Any]) -> None:
    raw("POST", "registered-models/create", {"name": "copies"})
    copy = raw("POST", "model-versions/create", {"name": "copies", "source": f"models:/{name}/1"}).body["model_version"]
    assert copy["source"] == (recorded["copy"][2] or f"models:/{name}/1")
    uri = raw("GET", "model-versions/get-download-uri", name="copies", version=copy["version"])
    assert uri.body == {"artifact_uri": source}, ascii(name)


def test_sources_that_name_a_version_are_read_as_a_stock_server_reads_them(raw: Raw) -> None:
    for name in ("churn", "a@b", "copies"):
        raw("POST", "registered-models/create", {"name": name})
        raw("POST", "model-versions/create", {"name": name, "source": "s3://models/1"})
    for recorded in RECORDED["sources"]:
        source = recorded["source"]
        if not source.strip().lower().startswith("models:") or source == "models:/churn/Production":
            continue  # a stage moves, so it is no source here
        answer = raw("POST", "model-versions/create", {"name": "copies", "source": source})
        assert (answer.status == 200) == (recorded["create"][0] == 200), (source, answer)
        if answer.status == 200:
            assert answer.body["model_version"]["source"] == recorded["stored"]


NAMES = st.text(st.sampled_from("aA1l I+%2/0.:-_\u0430\u00df\u00a0\u200b\u202e"), min_size=1, max_size=4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NAMES, min_size=1, max_size=4))
def test_a_name_is_its_own_model_or_refused(raw: Raw, names: list[str]) -> None:
    """`register_model` of a client goes on to add a version when it is told "already exists": that is of this name."""
    for name in names:
        created = raw("POST", "registered-models/create", {"name": name})
        there = RegisteredModel.objects.filter(mlflow_name=name) | RegisteredModel.objects.filter(
            slug=name, mlflow_name=None
        )
        if created.status == 200 or created.body["error_code"] == "RESOURCE_ALREADY_EXISTS":
            model = there.get()
            before = ModelVersion.objects.filter(model=model).count()
            added = raw("POST", "model-versions/create", {"name": name, "source": f"s3://m/{name}/{before}".strip()})
            assert added.status == 200 or "parent" in added.body["message"] or ".." in name, added
        else:
            created.error("INVALID_PARAMETER_VALUE", 400)
            assert not there.exists()
            raw("POST", "model-versions/create", {"name": name, "source": "s3://m/x"}).error(
                "RESOURCE_DOES_NOT_EXIST", 404
            )


def test_register_model_never_adds_to_another_model(bank: Bank) -> None:
    client = bank.client()
    set_tracking_uri(bank.url)
    set_registry_uri(bank.url)
    client.create_registered_model("Retail Risk")

    with pytest.raises(MlflowException) as refused:
        register_model("s3://models/other", "retail-risk")

    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert "Retail Risk" in str(refused.value)
    assert not ModelVersion.objects.exists()
