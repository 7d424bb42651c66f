"""What an instance needs before anyone can use it: an opened log, a lifecycle, a reviewer group, starter policies."""

from dataclasses import dataclass

from django.db import transaction

from audit import services as log
from audit.actor import process
from audit.models import Event
from governance.services import policies
from registry import access
from registry.models import ReviewerGroup
from registry.services import people
from registry.services import setup as registry_setup

INSTALLER = process("initialise")
"""Who acts while an instance is set up, before there are people."""

REVIEWERS = "reviewers"
"""The group the starter policies call upon; its members may decide on every model."""


@dataclass(frozen=True)
class Installed:
    """What a run of `initialise` found missing and made."""

    log_opened: bool
    group_made: bool
    policies: tuple[str, ...]


@transaction.atomic
def initialise() -> Installed:
    """Set an instance up. Idempotent: what is there is left as it is."""
    opened = not Event.objects.exists()
    log.open_log(actor=INSTALLER)
    registry_setup.install_lifecycle(actor=INSTALLER)
    made = not ReviewerGroup.objects.filter(slug=REVIEWERS).exists()
    if made:
        group = people.create_group(actor=INSTALLER, slug=REVIEWERS, name="Reviewers")
        access.grant_role(
            actor=INSTALLER,
            role=access.Role.APPROVER,
            group=group,
            reason="the starter policies call on this group for every model",
        )
    published = policies.install_starter(actor=INSTALLER)
    return Installed(opened, made, tuple(f"{r.policy.slug} v{r.number}" for r in published))
