"""What people sign reads as it is written: no text in it changes the order in which it is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from governance import promotions
from governance.models import PromotionRequest
from governance.services import policies
from registry import access
from registry.exceptions import ValidationFailedError
from registry.services import models
from registry.services.versions import add_card
from tests.governance.promotions.conftest import CARD, PASSWORD, Bank

TURNED = "approved \u202eton\u202c"


def refused(call: Callable[[], object], pointer: str) -> None:
    with pytest.raises(ValidationFailedError) as fault:
        call()
    assert [(error.pointer, error.code) for error in fault.value.errors] == [(pointer, "bidirectional_controls")]


def test_no_text_of_a_request_turns_round(bank: Bank) -> None:
    version, priya, marta = bank.in_staging(), bank.actor("priya"), bank.actor("marta")

    refused(
        lambda: promotions.request(actor=priya, version=version, target_stage="production", reason=TURNED), "/reason"
    )
    request = bank.run_checks(bank.request(version))
    refused(
        lambda: promotions.decide(
            actor=marta,
            request=request,
            outcome="approve",
            packet_digest=request.packet_digest,
            comment=TURNED,
            signature=promotions.DecisionSignature(PASSWORD),
        ),
        "/comment",
    )
    refused(lambda: promotions.withdraw(actor=priya, request=request, reason=TURNED), "/reason")
    assert PromotionRequest.objects.get(pk=request.pk).is_live


def test_nor_does_what_it_rests_on(bank: Bank) -> None:
    version, priya = bank.version(), bank.actor("priya")

    refused(lambda: add_card(actor=priya, version=version, text=f"{CARD}\n{TURNED}"), "/text")
    refused(lambda: models.update_model(actor=priya, model=bank.model, intended_use=TURNED), "/intended_use")


def test_nor_does_a_policy(bank: Bank) -> None:
    with pytest.raises(ValidationFailedError) as fault:
        policies.read(f"slug: turned\ntitle: {TURNED}\napplies_to: {{stages: [production]}}\n")
    assert fault.value.errors[0].code == "bidirectional_controls"
    assert access.check_permission(bank.actor("priya"), access.Permission.VIEW, bank.model)
