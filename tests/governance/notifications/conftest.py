"""The bank of the promotion tests, whose people have mail addresses."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from governance.notifications import delivering, dispatching
from registry.services import people
from tests.fixtures.scenes import Share
from tests.governance.promotions.conftest import ROOT, Bank, found_bank


def bank_with_mail() -> Bank:
    """The bank of the promotion tests; everyone has an address."""
    made = found_bank()
    for name, person in made.people.items():
        made.people[name] = people.update_person(actor=ROOT, person=person, email=f"{name}@bank.example")
    return made


@pytest.fixture(scope="module")
def _shared_bank(share_scene: Share) -> Bank:
    made: Bank = share_scene(bank_with_mail)
    return made


@pytest.fixture
def bank(_shared_bank: Bank, db: None, settings: Settings) -> Bank:
    """The bank of the module, as it was made. Mail is kept in memory."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    dispatching.dispatch()
    return _shared_bank.again()


def carry_out() -> None:
    """What beat and workers do, in this process."""
    dispatching.dispatch()
    for number in delivering.due():
        delivering.deliver(number)
