"""Stored control characters are shown as visible marks."""

from __future__ import annotations

import pytest
from django.test import Client

from registry import access, characters
from registry.models import User
from registry.services import models
from tests import factories


def test_a_page_shows_controls_of_direction_as_marks(
    lifecycle: None, priya: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(characters, "first_unfit", lambda text: None)
        model = factories.model(priya, "churn", intended_use="Score \u202eevil\u202c only. \u2067x\uffff")
    client.force_login(priya)

    page = client.get("/models/churn/").content.decode()

    assert "[U+202E]evil[U+202C] only" in page
    assert "[U+2067]x[U+FFFF]" in page
    assert characters.first_unfit(page) is None
    models.update_model(actor=access.actor_for(priya), model=model, intended_use="Score only.")
