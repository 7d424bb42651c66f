"""The bank of the table: made once for a module, and left by every test as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.db import transaction

from governance.documents.pdf_files import Printed
from tests import factories
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
        factories.seal_log()
        return made

    made: World = share_scene(make)
    return made


@pytest.fixture(scope="module", autouse=True)
def _pdf_files_are_drawn_once() -> Iterator[None]:
    """Draw a PDF file of the same content once, with the name of its first reader; the table is about who may read it.

    Drawing takes half a second. The name on a file is tested in tests/governance/documents.
    """
    draw, drawn = Printed.draw, dict[str, bytes]()

    def draw_once(self: Printed) -> bytes:
        key = json.dumps([self.kind, self.content], sort_keys=True)
        if key not in drawn:
            drawn[key] = draw(self)
        return drawn[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Printed, "draw", draw_once)
        yield


@pytest.fixture
def world(_bank: World) -> Iterator[World]:
    """The bank, in a savepoint of its own."""
    with transaction.atomic():
        yield _bank
        transaction.set_rollback(True)
