"""Who acts: one value for a person, a token with the person behind it, or a named system process."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

# A pseudonym: enough for "usr_…", "tok_…" and process names, too little for an e-mail address or a name with a space.
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")
_PROCESS_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


class ActorKind(StrEnum):
    """What stands behind an act."""

    PERSON = "person"
    TOKEN = "token"  # noqa: S105 (a kind of actor, not a secret)
    PROCESS = "process"


@dataclass(frozen=True)
class Actor:
    """Whoever performs an act. Services take one as a keyword and never accept None.

    Two actors are equal when everything that may be recorded is; the database key is not compared and not recorded.
    Raises ValueError when kind, id and person contradict each other.
    """

    kind: ActorKind
    id: str
    """Pseudonymous: "usr_…", "tok_…", or the name of a process such as "check-worker"."""
    person: str | None
    """The uid of the human or service account behind: the id itself for a person, the owner of a token, None for a
    process."""
    person_pk: int | None = field(default=None, compare=False)
    """Database key of that person, for the services' look-ups; never recorded."""
    auth: str = ""
    """How the actor signed in: "session", "token", "process", "oidc"."""
    scopes: frozenset[str] | None = None
    """What a token may do; None where no scopes limit the actor."""
    models: frozenset[str] | None = None
    """Slugs of the registered models a token is limited to; None for all."""
    token_pk: int | None = field(default=None, compare=False)
    """Database key of the token; as little recorded as the person's."""

    def __post_init__(self) -> None:
        for name, identifier in (("id", self.id), ("person", self.person)):
            if identifier is not None and not _IDENTIFIER.fullmatch(identifier):
                raise ValueError(f"An actor's {name} is a pseudonym of letters, digits and _.:-, not {identifier!r}.")
        if self.kind is ActorKind.PERSON and self.person != self.id:
            raise ValueError("A person acts for themselves: person must equal id.")
        if self.kind is ActorKind.TOKEN and self.person is None:
            raise ValueError("A token always has a person behind it: person must be given.")
        if self.kind is ActorKind.PROCESS and self.person is not None:
            raise ValueError("A system process has nobody behind it: person must be None.")

    def as_leaf(self) -> dict[str, str]:
        """The actor as it is recorded: pseudonyms and the way of signing in, nothing else."""
        leaf = {"type": str(self.kind), "id": self.id}
        if self.auth:
            leaf["auth"] = self.auth
        if self.person is not None and self.person != self.id:
            leaf["behind"] = self.person
        return leaf


def process(name: str) -> Actor:
    """The actor for a named system process such as "check-worker" or "initialise".

    Raises ValueError when the name is not lower-case words joined by hyphens.
    """
    if not _PROCESS_NAME.fullmatch(name):
        raise ValueError(f"A process name is lower-case words joined by hyphens, not {name!r}.")
    return Actor(kind=ActorKind.PROCESS, id=name, person=None, auth="process")
