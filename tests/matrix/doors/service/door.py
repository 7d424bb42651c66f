"""How a service is tried: it returns when the action was done; a list says whether the thing was in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from audit.actor import Actor
from registry.exceptions import NotFound, NotPermitted, Refusal
from tests.matrix.actors import World
from tests.matrix.doors.knocking import Answer, Caller, Knocks, TryIt
from tests.matrix.table import Door, Verdict

WHY = "for the table"
NEW_PASSWORD = "nine-Blue-lanterns-7"


def _read(function: Callable[[World, Actor], Any]) -> TryIt:
    def try_it(world: World, caller: Caller) -> Answer:
        actor = world.actor(caller.key, token=caller.token)
        if actor is None:
            return Answer(Verdict.SIGN_IN)
        try:
            found = function(world, actor)
        except Refusal as refusal:
            # There is no session here to be without: whoever is gone is refused, one way or the other.
            if caller.key == "go":
                return Answer(Verdict.SIGN_IN, refusal=refusal)
            return Answer(_VERDICTS[type(refusal)], refusal=refusal)
        if found is False:
            return Answer(Verdict.SIGN_IN if caller.key == "go" else Verdict.INVISIBLE)
        return Answer(Verdict.ALLOWED)

    return try_it


_VERDICTS: dict[type[Refusal], Verdict] = {NotFound: Verdict.INVISIBLE, NotPermitted: Verdict.DENIED}
"""Any other refusal is about something else than permission: a fault of the test."""

SERVICE = Knocks(Door.SERVICE, _read)
