"""The services, which every other door is held to: each action, tried by each actor of the table."""

from __future__ import annotations

import pytest

from tests.matrix.actors import World
from tests.matrix.doors.knocking import Knock
from tests.matrix.doors.service import SERVICE
from tests.matrix.holding import attempts, hold


@pytest.mark.parametrize("knock", attempts(SERVICE))
def test_the_answers_are_those_of_the_table(world: World, knock: Knock) -> None:
    hold(world, SERVICE.door, knock)
