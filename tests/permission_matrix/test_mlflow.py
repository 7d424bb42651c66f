"""The MLflow door, with every token of the table and with none: each action, tried by each actor of the table."""

from __future__ import annotations

import pytest

from tests.permission_matrix.actors import World
from tests.permission_matrix.holding import assert_cell, attempts
from tests.permission_matrix.interfaces.knocking import Attempt
from tests.permission_matrix.interfaces.mlflow import MLFLOW


@pytest.mark.parametrize("knock", attempts(MLFLOW))
def test_the_answers_are_those_of_the_table(world: World, knock: Attempt) -> None:
    assert_cell(world, MLFLOW.door, knock)
