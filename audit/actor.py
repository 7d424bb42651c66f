"""The actor of an event: a person, a token of a person or service account, or a named system process."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

# A pseudonym: permits "usr_…", "tok_…" and process names; excludes e-mail addresses and names with spaces.
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")
_PROCESS_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


class ActorKind(StrEnum):
    """The kind of an actor."""

    PERSON = "person"
    TOKEN = "token"  # noqa: S105 (a kind of actor, not a secret)
    PROCESS = "process"


@dataclass(frozen=True)
class Actor:
    """The person, token or process that acts. Services take one as a keyword argument and never accept None.

    Two actors are equal if all recorded fields, scopes, models and checks are equal; database keys are neither compared
    nor recorded.

    Raises:
        ValueError: kind, id and person contradict each other, or an id is not a pseudonym.
    """

    kind: ActorKind
    id: str
    """Pseudonymous: "usr_…", "tok_…", or the name of a process such as "check-worker"."""
    person: str | None
    """The uid of the responsible account: the id itself for a person, the owner of a token, None for a process."""
    person_pk: int | None = field(default=None, compare=False)
    """Database key of that person, for queries of the services; never recorded."""
    auth: str = ""
    """How the actor signed in: "session", "token", "process", "oidc"."""
    scopes: frozenset[str] | None = None
    """The scopes of a token; None if no scopes limit the actor."""
    models: frozenset[str] | None = None
    """Slugs of the registered models a token is limited to; None for all."""
    checks: frozenset[str] = frozenset()
    """Names of the checks whose results a token may report."""
    token_pk: int | None = field(default=None, compare=False)
    """Database key of the token; never recorded."""

    def __post_init__(self) -> None:
        for name, identifier in (("id", self.id), ("person", self.person)):
            if identifier is not None and not _IDENTIFIER.fullmatch(identifier):
                raise ValueError(f"An actor's {name} is a pseudonym of letters, digits and _.:-, not {identifier!r}.")
        if self.kind is ActorKind.PERSON and self.person != self.id:
            raise ValueError("A person acts for themselves: person must equal id.")
        if self.kind is ActorKind.TOKEN and self.person is None:
            raise ValueError("A token belongs to a person: person must be given.")
        if self.kind is ActorKind.PROCESS and self.person is not None:
            raise ValueError("A system process has no person: person must be None.")

    def as_leaf(self) -> dict[str, str]:
        """Return the actor in the form stored in the leaf: pseudonyms and the sign-in method only."""
        leaf = {"type": str(self.kind), "id": self.id}
        if self.auth:
            leaf["auth"] = self.auth
        if self.person is not None and self.person != self.id:
            leaf["behind"] = self.person
        return leaf


def process(name: str) -> Actor:
    """Return the actor for a named system process, such as "check-worker" or "initialise".

    Raises:
        ValueError: the name is not lower-case words joined by hyphens.
    """
    if not _PROCESS_NAME.fullmatch(name):
        raise ValueError(f"A process name is lower-case words joined by hyphens, not {name!r}.")
    return Actor(kind=ActorKind.PROCESS, id=name, person=None, auth="process")
