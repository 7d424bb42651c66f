"""Who answers for an import: people of this instance, named on the command line by whoever runs the machine."""

from __future__ import annotations

from audit.actor import Actor
from governance.promotions.adopting import COMMAND
from registry import access
from registry.exceptions import NotFound
from registry.models import User


def person(username: str) -> User:
    """The active account of that name. Raises NotFound."""
    found = User.objects.filter(username=username, is_active=True).first()
    if found is None:
        raise NotFound(f"There is no active account with the user name “{username}”.")
    return found


def officer(username: str) -> Actor:
    """That person, running a command. Raises NotFound, and NotPermitted for who is no officer."""
    actor = access.actor_for(person(username), auth=COMMAND)
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    return actor
