"""The REST interface, with every token of the table and with none: each action, tried by each actor of the table."""

from __future__ import annotations

import pytest

from tests.permission_matrix.actors import World
from tests.permission_matrix.holding import assert_cell, assert_other_cells, attempts, attempts_with_others
from tests.permission_matrix.interfaces.attempts import Attempt
from tests.permission_matrix.interfaces.rest import REST


@pytest.mark.parametrize("attempt", attempts(REST))
def test_the_answers_are_those_of_the_table(world: World, attempt: Attempt) -> None:
    assert_cell(world, REST.interface, attempt)


@pytest.mark.long
@pytest.mark.parametrize("attempt", attempts_with_others(REST))
def test_the_answers_to_all_other_callers_are_those_of_the_table(world: World, attempt: Attempt) -> None:
    assert_other_cells(world, REST.interface, attempt)
