"""Unmodified clients see the additions to a version since its approval."""

from __future__ import annotations

from typing import Any

import pytest
from mlflow import MlflowClient

from audit.models import Event
from governance.models import PromotionRequest
from governance.services import evidence, policies, setup
from registry import access
from registry.models import ModelVersion
from registry.services.versions import MetricSpec
from tests.governance.interfaces.mlflow.conftest import Bank
from tests.governance.interfaces.mlflow.test_gate import tiered

# MLflow calls stages deprecated; they are what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

FOR_ALL = """
slug: for-all
title: Whoever asks
applies_to: {stages: [staging, production], aliases: [champion]}
priority: 10
"""
APPROVED, ADDED = "countersign.approved_fingerprint", "countersign.later_additions"


@pytest.fixture
def promoted(bank: Bank) -> MlflowClient:
    """Version 1 of churn is the champion and in Staging, by promotions; version 2 is neither."""
    policies.publish(actor=setup.INSTALLER, source=FOR_ALL, reason="the scene of a test")
    mlflow = tiered(bank)
    mlflow.set_registered_model_alias("churn", "champion", "1")
    mlflow.transition_model_version_stage("churn", "1", "Staging")
    return mlflow


def add_metric(bank: Bank) -> None:
    evidence.attach_metrics(
        actor=access.actor_for(bank.people.priya),
        version=ModelVersion.objects.get(number=1),
        metrics=[MetricSpec("auc", 0.9)],
    )


def test_the_approved_fingerprint_is_a_tag_and_stays_when_something_is_added(
    bank: Bank, promoted: MlflowClient
) -> None:
    approved = ModelVersion.objects.get(number=1).fingerprint
    assert promoted.get_model_version("churn", "1").tags == {APPROVED: approved}
    assert promoted.get_model_version("churn", "2").tags == {}

    add_metric(bank)

    for version in (
        promoted.get_model_version("churn", "1"),
        promoted.get_model_version_by_alias("churn", "champion"),
    ):
        assert version.tags[APPROVED] == approved != ModelVersion.objects.get(number=1).fingerprint
        assert "metric auc = 0.9" in version.tags[ADDED]
        assert "Priya Nair" in version.tags[ADDED]
        assert f"request #{PromotionRequest.objects.get(target_alias='champion').pk}" in version.tags[ADDED]
    for version in (
        *promoted.search_model_versions("name = 'churn' and version_number = 1"),
        *promoted.get_latest_versions("churn", ["Staging"]),
    ):
        assert version.tags == {APPROVED: approved, ADDED: f"see {bank.url}/models/churn/versions/1/"}


def test_a_copy_of_an_approved_version_carries_no_approval(promoted: MlflowClient) -> None:
    copied = promoted.copy_model_version("models:/churn/1", "copy-of-churn")

    assert copied.tags == {}
    assert ModelVersion.objects.get(model__slug="copy-of-churn").tags == {}


def test_no_person_sets_a_tag_that_says_what_was_approved(promoted: MlflowClient, refused: Any) -> None:
    for key in (APPROVED, "Countersign.anything"):
        with refused("INVALID_PARAMETER_VALUE"):
            promoted.set_model_version_tag("churn", "2", key, "0" * 64)

    assert promoted.get_model_version("churn", "2").tags == {}


def test_setting_what_is_set_stays_without_effect(bank: Bank, promoted: MlflowClient) -> None:
    add_metric(bank)
    count = Event.objects.count()

    promoted.set_registered_model_alias("churn", "champion", "1")
    promoted.transition_model_version_stage("churn", "1", "Staging")

    assert Event.objects.count() == count
