"""A name belongs to one model: exact, look-alike, across slugs and MLflow names, and without telling of hidden ones."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from registry import access
from registry.access import Role
from registry.exceptions import FieldError, ValidationFailedError
from registry.models import RegisteredModel, RegisteredName, User
from registry.services import mlflow_names, models
from tests import factories


def refusal(by: User, name: str, *, mlflow: bool = True) -> FieldError:
    actor = access.actor_for(by)

    def register() -> RegisteredModel:
        if mlflow:
            return mlflow_names.register_model_with_mlflow_name(actor=actor, name=name)
        return models.register_model(actor=actor, slug=name)

    with pytest.raises(ValidationFailedError) as refused:
        register()
    (error,) = refused.value.errors
    return error


@pytest.mark.parametrize("twin", ["\u0441hurn", "c\u04bburn"])
def test_a_twin_is_refused_and_the_model_named(priya: User, twin: str) -> None:
    factories.model(priya, "churn")

    fault = refusal(priya, twin)

    assert fault.code == "looks_alike"
    assert "“churn”" in fault.detail
    assert "U+04" in fault.detail


def test_slugs_look_alike_as_well(priya: User) -> None:
    factories.model(priya, "model-1")

    assert refusal(priya, "model-l", mlflow=False).code == "looks_alike"
    assert refusal(priya, "rnodel-1", mlflow=False).code == "looks_alike"
    assert factories.model(priya, "model-2").names.count() == 1


def test_a_slug_is_no_other_models_mlflow_name(priya: User) -> None:
    made = mlflow_names.register_model_with_mlflow_name(actor=access.actor_for(priya), name="Retail Risk")
    assert (made.slug, made.names.count()) == ("retail-risk", 2)

    fault = refusal(priya, "retail-risk")

    assert fault.code == "other_models_slug"
    assert "“Retail Risk”" in fault.detail
    assert refusal(priya, "retail-risk", mlflow=False).code == "taken"
    assert refusal(priya, "Retail Risk").code == "taken"


def test_capitals_are_another_name_as_on_a_stock_server(priya: User) -> None:
    for name in ("Retail Risk", "retail risk", "RETAIL RISK"):
        mlflow_names.register_model_with_mlflow_name(actor=access.actor_for(priya), name=name)

    assert RegisteredModel.objects.count() == 3


@pytest.mark.parametrize("name", ["hidden", "h\u0456dden", "Hidden Model", "Hidden M\u043edel", "hidden-model"])
def test_what_is_hidden_is_answered_alike(priya: User, eve: User, name: str) -> None:
    factories.model(eve, "hidden")
    mlflow_names.register_model_with_mlflow_name(actor=access.actor_for(eve), name="Hidden Model")

    fault = refusal(priya, name)

    assert fault.code == "name_unavailable"
    assert fault.detail == (
        f"The name “{name}” is not available: choose another. If you look for a model of this name, ask for access to "
        "it."
    )


def test_a_role_makes_the_answer_say_more(priya: User, eve: User) -> None:
    model = factories.model(eve, "hidden")
    assert refusal(priya, "hidden", mlflow=False).code == "name_unavailable"

    factories.grant(Role.VIEWER, to=priya, on=model)

    assert refusal(priya, "hidden", mlflow=False).code == "taken"


@pytest.mark.django_db(transaction=True)
def test_of_twins_at_once_one_is_registered(priya: User) -> None:
    begin, codes = threading.Barrier(4), []

    def register(name: str) -> None:
        try:
            begin.wait()
            mlflow_names.register_model_with_mlflow_name(actor=access.actor_for(priya), name=name)
            codes.append("registered")
        except ValidationFailedError as refused:
            codes.append(refused.errors[0].code)
        finally:
            connection.close()

    threads = [threading.Thread(target=register, args=[name]) for name in ("Churn A", "\u0421hurn A") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert codes.count("registered") == 1
    assert set(codes) <= {"registered", "taken", "looks_alike"}
    assert RegisteredModel.objects.count() == 1
    assert RegisteredName.objects.count() == 2
