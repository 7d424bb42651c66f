"""What an attempt is: one action, tried at one interface by one caller, and how the interface's answer is read."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from registry.exceptions import DomainError
from tests.permission_matrix.actors import World
from tests.permission_matrix.table import ExpectedResult, Interface


@dataclass(frozen=True)
class Caller:
    """Who interface_attempts: a column of the table."""

    key: str
    token: bool = False

    def __str__(self) -> str:
        return f"{'token ' if self.token else ''}{self.key}"


@dataclass(frozen=True)
class Answer:
    """What an interface said. `text` is what the caller reads; `refusal` what a service raised."""

    verdict: ExpectedResult
    text: str = ""
    refusal: DomainError | None = None


TryIt = Callable[[World, Caller], Answer]


@dataclass(frozen=True)
class Attempt:
    """A way to try an action. `routes` are the addresses it takes, as `tests.permission_matrix.routes` names them."""

    action: str
    try_it: TryIt
    routes: tuple[str, ...]
    own_words: bool = False
    """Whether the interface has its own refusal message, because it can name more than the service."""

    @property
    def name(self) -> str:
        return f"{self.action}: {' '.join(self.routes)}" if self.routes else self.action


@dataclass
class InterfaceAttempts:
    """The interface_attempts of an interface. `as_answer` makes an answer of how its functions are written."""

    interface: Interface
    as_answer: Callable[[Callable[..., Any]], TryIt]
    all: list[Attempt] = field(default_factory=list)

    def at(
        self, action: str, *routes: str, own_words: bool = False
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Make a function the way to try `action` here."""

        def kept(function: Callable[..., Any]) -> Callable[..., Any]:
            self.all.append(Attempt(action, self.as_answer(function), routes, own_words))
            return function

        return kept

    def of(self, action: str) -> Attempt:
        """The one attempt for that action."""
        (found,) = [attempt for attempt in self.all if attempt.action == action]
        return found


def words(markup: bytes) -> str:
    """The visible text of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup.decode())).split())
