"""What the attempts send, and rows that an attempt needs of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from audit import clock
from governance.models import (
    Notification,
    PromotionRequest,
)
from registry import totp
from registry.models import (
    User,
)
from registry.services import (
    passkeys,
    second_factors,
)
from registry.services.versions import ArtifactSpec
from tests import factories
from tests.authenticator import Authenticator
from tests.governance.checks import signing_made

FILE = "model.json"
WAIVABLE = "evaluation.adequacy"
"""A check of the request for the champion's name, which waits for evidence."""


def another_key() -> dict[str, Any]:
    """The arguments of a proposed key that is not registered."""
    key = (signing_made.SIGNED / "p256.pub.pem").read_text()
    return {"name": "Another key", "owner": "Trainers", "public_key": key, "purposes": ["provenance"]}


def enrolment(person: User) -> tuple[str, str]:
    """The ticket of an enrolment of an authenticator app, and the code that the app shows."""
    offered = second_factors.begin(person)
    return offered.ticket, totp.code_of(offered.secret, totp.step_at(clock.now()))


def notify(person: User) -> Notification:
    """An unread notification of a person, about no model."""
    return Notification.objects.create(
        person=person,
        reason="ends",
        key=str(uuid4()),
        subject_type="token",
        subject_id="tok_1",
        subject="Token ci",
        title="Token ci expires",
        because="You own the token.",
        path="/profile/tokens/",
        created_at=clock.now(),
    )


def waived(request: PromotionRequest) -> dict[str, Any]:
    """The arguments of a waiver of the check that waits for evidence."""
    run = request.check_runs.get(check_slug=WAIVABLE)
    return {
        "check": WAIVABLE,
        "reason": "The evaluation table arrives next week.",
        "control": "A person reads each decision until then.",
        "until": clock.now().date() + timedelta(days=7),
        "inputs_digest": run.inputs_digest,
    }


def declared(number: int) -> ArtifactSpec:
    """How a file is declared that no version has yet."""
    return factories.artifact(FILE, b"new %d" % number)


def new_passkey(person: User) -> tuple[str, str]:
    """The ticket of an enrolment, and the response of a new passkey to it."""
    offer = passkeys.begin_enrolment(person)
    return offer.ticket, Authenticator().create(offer.options)
