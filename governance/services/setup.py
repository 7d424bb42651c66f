"""Initial data of an instance: audit log, lifecycle, a reviewer group, the risk questionnaire, starter policies."""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from audit import services as log
from audit.actor import Actor, process
from audit.models import Event
from governance.models import Policy
from governance.services import fact_requirements, policies, tier_requesters  # noqa: F401 - register their kinds of change proposals
from registry import access, selectors
from registry.exceptions import InvalidStateError
from registry.models import ReviewerGroup
from registry.services import change_proposals, instance, people, questionnaires
from registry.services import setup as registry_setup

INSTALLER = process("initialise")
"""The actor during set-up, before users exist."""

REVIEWERS = "reviewers"
"""The group that the starter policies require; its members may decide on every model."""


@dataclass(frozen=True)
class Installed:
    """What a run of `initialise` created."""

    log_opened: bool
    group_made: bool
    questionnaire_published: bool
    policies: tuple[str, ...]


def install_lifecycle(actor: Actor = INSTALLER) -> None:
    """Install the lifecycle with the protection set by COUNTERSIGN_PROTECTED.

    Raises:
        InvalidStateError: the variable is "none" and this instance has protected targets (`protection_stays`). It is
            for new instances and never removes existing protection.
    """
    registry_setup.install_lifecycle(actor=actor, protected=settings.COUNTERSIGN_PROTECTED != "none")
    refuse_lowered_protection()


def refuse_lowered_protection() -> None:
    """Refuse COUNTERSIGN_PROTECTED=none on an instance with protected targets; see `install_lifecycle`.

    Raises:
        InvalidStateError: protection_stays.
    """
    if settings.COUNTERSIGN_PROTECTED == "none" and selectors.has_protected_targets():
        guarded = [stage.name for stage in selectors.lifecycle().stages if stage.protected]
        raise InvalidStateError(
            f"COUNTERSIGN_PROTECTED=none is for a new instance, and this one protects {', '.join(guarded)}: protection "
            "is not lowered by a variable. Take it out of the environment, or set up another instance for the trial.",
            code="protection_stays",
        )


@transaction.atomic
def initialise(starter: str = "light") -> Installed:
    """Set an instance up. Idempotent: existing data is not changed.

    Args:
        starter: the set of starter policies, one of `policies.STARTER_SETS`.

    Returns:
        What was created.
    """
    opened = not Event.objects.exists()
    log.open_log(actor=INSTALLER)
    instance.record_instance(actor=INSTALLER)
    install_lifecycle()
    made = _create_group(REVIEWERS)
    if not Policy.objects.exists():
        for slug in policies.STARTER_SETS[starter]:
            _create_group(slug)
    questionnaire, published = None, []
    if change_proposals.is_exempt(INSTALLER):
        questionnaire = questionnaires.install_starter(actor=INSTALLER)
        published = policies.install_starter(actor=INSTALLER, name=starter)
    return Installed(opened, made, questionnaire is not None, tuple(f"{r.policy.slug} v{r.number}" for r in published))


def _create_group(slug: str) -> bool:
    """Create a reviewer group of the starter policies with the role approver; False if it exists."""
    if ReviewerGroup.objects.filter(slug=slug).exists():
        return False
    group = people.create_group(actor=INSTALLER, slug=slug, name=slug.replace("-", " ").capitalize())
    access.grant_role(
        actor=INSTALLER,
        role=access.Role.APPROVER,
        group=group,
        reason="the starter policies call on this group for every model",
    )
    return True
