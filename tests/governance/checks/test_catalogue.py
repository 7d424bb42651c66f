"""The catalogue: what is found, what is refused, and that a broken plug-in harms nobody."""

import pytest

from governance import deployment
from governance.checks import entry_points, inputs
from governance.checks.base import FACT_NAMES


def test_the_built_in_checks_are_there() -> None:
    assert {"integrity.digest", "artifact.format", "docs.model_card", "performance.threshold"} <= {
        check.slug for check in entry_points.all()
    }
    assert entry_points.get("integrity.digest").waivable is False
    assert entry_points.find("acme.rows") is None
    with pytest.raises(entry_points.UnknownCheck, match=r"installed are: .*docs\.model_card"):
        entry_points.get("acme.rows")


@pytest.mark.usefixtures("with_plugins")
def test_an_installed_plug_in_is_found_by_its_entry_point() -> None:
    check = entry_points.get("acme.rows")
    assert check.version == "1.2.0"
    assert entry_points.installed().origins["acme.rows"] == "acme-checks 1.0.0"
    assert entry_points.installed().origins["integrity.digest"] == "countersign"


@pytest.mark.usefixtures("with_plugins")
def test_broken_plug_ins_are_listed_with_their_fault_and_never_used() -> None:
    faults = {fault.name: fault.problem for fault in entry_points.broken()}
    assert set(faults) == {"twin", "other_twin", "intruder", "unfinished", "future", "loose", "absent", "curious"}
    assert "claim the slug acme.twin" in faults["twin"]
    assert "claim the slug acme.twin" in faults["other_twin"]
    assert "product's own" in faults["intruder"]
    assert "asks for the facts “salaries”; the facts are: " in faults["curious"]
    assert "no run()" in faults["unfinished"]
    assert "edition 2" in faults["future"]
    assert "unknown names" in faults["loose"]
    assert "ModuleNotFoundError" in faults["absent"]
    assert {fault.origin for fault in entry_points.broken()} == {"acme-checks 1.0.0"}
    assert entry_points.find("acme.twin") is None
    assert type(entry_points.get("integrity.digest")).__module__.startswith("governance.")


def test_parameters_are_filled_in_and_every_fault_is_named() -> None:
    card = entry_points.get("docs.model_card")
    assert entry_points.parameters(card, {}).model_dump()["min_words"] == 20
    with pytest.raises(entry_points.BadParameters) as refused:
        entry_points.parameters(card, {"min_words": 0, "required_sections": ["ok", ""], "colour": "blue"})
    assert {pointer for pointer, _ in refused.value.errors} == {"/min_words", "/required_sections/1", "/colour"}


@pytest.mark.parametrize("value", ["0.8", True, float("nan"), None, [0.8]])
def test_a_limit_is_a_number_and_nothing_that_could_pass_for_one(value: object) -> None:
    check = entry_points.get("performance.threshold")
    with pytest.raises(entry_points.BadParameters):
        entry_points.parameters(check, {"thresholds": [{"metric": "auc", "value": value}]})
    entry_points.parameters(check, {"thresholds": [{"metric": "auc", "value": 1}]})


@pytest.mark.parametrize("value", [2**53, -(2**53), 10**300])
def test_a_parameter_that_no_policy_can_be_hashed_with_is_refused(value: int) -> None:
    with pytest.raises(entry_points.BadParameters, match="exceeds safe integer domain"):
        entry_points.parameters(
            entry_points.get("performance.threshold"), {"thresholds": [{"metric": "auc", "value": value}]}
        )


def test_the_parameters_of_every_check_describe_their_form() -> None:
    for check in entry_points.all():
        assert check.Params.model_json_schema()["additionalProperties"] is False


@pytest.mark.usefixtures("with_plugins")
def test_a_broken_check_is_refused_with_its_fault() -> None:
    with pytest.raises(entry_points.UnknownCheck, match=r"acme\.curious is installed and cannot be used: .*“salaries”"):
        entry_points.get("acme.curious")
    with pytest.raises(
        entry_points.UnknownCheck, match=r"acme\.none .*cannot be used: .*absent of acme-checks 1\.0\.0"
    ):
        entry_points.get("acme.none")
    assert any("“salaries”" in message.msg for message in deployment.plug_ins())


@pytest.mark.usefixtures("with_plugins")
def test_what_a_plug_in_raises_outside_the_sandbox_has_a_name() -> None:
    clumsy = entry_points.get("acme.clumsy")
    with pytest.raises(entry_points.BadParameters, match="KeyError"):
        entry_points.parameters(clumsy, {"size": 1})
    assert entry_points.combined_parameters("acme.clumsy", {"size": 2}, {"size": 3}) is None


def test_every_fact_that_a_check_may_ask_for_can_be_read() -> None:
    assert set(inputs.FACTS) == FACT_NAMES
