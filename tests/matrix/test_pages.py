"""The pages, opened and sent as a browser does: each action, tried by each actor of the table."""

from __future__ import annotations

import pytest

from tests.matrix.actors import World
from tests.matrix.doors.knocking import Caller, Knock
from tests.matrix.doors.page import PAGE
from tests.matrix.holding import cells, hold


@pytest.mark.parametrize(("knock", "caller"), cells(PAGE))
def test_the_answer_is_that_of_the_table(world: World, knock: Knock, caller: Caller) -> None:
    hold(world, PAGE.door, knock, caller)
