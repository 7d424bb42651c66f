"""Questions to the catalogue: what one may see, found by words and facets, at a cost that does not grow with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from registry import access, selectors, stages
from registry.access import Role, actor_for
from registry.exceptions import NotFoundError, PermissionDeniedError, ValidationFailedError
from registry.models import ModelVersion, RegisteredModel, Stage
from registry.search import WORDS, parse
from registry.selectors.search import matching_models
from registry.services import archiving, versions
from registry.services.versions import VersionSpec
from registry.stage_transitions import set_alias
from tests import factories
from tests.personas import People

pytestmark = pytest.mark.django_db

Move = Callable[[ModelVersion, Stage], ModelVersion | None]


@pytest.fixture
def shelf(lifecycle: None, people: People) -> dict[str, RegisteredModel]:
    """Four models of Priya's."""
    made = (
        ("credit-risk-pd", "Probability of default", "Lending decisions", "risk", 1),
        ("churn", "Customer churn", "Retention campaigns for customers", "retail", 3),
        ("fraud-cards", "Card fraud", "Blocking payments", "risk", 2),
        ("forecast", "Demand forecasting", "Forecasts of branch cash", "", None),
    )
    return {
        slug: factories.model(
            people.priya, slug, title=title, purpose=purpose, team=team, risk_tier=tier, tags={"area": team or "none"}
        )
        for slug, title, purpose, team, tier in made
    }


def find(people: People, query: str) -> QuerySet[RegisteredModel]:
    return selectors.annotate_counts(matching_models(actor_for(people.priya), parse(query, WORDS))).order_by("slug")


def slugs(people: People, query: str = "") -> list[str]:
    return [model.slug for model in find(people, query)]


def test_archived_models_are_apart(shelf: dict[str, RegisteredModel], people: People) -> None:
    archiving.archive_model(actor=actor_for(people.priya), model=shelf["churn"], reason="out of use")
    assert "churn" not in slugs(people)
    assert slugs(people, "status:archived") == ["churn"]
    assert len(slugs(people, "status:any")) == 4
    assert slugs(people, f"owner:{people.priya.uid}") == slugs(people)


def test_a_row_says_what_is_newest_and_what_is_in_the_exclusive_stage(
    shelf: dict[str, RegisteredModel], people: People, canary: Stage, move_to: Move
) -> None:
    model = shelf["churn"]
    first = factories.version(model, people.priya)
    factories.version(model, people.priya, description="second")
    versions.declare_version(
        actor=actor_for(people.priya),
        model=model,
        spec=VersionSpec(artifacts=[factories.artifact("a", b"never uploaded")]),
    )
    move_to(first, canary)
    row = find(people, "").get(slug="churn")
    assert (row.latest_number, row.in_exclusive) == (2, 1)  # type: ignore[attr-defined]  # annotated by the query
    assert slugs(people, "stage:canary") == ["churn"]
    assert slugs(people, "stage:development") == ["churn"]
    assert slugs(people, "stage:production") == []


def test_no_person_finds_what_they_may_not_see(shelf: dict[str, RegisteredModel], people: People) -> None:
    eve = actor_for(people.eve)
    factories.grant(Role.VIEWER, to=people.eve, on=shelf["churn"])
    assert [model.slug for model in matching_models(eve, parse("", WORDS))] == ["churn"]
    assert not matching_models(eve, parse("default", WORDS)).exists()
    assert selectors.model(eve, "churn").pk == shelf["churn"].pk
    hidden, absent = "credit-risk-pd", "no-such-model"
    refusals = []
    for slug in (hidden, absent):
        with pytest.raises(NotFoundError) as refused:
            selectors.model(eve, slug)
        refusals.append(refused.value.detail.replace(slug, "…"))
    assert refusals[0] == refusals[1], "hidden and absent sound alike"
    with pytest.raises(PermissionDeniedError) as missing:
        selectors.model(people.token_of(people.priya, "versions:write"), "churn")
    assert missing.value.code == "missing_scope"


def test_the_cost_of_a_list_does_not_grow(people: People, lifecycle: None) -> None:
    priya = actor_for(people.priya)

    def cost(ask: Callable[[], object]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            ask()
        return len(queries)

    def everything() -> list[str]:
        rows = find(people, "model status:any")
        return [f"{row.slug} {row.owner} {row.latest_number}" for row in rows]  # type: ignore[attr-defined]  # annotated by the query

    for _ in range(2):
        factories.model(people.priya)
    assert (cost(everything), cost(lambda: list(access.visible_models(priya)))) == (2, 1)
    for _ in range(20):
        made = factories.model(people.priya)
        factories.version(made, people.priya)
    assert (cost(everything), cost(lambda: list(access.visible_models(priya)))) == (2, 1)
    assert cost(lambda: [f"{v} {v.stage} {v.registered_by}" for v in selectors.versions_of(made)]) == 1
    assert cost(lambda: [f"{v} {v.stage}" for v in selectors.versions_with_digest(priya, "0" * 64)]) == 1
    assert cost(selectors.lifecycle) == 1


def test_references_resolve_to_registered_versions(
    people: People, version: ModelVersion, canary: Stage, move_to: Move, event_of_move: Callable[..., object]
) -> None:
    priya = actor_for(people.priya)
    newer = factories.version(version.model, people.priya, description="newer")
    unfinished = versions.declare_version(
        actor=priya, model=version.model, spec=VersionSpec(artifacts=[factories.artifact("a", b"later")])
    )
    set_alias(version=version, name="shadow", event=event_of_move(version), promotion=None)  # type: ignore[arg-type]  # the arguments of the case have many types
    move_to(version, canary)
    for reference, number in (
        ("credit-risk-pd/1", 1),
        ("credit-risk-pd@shadow", 1),
        ("credit-risk-pd@latest", 2),
        ("credit-risk-pd:canary", 1),
        ("credit-risk-pd:development", 2),
    ):
        assert selectors.resolve(priya, reference).number == number
    assert selectors.version(priya, "credit-risk-pd", unfinished.number).status == "registering"
    assert newer.number == 2
    for reference in (
        "credit-risk-pd/3",
        "credit-risk-pd/9",
        "credit-risk-pd/one",
        "credit-risk-pd/²",
        "credit-risk-pd/99999999999999999999",
        "credit-risk-pd@champion",
        "credit-risk-pd:production",
        "credit-risk-pd",
        "@shadow",
        "",
        "other/1",
    ):
        with pytest.raises(NotFoundError):
            selectors.resolve(priya, reference)
    with pytest.raises(NotFoundError):
        selectors.resolve(actor_for(people.eve), "credit-risk-pd/1")
    with pytest.raises(NotFoundError):
        selectors.version(priya, "credit-risk-pd", 99)


def test_versions_are_found_by_the_digest_of_a_file(people: People, version: ModelVersion) -> None:
    digest = version.artifacts.get().sha256
    again = factories.version(version.model, people.priya, {"copy.bin": b"weights"})
    hidden = factories.version(factories.model(people.eve), people.eve, {"stolen.bin": b"weights"})
    assert list(selectors.versions_with_digest(actor_for(people.priya), digest)) == [version, again]
    assert list(selectors.versions_with_digest(actor_for(people.eve), digest)) == [hidden]


def test_the_lifecycle_comes_back_as_it_was_written(lifecycle: None) -> None:
    assert selectors.lifecycle() == stages.DEFAULT
    factories.lifecycle()
    assert selectors.lifecycle() == stages.DEFAULT, "installing again changes nothing"


def test_an_alias_that_looks_like_the_protected_one_is_refused(lifecycle: None) -> None:
    assert selectors.is_alias_governed("shadow") is False
    assert selectors.is_alias_governed("champion") is True
    assert selectors.is_protected_alias("champion")
    for name, code in (("Champion", "looks_protected"), ("v7", "reserved"), ("a b", "alias")):
        with pytest.raises(ValidationFailedError) as refused:
            selectors.is_alias_governed(name)
        assert [error.code for error in refused.value.errors] == [code]
