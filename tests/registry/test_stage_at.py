"""Which version was in a stage at a moment: one query, by an index."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from audit import clock
from registry import selectors
from registry.models import RegisteredModel, Stage, StageOccupancy
from tests import factories
from tests.personas import People

THEN = datetime(2026, 3, 1, tzinfo=UTC)
VERSIONS = 12


@pytest.fixture
def model(people: People, lifecycle: None) -> RegisteredModel:
    """With neighbours whose versions fill the table."""
    with clock.freeze(THEN):
        mine = factories.model(people.priya)
        for made in (mine, factories.model(people.priya), factories.model(people.priya)):
            for number in range(VERSIONS):
                factories.version(made, people.priya, {"m": b"%d" % number})
    return mine


def test_one_query(model: RegisteredModel, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    development = Stage.objects.get(slug="development")
    with django_assert_num_queries(1):
        found = list(selectors.occupancies_at(model, development, clock.now()).select_related("version"))
    assert len(found) == VERSIONS
    with django_assert_num_queries(1):
        assert len(selectors.in_stage_at(model, development, clock.now())) == VERSIONS
    assert not selectors.occupancies_at(model, development, datetime(2026, 1, 1, tzinfo=UTC)).exists()


def test_an_index_answers_it(model: RegisteredModel) -> None:
    production = Stage.objects.get(slug="production")
    with connection.cursor() as cursor:
        # The table of a test fits one page, which PostgreSQL reads whole whatever there is beside it.
        cursor.execute("SET LOCAL enable_seqscan = off")
        asked, given = selectors.occupancies_at(model, production, clock.now()).query.sql_with_params()
        cursor.execute(f"EXPLAIN {asked}", given)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    # Which of the indexes that begin with the model is a matter of how many rows it has.
    assert "Index Scan" in plan, plan
    assert "model_id = " in plan.partition("Index Cond")[2], plan
    assert "Seq Scan" not in plan
    assert StageOccupancy.objects.count() == 3 * VERSIONS
