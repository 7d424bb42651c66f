"""An instance in which nothing is protected: set up so, said so everywhere, and never made of another."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client

from governance import deployment, promotions
from governance.interfaces.web import context_processors
from governance.services import setup
from governance.settings import environment
from registry import access, selectors
from registry.exceptions import InvalidStateError
from registry.models import ProtectedAlias, Stage
from tests import factories
from tests.personas import People


@pytest.fixture
def unprotected(db: None, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context_processors, "_protects", False)
    settings.COUNTERSIGN_PROTECTED = "none"
    call_command("initialise", stdout=io.StringIO())


def test_every_move_and_alias_is_free_and_still_walks_through_the_entry_point(
    unprotected: None, people: People
) -> None:
    assert not selectors.has_protected_targets()
    version = factories.version(factories.model(people.priya), people.priya, {"m": b"1"})
    targets: list[dict[str, Any]] = [
        {"target_stage": "staging"},
        {"target_stage": "production"},
        {"target_alias": "champion"},
    ]
    for target in targets:
        made = promotions.request(actor=access.actor_for(people.priya), version=version, reason="to try", **target)
        assert made.state == "promoted"
    version.refresh_from_db()
    assert version.stage.slug == "production"
    assert version.stage.exclusive


def test_every_page_says_so(unprotected: None, people: People) -> None:
    browser = Client()
    browser.force_login(people.priya, backend="registry.access.backend.RoleBackend")
    for path in ("/models/", "/reviews/", "/profile/"):
        assert "Nothing is protected here" in browser.get(path).content.decode()


def test_the_deployment_check_says_so(unprotected: None, settings: LazySettings) -> None:
    assert [m.id for m in deployment.protection_check(databases=None)] == ["countersign.W001"]
    assert [m.id for m in deployment.protection_check(databases=["default"])] == [
        "countersign.W001",
        "countersign.E001",
    ]
    settings.COUNTERSIGN_PROTECTED = "default"
    assert [m.id for m in deployment.protection_check(databases=["default"])] == ["countersign.E001"]


def test_the_variable_lowers_no_protection(db: None, settings: LazySettings, people: People) -> None:
    setup.initialise()
    assert deployment.protection_check(databases=["default"]) == []
    settings.COUNTERSIGN_PROTECTED = "none"
    with pytest.raises(InvalidStateError, match="protects Staging, Production") as refused:
        setup.initialise()
    assert refused.value.code == "protection_stays"
    with pytest.raises(CommandError, match="not lowered by a variable"):
        call_command("initialise", stdout=io.StringIO())
    assert Stage.objects.get(slug="production").protected
    assert ProtectedAlias.objects.filter(name="champion").exists()


def test_it_takes_two_words() -> None:
    assert environment.protected("") == "default"
    assert environment.protected("none") == "none"
    with pytest.raises(ValueError, match="default, or none"):
        environment.protected("nothing")


def test_the_deployment_check_reports_what_the_sandbox_lacks(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "Path", lambda _: Path("/nonexistent"))
    assert [m.id for m in deployment.sandbox()] == ["countersign.I001"]
    settings.COUNTERSIGN_CHECKS_NEED_ISOLATION = True
    assert [m.id for m in deployment.sandbox()] == ["countersign.E002"]
