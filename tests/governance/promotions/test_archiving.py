"""Archiving a model: with a reason, when nothing of it is in use, and back again."""

from __future__ import annotations

import pytest

from audit.models import Event
from governance import promotions
from registry import access
from registry.exceptions import InvalidStateError, PermissionDeniedError, StaleRevisionError, ValidationFailedError
from registry.services import archiving, models, versions
from registry.services.versions import VersionSpec
from tests.governance.promotions.conftest import Bank


def test_a_model_that_is_in_use_names_what_is_in_the_way(bank: Bank) -> None:
    version = bank.in_staging()
    with pytest.raises(InvalidStateError, match=f"v{version.number} is in Staging") as refused:
        archiving.archive_model(actor=bank.actor("sofia"), model=bank.model, reason="out of use")
    assert refused.value.code == "model_in_use"
    assert "promotion request to Archived" in refused.value.detail


def test_an_archived_model_takes_no_versions_and_no_requests_until_it_is_taken_back(bank: Bank) -> None:
    version = bank.version()
    live = bank.request(bank.version(), stage="staging")
    owner = bank.actor("sofia")
    archived = archiving.archive_model(actor=owner, model=bank.model, reason="out of use")

    assert archived.status == "archived"
    event = Event.objects.filter(action="model.archived").get()
    assert event.body["reason"]
    with pytest.raises(InvalidStateError) as asking:
        bank.request(version, stage="staging")
    with pytest.raises(InvalidStateError) as pointing:
        promotions.request(actor=bank.actor("priya"), version=version, target_alias="x", reason="to try")
    with pytest.raises(InvalidStateError) as declaring:
        versions.declare_version(actor=bank.actor("priya"), model=bank.model, spec=VersionSpec(artifacts=[]))
    assert {refused.value.code for refused in (asking, pointing, declaring)} == {"model_archived"}
    assert bank.run_checks(live).state == "blocked"

    with pytest.raises(InvalidStateError, match="archived already"):
        archiving.archive_model(actor=owner, model=bank.model, reason="again")
    archiving.reactivate_model(actor=owner, model=bank.model, reason="needed after all")
    assert bank.request(version, stage="staging").is_live
    assert promotions.reevaluate(live.pk).state != "blocked"


def test_who_may_and_with_what(bank: Bank) -> None:
    with pytest.raises(ValidationFailedError):
        archiving.archive_model(actor=bank.actor("sofia"), model=bank.model, reason="  ")
    with pytest.raises(StaleRevisionError):
        archiving.archive_model(actor=bank.actor("sofia"), model=bank.model, reason="x", expected_revision=99)
    access.grant_role(
        actor=bank.actor("sofia"), role="developer", model=bank.model, user=bank.people["tom"], reason="helps out"
    )
    with pytest.raises(PermissionDeniedError, match="owners and by officers"):
        archiving.archive_model(actor=bank.actor("tom"), model=bank.model, reason="out of use")


def test_data_classes_are_a_vocabulary(bank: Bank) -> None:
    changed = models.update_model(
        actor=bank.actor("sofia"), model=bank.model, data_classes=["special-category", "internal", "internal"]
    )
    assert changed.data_classes == ["internal", "special-category"]
    with pytest.raises(ValidationFailedError, match="one of: public, internal") as refused:
        models.update_model(actor=bank.actor("sofia"), model=bank.model, data_classes=["secret"])
    assert refused.value.errors[0].pointer == "/data_classes/0"
