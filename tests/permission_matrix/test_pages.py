"""The pages, opened and sent as a browser does: each action, tried by each actor of the table."""

from __future__ import annotations

import pytest

from tests.permission_matrix.actors import World
from tests.permission_matrix.holding import assert_cell, attempts
from tests.permission_matrix.interfaces.knocking import Attempt
from tests.permission_matrix.interfaces.page import PAGE


@pytest.mark.parametrize("knock", attempts(PAGE))
def test_the_answers_are_those_of_the_table(world: World, knock: Attempt) -> None:
    assert_cell(world, PAGE.door, knock)
