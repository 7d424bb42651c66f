"""People, groups and aliases that look like one that is there."""

from __future__ import annotations

import pytest

from governance import deployment
from registry import selectors
from registry.exceptions import ValidationFailedError
from registry.models import ReviewerGroup, User
from registry.services import groups, name_claims
from tests import factories


@pytest.mark.parametrize("twin", ["m\u0430rta", "M\u0430rta", "rnarta"])
def test_an_account_looks_like_no_other(db: None, twin: str) -> None:
    factories.person("marta")

    with pytest.raises(ValidationFailedError) as refused:
        factories.person(twin)

    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/username", "looks_alike")]
    assert "“marta”" in refused.value.detail


@pytest.mark.parametrize("unseen", ["marta\u3164", "ma\u115frta"])
def test_an_account_has_visible_characters_only(db: None, unseen: str) -> None:
    with pytest.raises(ValidationFailedError):
        factories.person(unseen)


@pytest.mark.parametrize(
    ("name", "code"),
    [("Risk Team", "taken"), ("RISK TEAM", "taken"), ("R\u0456sk Team", "looks_alike"), ("Risk\u00a0Team", None)],
)
def test_a_group_looks_like_no_other(db: None, name: str, code: str | None) -> None:
    factories.group("risk-team")
    second = factories.group("business")

    for group in (None, second):
        with pytest.raises(ValidationFailedError) as refused:
            _give(name, group)
        assert code is None or (refused.value.errors[0].pointer, refused.value.errors[0].code) == ("/name", code)
    assert groups.update_group(actor=factories.SETUP, group=second, name="BUSINESS", reason="its own name, in capitals")


def _give(name: str, group: ReviewerGroup | None) -> ReviewerGroup:
    if group is None:
        return groups.create_group(actor=factories.SETUP, slug="other", name=name)
    return groups.update_group(actor=factories.SETUP, group=group, name=name, reason="the scene of a test")


@pytest.mark.parametrize("alias", ["Champion", "charnpion", "CHAMPION", "pr0duction", "PR0DUCTION"])
def test_an_alias_looks_like_no_protected_one(lifecycle: None, alias: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        selectors.is_alias_governed(alias)

    assert refused.value.errors[0].code == "looks_protected"


def test_twins_from_before_are_reported(priya: User, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.model(priya, "model-1")
    assert deployment.imitations(databases=["default"]) == []
    with monkeypatch.context() as before:
        before.setattr(name_claims, "refuse_unavailable", lambda *_, **__: None)
        before.setattr(name_claims, "claim", lambda model: None)
        factories.model(priya, "model-l")

    (message,) = deployment.imitations(databases=["default"])

    assert message.id == "countersign.W010"
    assert "model-l" in message.msg
    assert "model-1" in message.msg
