"""The bank of the table: made once for a module, and left by every test as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from tests.fixtures.scenes import Share
from tests.permission_matrix.actors import World, build
from tests.permission_matrix.interfaces.admin import confirm
from tests.permission_matrix.interfaces.page import sign_in


@pytest.fixture(scope="module")
def _bank(share_scene: Share) -> World:
    def make() -> World:
        made = build()
        sign_in(made)
        confirm(made)
        return made

    made: World = share_scene(make)
    return made


@pytest.fixture
def world(_bank: World) -> Iterator[World]:
    """The bank, in a savepoint of its own."""
    with transaction.atomic():
        yield _bank
        transaction.set_rollback(True)
