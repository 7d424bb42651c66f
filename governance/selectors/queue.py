"""What waits for a person, as reviewer, author, owner and reviewer of models: for the page My reviews and REST."""

from __future__ import annotations

from dataclasses import dataclass

from audit import clock
from audit.actor import Actor
from governance.selectors.author_queue import AuthorRow, waiting_for_author
from governance.selectors.inbox import ListRow, my_reviews
from registry import selectors
from registry.models import RegisteredModel, User

MOST_DUE = 20


@dataclass(frozen=True)
class Queue:
    """What waits for a person, in the order in which the page shows it."""

    decisions: tuple[ListRow, ...]
    """Requests that need a decision, for the first time."""
    again: tuple[ListRow, ...]
    """Requests that need a decision again: the earlier one of the person was invalidated."""
    authored: tuple[AuthorRow, ...]
    """Requests that wait for the person as author or owner: changes requested, then blocked, then ready."""
    due: tuple[RegisteredModel, ...]
    """Models whose periodic review is due, and which the person may review."""
    waiting_for_others: tuple[ListRow, ...]
    done_lately: tuple[ListRow, ...]

    @property
    def to_decide(self) -> int:
        """The number of requests that need a decision."""
        return len(self.decisions) + len(self.again)

    @property
    def count(self) -> int:
        """The number beside "My reviews" in the navigation: requests that wait for the person."""
        return self.to_decide + len(self.authored)

    @property
    def changes_requested(self) -> tuple[AuthorRow, ...]:
        return self._of("changes_requested")

    @property
    def blocked(self) -> tuple[AuthorRow, ...]:
        return self._of("blocked")

    @property
    def ready(self) -> tuple[AuthorRow, ...]:
        return self._of("ready")

    def _of(self, kind: str) -> tuple[AuthorRow, ...]:
        return tuple(row for row in self.authored if row.kind == kind)


def my_queue(actor: Actor, person: User) -> Queue:
    """Return what waits for a person. A fixed number of queries.

    Args:
        actor: who reads; limits visibility.
        person: the account behind the actor.
    """
    reviews = my_reviews(actor)
    return Queue(
        decisions=tuple(row for row in reviews.needs_me if not row.my_lapsed),
        again=tuple(row for row in reviews.needs_me if row.my_lapsed),
        authored=waiting_for_author(actor, person),
        due=tuple(selectors.due_for(actor, clock.now().date())[:MOST_DUE]),
        waiting_for_others=reviews.waiting_for_others,
        done_lately=reviews.done_lately,
    )
