"""The REST interface, with every token of the table and with none: each action, tried by each actor of the table."""

from __future__ import annotations

import pytest

from tests.matrix.actors import World
from tests.matrix.doors.knocking import Knock
from tests.matrix.doors.rest import REST
from tests.matrix.holding import attempts, hold


@pytest.mark.parametrize("knock", attempts(REST))
def test_the_answers_are_those_of_the_table(world: World, knock: Knock) -> None:
    hold(world, REST.door, knock)
