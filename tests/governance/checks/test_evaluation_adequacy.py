"""`evaluation.adequacy`: size, age and separation of the evaluation data, and what cannot be established."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from governance.checks import entry_points
from governance.checks.base import EVALUATION_TABLE, CheckOutcome, Conclusion
from tests.governance.checks.conftest import NOW

Judged = Callable[..., CheckOutcome]
A, B = "a" * 64, "b" * 64


def dataset(role: str, digest: str = "", algorithm: str = "sha256", **more: str) -> dict[str, str]:
    strength = {"sha256": "strong", "md5": "medium", "git": "medium"}.get(algorithm if digest else "", "weak")
    name = more.pop("name", f"{role} data")
    given = {"role": role, "name": name, "version": "", "uri": "", "algorithm": algorithm, "digest": digest}
    return {**given, "strength": strength, **more}


SEPARATE = [dataset("training", A), dataset("evaluation", B)]


def table(rows: int = 1200, positives: int = 300, ids: bool = True) -> bytes:
    lines = ["id,label,prediction" if ids else "label,prediction"]
    lines += [f"{f'c{n},' if ids else ''}{int(n < positives)},1" for n in range(rows)]
    return "\n".join(lines).encode()


@pytest.fixture
def adequate(judged: Judged) -> Judged:
    def judge(
        content: bytes,
        *,
        datasets: list[dict[str, str]] | None = None,
        days: float = 10,
        training_ids: str = "",
        **params: Any,
    ) -> CheckOutcome:
        facts = {
            "datasets": SEPARATE if datasets is None else datasets,
            "evaluation": {"registered_at": (NOW - timedelta(days=days)).isoformat()},
        }
        more = {"training.ids": training_ids.encode()} if training_ids else {}
        return judged(
            "evaluation.adequacy", {"eval.csv": content}, kind=EVALUATION_TABLE, facts=facts, more=more, **params
        )

    return judge


def codes(outcome: CheckOutcome) -> set[str]:
    return {finding.code for finding in outcome.findings}


def test_an_adequate_table(adequate: Judged) -> None:
    outcome = adequate(table())
    assert outcome.conclusion is Conclusion.SUCCESS
    assert outcome.measures == {
        "rows": 1200,
        "rows_read": 1200,
        "classes": [{"name": "1", "rows": 300}, {"name": "0", "rows": 900}],
        "age_days": 10,
        "dated_by": "registration",
        "datasets": [{"evaluation": "evaluation data", "training": "training data", "relation": "different"}],
        "shared_ids": None,
    }


@pytest.mark.parametrize(
    ("content", "params", "found"),
    [
        (table(999), {}, {"few_rows"}),
        (table(1000), {}, set()),
        (table(positives=49), {}, {"few_in_class"}),
        (table(positives=50), {}, set()),
        (table(positives=0), {}, {"single_class"}),
        (table(positives=0), {"min_per_class": 0}, set()),
        (table(500) + b"\n" + table(500).partition(b"\n")[2], {"min_rows": 501}, {"few_rows"}),
        ("\n".join(["label,prediction", *(f"{n}.5,{n}.4" for n in range(1200))]).encode(), {}, {"few_in_class"}),
        ("\n".join(["label,prediction", *(f"{n}.5,{n}.4" for n in range(1200))]).encode(), {"min_per_class": 0}, set()),
    ],
)
def test_rows_and_classes(adequate: Judged, content: bytes, params: dict[str, int], found: set[str]) -> None:
    outcome = adequate(content, **params)
    assert codes(outcome) - {"repeated_ids"} == found
    assert outcome.conclusion == ("failure" if found else "success")


def test_labels_alone_are_enough(adequate: Judged) -> None:
    content = "\n".join(["id;target", *(f"{n};{'yes' if n % 3 else 'no'}" for n in range(1200))]).encode()
    assert adequate(content).conclusion is Conclusion.SUCCESS


@pytest.mark.parametrize("content", [b"", b"label\n", b"label,prediction\nnan,1\n", b"\x00\x01", b"prediction\n1\n"])
def test_a_table_that_is_none_needs_action(adequate: Judged, content: bytes) -> None:
    outcome = adequate(content, min_rows=1, min_per_class=0)
    assert (outcome.conclusion, codes(outcome)) == (Conclusion.ACTION_REQUIRED, {"table_unusable"})


@pytest.mark.parametrize(
    ("days", "version", "conclusion", "dated_by"),
    [
        (90, "", "success", "registration"),
        (90.1, "", "failure", "registration"),
        (1, "2026-10-30", "success", "dataset"),
        (1, "2026-07-01", "failure", "dataset"),
        (1, "2027-01-01", "success", "registration"),
        (1, "v3", "success", "registration"),
    ],
)
def test_the_age_is_that_of_the_earlier_date(
    adequate: Judged, days: float, version: str, conclusion: str, dated_by: str
) -> None:
    outcome = adequate(table(), days=days, datasets=[SEPARATE[0], dataset("evaluation", B, version=version)])
    assert (outcome.conclusion, outcome.measures["dated_by"]) == (conclusion, dated_by)
    assert codes(outcome) == ({"too_old"} if conclusion == "failure" else set())


@pytest.mark.parametrize(
    ("datasets", "conclusion", "found"),
    [
        ([], "action_required", {"datasets_not_declared"}),
        ([dataset("evaluation", B)], "action_required", {"datasets_not_declared"}),
        ([dataset("training", A), dataset("evaluation", A)], "failure", {"same_dataset"}),
        ([*SEPARATE, dataset("training", B, name="more")], "failure", {"same_dataset"}),
        ([dataset("training", "c" * 32, "md5"), dataset("evaluation", B)], "action_required", {"overlap_unknown"}),
        ([dataset("training", name="d"), dataset("evaluation", name="e")], "action_required", {"overlap_unknown"}),
        ([dataset("training", name="d"), dataset("evaluation", name="d")], "failure", {"same_dataset"}),
        ([dataset("training", "12345678", "mlflow"), dataset("evaluation", "12345678", "mlflow")], "failure",
         {"same_dataset"}),
        ([dataset("training", "12345678", "mlflow"), dataset("evaluation", "02345678", "mlflow")], "action_required",
         {"overlap_unknown"}),
        ([dataset("training", "c" * 40, "git", uri="u/train"), dataset("evaluation", "c" * 40, "git", uri="u/test")],
         "success", set()),
        ([*SEPARATE, dataset("validation", B)], "success", {"validation_reused"}),
    ],
)  # fmt: skip
def test_declared_datasets_must_differ(
    adequate: Judged, datasets: list[dict[str, str]], conclusion: str, found: set[str]
) -> None:
    outcome = adequate(table(), datasets=datasets)
    assert (outcome.conclusion, codes(outcome)) == (conclusion, found)
    assert adequate(table(), datasets=datasets, forbid_training_overlap=False).conclusion is Conclusion.SUCCESS


@pytest.mark.parametrize(
    ("ids", "conclusion", "found", "shared"),
    [
        ("id\nt1\nt2\n", "success", set(), 0),
        ("sample_id;x\nt1;1\nc7;1\nc7;1\nc9;1\n", "failure", {"shared_ids"}, 2),
        ("id\n", "action_required", {"training_ids_unusable"}, None),
        ("name\nt1\n", "action_required", {"training_ids_unusable"}, None),
    ],
)
def test_ids_of_training_examples(
    adequate: Judged, ids: str, conclusion: str, found: set[str], shared: int | None
) -> None:
    outcome = adequate(table(), training_ids=ids)
    assert (outcome.conclusion, codes(outcome), outcome.measures["shared_ids"]) == (conclusion, found, shared)


def test_ids_show_separation_where_digests_do_not(adequate: Judged) -> None:
    assert adequate(table(), datasets=[], training_ids="id\nt1\n").conclusion is Conclusion.SUCCESS
    without = adequate(table(ids=False), datasets=[], training_ids="id\nt1\n")
    assert (without.conclusion, "ids_missing" in codes(without)) == (Conclusion.ACTION_REQUIRED, True)
    numbers = b"id,label\n" + b"".join(b"%d,%d\n" % (n, n % 2) for n in range(1200))
    assert adequate(numbers, training_ids="id\n7.0\n").conclusion is Conclusion.FAILURE


def test_two_policies_are_combined_to_the_stricter_limits() -> None:
    def both(first: Mapping[str, Any], second: Mapping[str, Any]) -> Any:
        return entry_points.combined_parameters("evaluation.adequacy", first, second)

    stricter = {"min_rows": 2000, "min_per_class": 60, "max_age_days": 30, "forbid_training_overlap": True}
    mixed = {"min_rows": 2000, "max_age_days": 400, "forbid_training_overlap": False}
    assert both(mixed, {"min_per_class": 60, "max_age_days": 30}) == stricter
    assert both(stricter, mixed) == stricter


@pytest.mark.parametrize(
    "params", [{"min_rows": 0}, {"min_rows": 1.5}, {"max_age_days": 0}, {"forbid_training_overlap": "no"}, {"rows": 1}]
)
def test_wrong_parameters_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(entry_points.BadParameters):
        entry_points.parameters(entry_points.get("evaluation.adequacy"), params)
