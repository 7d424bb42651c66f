"""Queries carried out: what each word finds, that none tells of what may not be seen, and that none breaks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import clock
from governance import promotions, selectors
from governance.selectors.search import VOCABULARY
from registry.access import Role, actor_for
from registry.models import Metric, RegisteredModel, Stage
from registry.search import InvalidQuery
from registry.selectors.search import version_words
from registry.services import archiving, models
from registry.services import people as accounts
from registry.services.versions import DatasetSpec, MetricSpec, add_metrics
from tests import factories
from tests.personas import People

pytestmark = pytest.mark.django_db

COMMIT = "4be1c0f" + "0" * 33


@pytest.fixture
def shelf(lifecycle: None, people: People) -> dict[str, RegisteredModel]:
    """Five models of Priya's: four that differ in everything, and one that Eve may see nothing of nor of the others."""
    today = clock.now().date()
    facts: dict[str, dict[str, Any]] = {
        "credit-risk-pd": {
            "title": "Probability of default",
            "team": "Retail Credit",
            "risk_tier": 1,
            "tags": {"llm": "no", "team": "risk"},
            "regulations": ["EU AI Act"],
            "next_review": today - timedelta(days=2),
            "description": "Scores applicants for unsecured lending.",
        },
        "churn": {"purpose": "Retention campaigns", "risk_tier": 3, "next_review": today + timedelta(days=10)},
        "fraud-cards": {"team": "Payments", "risk_tier": 2, "next_review": today + timedelta(days=200)},
        "triage.llm": {"tags": {"llm": "yes"}, "team": "Operations"},
        "empty": {},
    }
    made = {slug: factories.model(people.priya, slug, **given) for slug, given in facts.items()}
    pd, churn = made["credit-risk-pd"], made["churn"]
    factories.version(
        pd,
        people.priya,
        {"model.bin": b"weights"},
        metrics=[MetricSpec("AUC", 0.91), MetricSpec("loss", 0.4), MetricSpec("AUC", 0.5, slice="young")],
        run_id="8f2c41aa",
        code_commit=COMMIT,
        datasets=[DatasetSpec(role="training", name="loans-2026", digest_algorithm="dvc", digest="abc123")],
        tags={"quality": "good"},
        description="Trained on two years.",
    )
    factories.version(pd, people.priya, metrics=[MetricSpec("AUC", 0.7), MetricSpec("loss", 0.2)], run_id="other")
    factories.version(churn, people.priya, metrics=[MetricSpec("auc", 0.8, dataset="holdout")], source="s3://a/b")
    factories.version(made["fraud-cards"], people.priya)
    factories.version(made["triage.llm"], people.priya)
    return made


def found(people: People, query: str, who: str = "priya") -> list[str]:
    rows = selectors.find_models(actor_for(getattr(people, who)), selectors.parse(query))
    return sorted(rows.values_list("slug", flat=True))


def versions(people: People, query: str, who: str = "priya") -> list[str]:
    rows = selectors.find_versions(actor_for(getattr(people, who)), selectors.parse(query))
    return sorted(f"{slug}/{number}" for slug, number in rows.values_list("model__slug", "number"))


def test_a_model_whose_owner_is_deactivated_is_unowned(shelf: dict[str, RegisteredModel], people: People) -> None:
    models.update_model(actor=actor_for(people.priya), model=shelf["churn"], owner=people.chen)
    accounts.deactivate(actor=factories.SETUP, person=people.chen, reason="leaves")
    assert found(people, "is:unowned") == ["churn"]
    assert "churn" in found(people, "is:incomplete")
    assert "churn" not in found(people, "-is:unowned")


ALL = ["churn", "credit-risk-pd", "empty", "fraud-cards", "triage.llm"]


FINDS: dict[str, list[str]] = {
    "": ALL,
    "name:credit*": ["credit-risk-pd"],
    "name:Churn,empty": ["churn", "empty"],
    "tier:1": ["credit-risk-pd"],
    "tier:none": ["empty", "triage.llm"],
    "tier:>=2": ["churn", "fraud-cards"],
    "tier:1..2": ["credit-risk-pd", "fraud-cards"],
    "-tier:1": ["churn", "empty", "fraud-cards", "triage.llm"],
    "owner:@me": ALL,
    "owner:PRIYA": ALL,
    "owner:none is:unowned": [],
    "owner:unknown-name": [],
    'team:"retail credit"': ["credit-risk-pd"],
    "team:pay*,op*": ["fraud-cards", "triage.llm"],
    "team:none": ["churn", "empty"],
    "status:archived": [],
    "status:any": ALL,
    'regulation:"EU AI Act"': ["credit-risk-pd"],
    "review:overdue": ["credit-risk-pd"],
    "review:due": ["churn"],
    "review:none": ["empty", "triage.llm"],
    "review:<30d": ["churn", "credit-risk-pd"],
    "review:>90d": ["fraud-cards"],
    "-review:overdue": ["churn", "empty", "fraud-cards", "triage.llm"],
    "updated:<1d created:<=1h": ALL,
    "updated:>1d": [],
    "updated:>=2020-01-01": ALL,
    "updated:2020-01-01..2020-12-31": [],
    "is:untiered": ["empty", "triage.llm"],
    "is:incomplete -is:empty": ["triage.llm"],
    "tag:llm": ["credit-risk-pd", "triage.llm"],
    "tag.llm=yes": ["triage.llm"],
    "tag.team=ri*": ["credit-risk-pd"],
    "-tag:llm": ["churn", "empty", "fraud-cards"],
    "stage:development": ["churn", "credit-risk-pd", "fraud-cards", "triage.llm"],
    "-stage:Development": ["empty"],
    "stage:production,staging": [],
    "metric.auc>0.9": ["credit-risk-pd"],
    "metric.AUC:0.8..0.9": ["churn"],
    "metric.auc>0.9 metric.loss<0.3": [],
    "metric.auc<0.8 metric.loss<0.3": ["credit-risk-pd"],
    "metric.auc=0.5": [],
    "-metric.auc>0": ["empty", "fraud-cards", "triage.llm"],
    "run:8f2c*": ["credit-risk-pd"],
    "run:8f2c": [],
    "commit:4be1c0f": ["credit-risk-pd"],
    "dataset:loans-2026": ["credit-risk-pd"],
    "dataset:loans* -dataset:x": ["credit-risk-pd"],
    "dataset:abc123": ["credit-risk-pd"],
    "registered:<1d tier:3": ["churn"],
    "alias:champion": [],
    "request:live": [],
    "request:none": ALL,
    "check:failing": [],
    # text: forms of words, beginnings, phrases, either, not
    "retaining": [],
    "campaign": ["churn"],
    "applicant lend": ["credit-risk-pd"],
    "cred": ["credit-risk-pd"],
    "ris": ["credit-risk-pd"],
    "credit-risk": ["credit-risk-pd"],
    '"probability of default"': ["credit-risk-pd"],
    '"default of probability"': [],
    "churn or payments": ["churn", "fraud-cards"],
    "triage": ["triage.llm"],
    "-credit -churn": ["empty", "fraud-cards", "triage.llm"],
    "llm tag:llm": ["triage.llm"],
    "the": [],
    "'&|!() :* <->": [],
}


def test_models(shelf: dict[str, RegisteredModel], people: People) -> None:
    assert {query: found(people, query) for query in FINDS} == FINDS


FINDS_VERSIONS: dict[str, list[str]] = {
    "metric.auc>0.6": ["churn/1", "credit-risk-pd/1", "credit-risk-pd/2"],
    "metric.auc>0.6 tier:1": ["credit-risk-pd/1", "credit-risk-pd/2"],
    "-metric.loss<0.3 tier:1": ["credit-risk-pd/1"],
    "tag.quality=good": ["credit-risk-pd/1"],
    "tag:llm": [],
    "-tag:quality tier:1": ["credit-risk-pd/2"],
    "run:other,8f2c41aa": ["credit-risk-pd/1", "credit-risk-pd/2"],
    "stage:development name:credit*": ["credit-risk-pd/1", "credit-risk-pd/2"],
    "trained": ["credit-risk-pd/1"],
    "default": ["credit-risk-pd/1", "credit-risk-pd/2"],
    "s3": ["churn/1"],
    "dataset:loans*": ["credit-risk-pd/1"],
    "status:archived": [],
}


def test_versions(shelf: dict[str, RegisteredModel], people: People) -> None:
    assert {query: versions(people, query) for query in FINDS_VERSIONS} == FINDS_VERSIONS


def test_a_digest_is_found_by_its_beginning(shelf: dict[str, RegisteredModel], people: People) -> None:
    one = shelf["credit-risk-pd"].versions.get(number=1)
    for digest in (one.fingerprint, one.artifacts.get().sha256):
        assert versions(people, f"digest:{digest[:12].upper()}") == ["credit-risk-pd/1"]
        assert found(people, f"digest:sha256:{digest}") == ["credit-risk-pd"]


def test_an_alias_is_found_where_it_points_now(shelf: dict[str, RegisteredModel], people: People) -> None:
    for version in shelf["credit-risk-pd"].versions.order_by("number"):
        promotions.request(actor=actor_for(people.priya), version=version, target_alias="shadow", reason="to compare")
    assert versions(people, "alias:shadow") == ["credit-risk-pd/2"]
    assert found(people, "alias:shadow metric.auc>0.9") == [], "both hold of the same version"


def test_only_the_newest_value_of_a_metric_counts(shelf: dict[str, RegisteredModel], people: People) -> None:
    one = shelf["credit-risk-pd"].versions.get(number=1)
    add_metrics(actor=actor_for(people.priya), version=one, metrics=[MetricSpec("AUC", 0.6)])
    assert found(people, "metric.auc>0.9") == []
    assert versions(people, "metric.auc:0.6") == ["credit-risk-pd/1"]
    kept = Metric.objects.filter(version=one, name="AUC", slice="").order_by("revision")
    assert list(kept.values_list("value", "latest")) == [(0.91, False), (0.6, True)]


def test_a_metric_of_many_versions_finds_the_same(
    shelf: dict[str, RegisteredModel], people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = ("metric.auc>0.6", "-metric.auc>0.6", "metric.auc>0.6 metric.loss<0.3")
    before = [(found(people, query), versions(people, query)) for query in queries]
    monkeypatch.setattr(version_words, "FEW", 0)
    assert [(found(people, query), versions(people, query)) for query in queries] == before


def test_archived_models_are_found_where_one_speaks_of_it(shelf: dict[str, RegisteredModel], people: People) -> None:
    archiving.archive_model(actor=actor_for(people.priya), model=shelf["churn"], reason="It is out of use.")
    assert found(people, "churn") == versions(people, "churn") == []
    assert found(people, "churn status:archived") == ["churn"]
    assert versions(people, "churn status:any") == ["churn/1"]
    rows = selectors.find_versions(actor_for(people.priya), selectors.parse(""), of=shelf["churn"])
    assert rows.count() == 1, "of one model, archived or not"


def test_a_stage_there_is_not_is_refused_at_its_place(shelf: dict[str, RegisteredModel], people: People) -> None:
    text = "tier:1 -stage:development,produktion"
    with pytest.raises(InvalidQuery) as refused:
        found(people, text)
    (fault,) = refused.value.faults
    assert (text[fault.start : fault.end], fault.suggestion) == ("produktion", "production")
    assert fault.allowed == tuple(Stage.objects.order_by("position").values_list("slug", flat=True))


SECRETS = ("credit-risk-pd", "Retail", "loans-2026", "8f2c", "AUC", "quality", "priya")


@pytest.mark.parametrize("query", [e for word in VOCABULARY for e in word.examples] + ["credit", "owner:priya", ""])
def test_a_query_never_tells_of_what_may_not_be_seen(
    shelf: dict[str, RegisteredModel], people: People, query: str
) -> None:
    assert found(people, query, "eve") == versions(people, query, "eve") == []
    factories.grant(Role.VIEWER, to=people.eve, on=shelf["empty"])
    assert set(found(people, query, "eve")) <= {"empty"}
    assert versions(people, query, "eve") == []


@pytest.mark.parametrize("word", ["owner:prya", "team:Retial", "tag:qualty", "alias:champon", "dataset:loans-2062"])
def test_no_message_suggests_what_may_not_be_seen(shelf: dict[str, RegisteredModel], people: People, word: str) -> None:
    """Names that are data find nothing and say nothing; only what everybody may know is suggested."""
    assert found(people, word, "eve") == []
    for wrong in ("stage:x", "teir:1", "tier:x"):
        with pytest.raises(InvalidQuery) as refused:
            found(people, wrong, "eve")
        said = refused.value.detail + "".join("".join(f.allowed) for f in refused.value.faults)
        assert not [secret for secret in SECRETS if secret in said]


def test_a_query_costs_as_many_queries_however_much_it_finds(lifecycle: None, people: People) -> None:
    asked = "tier:1 stage:development metric.auc>0.1 tag:x owner:@me dataset:d request:none updated:<1d model"

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            found(people, asked)
        return len(queries)

    def grow(by: int) -> None:
        for _ in range(by):
            factories.version(
                factories.model(people.priya, risk_tier=1, tags={"x": "1"}),
                people.priya,
                metrics=[MetricSpec("auc", 0.9)],
                datasets=[DatasetSpec(role="training", name="d")],
            )

    grow(1)
    before = cost()
    assert found(people, asked)
    grow(10)
    assert cost() == before <= 4


PIECES = st.sampled_from(
    [
        *(example for word in VOCABULARY for example in word.examples),
        *(f"-{word.examples[0]}" for word in VOCABULARY),
        *("credit", '"a b"', "or", "-x", "the", "'", ":*", "&", "é*", "٣", "\\", "%", "_", "x" * 90),
        *("tag.0=1", "tag.99999999999999999999:a*", 'tag."a b":c', "metric.a>1e308", "metric.a<-1e-320"),
        *("review:<9999y", "updated:>9999y", "updated:9998-12-31", "registered:0002-01-01", "name:*", "tier:0..999"),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=8).map(" ".join))
def test_whatever_is_read_can_be_carried_out(shelf: dict[str, RegisteredModel], people: People, query: str) -> None:
    try:
        read = selectors.parse(query)
    except InvalidQuery:
        return
    actor = actor_for(people.priya)
    list(selectors.find_models(actor, read).values_list("pk", flat=True))
    list(selectors.find_versions(actor, read).values_list("pk", flat=True))
    list(selectors.find_versions(actor, read, of=shelf["churn"]).values_list("pk", flat=True))
