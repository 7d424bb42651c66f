"""How a service is tried: it returns when the action was done; a list says whether the thing was in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from audit.actor import Actor
from registry.exceptions import DomainError, NotFoundError, PermissionDeniedError
from tests.permission_matrix.actors import World
from tests.permission_matrix.interfaces.attempts import Answer, Caller, InterfaceAttempts, TryIt
from tests.permission_matrix.table import ExpectedResult, Interface

WHY = "for the table"
NEW_PASSWORD = "nine-Blue-lanterns-7"


def _read(function: Callable[[World, Actor], Any]) -> TryIt:
    def try_it(world: World, caller: Caller) -> Answer:
        actor = world.actor(caller.key, token=caller.token)
        if actor is None:
            return Answer(ExpectedResult.SIGN_IN)
        try:
            found = function(world, actor)
        except DomainError as refusal:
            # A service has no session: a deactivated account is refused in another way than on the pages.
            if caller.key == "go":
                return Answer(ExpectedResult.SIGN_IN, refusal=refusal)
            return Answer(_VERDICTS[type(refusal)], refusal=refusal)
        if found is False:
            return Answer(ExpectedResult.SIGN_IN if caller.key == "go" else ExpectedResult.INVISIBLE)
        return Answer(ExpectedResult.ALLOWED)

    return try_it


_VERDICTS: dict[type[DomainError], ExpectedResult] = {
    NotFoundError: ExpectedResult.INVISIBLE,
    PermissionDeniedError: ExpectedResult.DENIED,
}
"""Any other refusal is about something else than permission: a fault of the test."""

SERVICE = InterfaceAttempts(Interface.SERVICE, _read)
