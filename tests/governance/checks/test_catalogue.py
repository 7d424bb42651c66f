"""The catalogue: what is found, what is refused, and that a broken plug-in harms nobody."""

import pytest

from governance import deployment
from governance.checks import catalogue, inputs
from governance.checks.contract import FACT_NAMES


def test_the_built_in_checks_are_there() -> None:
    assert {"integrity.digest", "artifact.format", "docs.model_card", "performance.threshold"} <= {
        check.slug for check in catalogue.all()
    }
    assert catalogue.get("integrity.digest").waivable is False
    assert catalogue.find("acme.rows") is None
    with pytest.raises(catalogue.UnknownCheck, match=r"installed are: .*docs\.model_card"):
        catalogue.get("acme.rows")


@pytest.mark.usefixtures("with_plugins")
def test_an_installed_plug_in_is_found_by_its_entry_point() -> None:
    check = catalogue.get("acme.rows")
    assert check.version == "1.2.0"
    assert catalogue.installed().origins["acme.rows"] == "acme-checks 1.0.0"
    assert catalogue.installed().origins["integrity.digest"] == "countersign"


@pytest.mark.usefixtures("with_plugins")
def test_broken_plug_ins_are_listed_with_their_fault_and_used_by_nobody() -> None:
    faults = {fault.name: fault.problem for fault in catalogue.broken()}
    assert set(faults) == {"twin", "other_twin", "intruder", "unfinished", "future", "loose", "absent", "curious"}
    assert "claim the slug acme.twin" in faults["twin"]
    assert "claim the slug acme.twin" in faults["other_twin"]
    assert "product's own" in faults["intruder"]
    assert "asks for the facts “datasets”; the facts are: metrics, target" in faults["curious"]
    assert "no run()" in faults["unfinished"]
    assert "edition 2" in faults["future"]
    assert "unknown names" in faults["loose"]
    assert "ModuleNotFoundError" in faults["absent"]
    assert {fault.origin for fault in catalogue.broken()} == {"acme-checks 1.0.0"}
    assert catalogue.find("acme.twin") is None
    assert type(catalogue.get("integrity.digest")).__module__.startswith("governance.")


def test_parameters_are_filled_in_and_every_fault_is_named() -> None:
    card = catalogue.get("docs.model_card")
    assert catalogue.parameters(card, {}).model_dump()["min_words"] == 20
    with pytest.raises(catalogue.BadParameters) as refused:
        catalogue.parameters(card, {"min_words": 0, "required_sections": ["ok", ""], "colour": "blue"})
    assert {pointer for pointer, _ in refused.value.errors} == {"/min_words", "/required_sections/1", "/colour"}


@pytest.mark.parametrize("value", ["0.8", True, float("nan"), None, [0.8]])
def test_a_limit_is_a_number_and_nothing_that_could_pass_for_one(value: object) -> None:
    check = catalogue.get("performance.threshold")
    with pytest.raises(catalogue.BadParameters):
        catalogue.parameters(check, {"thresholds": [{"metric": "auc", "value": value}]})
    catalogue.parameters(check, {"thresholds": [{"metric": "auc", "value": 1}]})


@pytest.mark.parametrize("value", [2**53, -(2**53), 10**300])
def test_a_parameter_that_no_policy_can_be_hashed_with_is_refused(value: int) -> None:
    with pytest.raises(catalogue.BadParameters, match="exceeds safe integer domain"):
        catalogue.parameters(
            catalogue.get("performance.threshold"), {"thresholds": [{"metric": "auc", "value": value}]}
        )


def test_the_parameters_of_every_check_describe_their_form() -> None:
    for check in catalogue.all():
        assert check.Params.model_json_schema()["additionalProperties"] is False


@pytest.mark.usefixtures("with_plugins")
def test_a_broken_check_is_refused_with_its_fault() -> None:
    with pytest.raises(catalogue.UnknownCheck, match=r"acme\.curious is installed and cannot be used: .*“datasets”"):
        catalogue.get("acme.curious")
    with pytest.raises(catalogue.UnknownCheck, match=r"acme\.none .*cannot be used: .*absent of acme-checks 1\.0\.0"):
        catalogue.get("acme.none")
    assert any("“datasets”" in message.msg for message in deployment.plug_ins())


@pytest.mark.usefixtures("with_plugins")
def test_what_a_plug_in_raises_outside_the_sandbox_has_a_name() -> None:
    clumsy = catalogue.get("acme.clumsy")
    with pytest.raises(catalogue.BadParameters, match="KeyError"):
        catalogue.parameters(clumsy, {"size": 1})
    assert catalogue.combined_parameters("acme.clumsy", {"size": 2}, {"size": 3}) is None


def test_every_fact_that_a_check_may_ask_for_can_be_read() -> None:
    assert set(inputs.FACTS) == FACT_NAMES
