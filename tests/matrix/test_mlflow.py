"""The MLflow door, with every token of the table and with none: each action, tried by each actor of the table."""

from __future__ import annotations

import pytest

from tests.matrix.actors import World
from tests.matrix.doors.knocking import Caller, Knock
from tests.matrix.doors.mlflow import MLFLOW
from tests.matrix.holding import cells, hold


@pytest.mark.parametrize(("knock", "caller"), cells(MLFLOW))
def test_the_answer_is_that_of_the_table(world: World, knock: Knock, caller: Caller) -> None:
    hold(world, MLFLOW.door, knock, caller)
