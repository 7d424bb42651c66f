"""The demonstration of an instance without protection: every move is free, so no request stays open."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker

from governance.development.demo import catalogue, install
from registry.models import StageOccupancy


def test_every_version_moves_freely(django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path: Path) -> None:
    """Made with real commits, so that the guards of the database apply."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "COUNTERSIGN_DEMO", True)
        patch.setattr(settings, "COUNTERSIGN_PROTECTED", "none")
        patch.setattr(settings, "COUNTERSIGN_LOG_ORIGIN", "demo.invalid/audit/1")
        patch.setattr(settings, "VAR_DIR", tmp_path)
        try:
            assert install.install()
            made = install.made()
            assert made.models == len(catalogue.models())
            assert {state for state, count in made.requests.items() if count} == {"promoted"}
            assert StageOccupancy.objects.filter(exclusive=True).exists()
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT fence_reset_for_tests()")
