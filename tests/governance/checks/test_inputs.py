"""What a check receives besides its own files: datasets, the date of the evaluation, and the version in the target."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from audit import clock
from governance.checks import entry_points, inputs
from governance.checks.base import (
    CHAMPION_EVALUATION_TABLE,
    ENVIRONMENT_LOCK,
    EVALUATION_TABLE,
    Check,
    CheckOutcome,
    Context,
    RequiredEvidence,
)
from governance.checks.inputs import Inputs
from governance.models import PromotionRequest
from governance.services import evidence
from registry.exceptions import ValidationFailedError
from registry.models import ModelVersion
from registry.services import versions
from registry.services.versions import DatasetSpec, VersionSpec
from tests.fixtures.scenes import Share
from tests.governance.checks.tried import ask, latest, settle
from tests.governance.promotions.conftest import Bank, found_bank


@pytest.fixture(scope="module")
def _shared_bank(share_scene: Share) -> Bank:
    made: Bank = share_scene(found_bank)
    return made


@pytest.fixture
def bank(_shared_bank: Bank, db: None) -> Bank:
    return _shared_bank.again()


class Reading(Check):
    """Reads every fact, and both tables."""

    slug, version, title, category = "acme.reading", "1.0.0", "Reading", "tests"
    needs = (RequiredEvidence(EVALUATION_TABLE), RequiredEvidence(CHAMPION_EVALUATION_TABLE, required=False))
    facts = ("champion", "datasets", "evaluation")

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        raise NotImplementedError


def read(request: PromotionRequest) -> Inputs:
    return inputs.InputResolver(request).inputs(Reading(), Reading.Params())


def attach(bank: Bank, version: ModelVersion, content: bytes, kind: str = EVALUATION_TABLE) -> None:
    evidence.attach_stored(
        actor=bank.actor("priya"),
        version=version,
        kind=kind,
        filename="eval.csv",
        blob=bank.stored(content),
    )


def evaluated(bank: Bank, source: str) -> ModelVersion:
    """A version without files, with the evaluation dataset that all versions here have."""
    dataset = DatasetSpec("evaluation", "holdout", "2026-09-30", "", "sha256", "a" * 64)
    spec = VersionSpec(source=f"s3://models/{source}", datasets=[dataset])
    return versions.declare_version(actor=bank.actor("priya"), model=bank.model, spec=spec, reuse=False)


def table(wrong: int) -> bytes:
    lines = [f"c{n},{n % 2},{n % 2 if n >= wrong else 1 - n % 2}" for n in range(2000)]
    return "\n".join(["id,label,prediction", *lines]).encode()


def test_the_version_in_the_target_is_the_champion_and_its_table_an_input(bank: Bank) -> None:
    champion = bank.in_staging()
    request = bank.request(bank.version(), stage="staging")
    attach(bank, request.version, b"label,prediction\n1,1\n")
    without = read(request)
    assert without.facts["champion"] == {
        "number": champion.number,
        "uid": str(champion.uid),
        "is_same": False,
        "datasets": [],
    }
    assert [source.kind for source in without.sources] == [EVALUATION_TABLE]
    attach(bank, champion, b"label,prediction\n0,1\n")
    with_table = read(request)
    assert [(s.kind, s.path) for s in with_table.sources[1:]] == [
        (CHAMPION_EVALUATION_TABLE, f"version {champion.number}: eval.csv")
    ]
    newer = bank.in_staging()
    attach(bank, newer, b"label,prediction\n0,1\n")
    replaced = read(request)
    assert replaced.facts["champion"]["number"] == newer.number
    assert len({without.digest, with_table.digest, replaced.digest}) == 3


def test_a_target_without_a_version_has_no_champion(bank: Bank) -> None:
    assert read(bank.request(bank.version(), stage="staging")).facts["champion"] is None


def test_the_datasets_and_the_first_registration_of_the_evaluation_are_facts(bank: Bank) -> None:
    version = evaluated(bank, "one")
    request = bank.request(version, stage="staging")
    assert read(request).facts["evaluation"] == {"registered_at": None}
    first = clock.now()
    with clock.freeze(first):
        attach(bank, version, b"label,prediction\n1,1\n")
    with clock.freeze(first + timedelta(days=100)):
        attach(bank, version, b"label,prediction\n1,0\n")
    with clock.freeze(first + timedelta(days=200)):
        attach(bank, version, b"label,prediction\n1,1\n")
    found = read(request).facts
    assert found["evaluation"] == {"registered_at": first.isoformat()}
    assert found["datasets"] == [
        {
            "role": "evaluation",
            "name": "holdout",
            "version": "2026-09-30",
            "uri": "",
            "algorithm": "sha256",
            "digest": "a" * 64,
            "strength": "strong",
        }
    ]


def test_evidence_of_the_champion_cannot_be_attached(bank: Bank) -> None:
    with pytest.raises(ValidationFailedError, match="No check reads evidence of the kind"):
        evidence.refuse_unknown_kind(CHAMPION_EVALUATION_TABLE)


def test_the_lock_of_the_registration_is_an_input_until_one_is_attached(bank: Bank) -> None:
    check = entry_points.get("lineage.declared")
    params = entry_points.parameters(check, {})

    def found(request: PromotionRequest) -> Inputs:
        return inputs.InputResolver(request).inputs(check, params)

    request = bank.request(bank.version(), stage="staging")
    without = found(request)
    assert without.missing == (ENVIRONMENT_LOCK,)
    assert without.facts["code"] == {"repository": "", "commit": "", "dirty": None}
    request.version.environment_lock = "six==1.16.0"
    registered = found(request)
    assert [source.text for source in registered.sources] == ["six==1.16.0"]
    attach(bank, request.version, b"six==1.17.0", ENVIRONMENT_LOCK)
    (attached,) = found(request).sources
    assert (attached.kind, attached.text) == (ENVIRONMENT_LOCK, None)
    assert len({without.digest, registered.digest, found(request).digest}) == 3


def test_a_new_champion_makes_a_comparison_stale(bank: Bank) -> None:
    check = "[{check: performance.champion, params: {metric: accuracy, on_no_champion: success}}]"
    first = evaluated(bank, "first")
    request = bank.run_checks(ask(bank, check, version=first))
    assert bank.decide(request, "marta").state == "promoted"
    attach(bank, first, table(wrong=100))
    better, second = evaluated(bank, "better"), evaluated(bank, "second")
    for version, wrong in ((better, 0), (second, 105)):
        attach(bank, version, table(wrong))
    pending = bank.run_checks(bank.request(second, stage="staging"))
    passed = latest(pending, "performance.champion")
    assert (passed.conclusion, passed.measures["champion"]["number"]) == ("success", first.number)
    assert pending.packet_digest
    chosen = bank.run_checks(bank.request(better, stage="staging"))
    assert bank.decide(chosen, "marta").state == "promoted"
    settle(pending.pk)
    again = latest(bank.run_checks(pending), "performance.champion")
    assert again.pk != passed.pk
    assert (again.conclusion, again.measures["champion"]["number"]) == ("failure", better.number)
    assert bank.fresh(pending).state == "blocked"
