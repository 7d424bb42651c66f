"""The bank of the table: made once for a module, and left by every test as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tests.permission_matrix.actors import World, build
from tests.permission_matrix.interfaces.admin import confirm
from tests.permission_matrix.interfaces.page import sign_in


@pytest.fixture(scope="module")
def _bank(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    with django_db_blocker.unblock(), transaction.atomic():
        made = build()
        sign_in(made)
        confirm(made)
        yield made
        transaction.set_rollback(True)


@pytest.fixture
def world(_bank: World) -> Iterator[World]:
    """The bank, in a savepoint of its own."""
    with transaction.atomic():
        yield _bank
        transaction.set_rollback(True)
