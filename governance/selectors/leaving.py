"""What has to be handed over when a person leaves: their responsibilities and the requests that involve them."""

from dataclasses import dataclass

from governance.models import PromotionRequest
from governance.selectors.inbox import my_reviews
from registry import access, selectors
from registry.models import RegisteredModel, User

SHOWN = 10
"""Number of names a message lists before it counts the rest."""


@dataclass(frozen=True)
class Leaving:
    """What an account is responsible for and what waits for it."""

    owned: tuple[RegisteredModel, ...]
    accountable: tuple[RegisteredModel, ...]
    service_accounts: tuple[User, ...]
    waiting: tuple[PromotionRequest, ...]
    """Requests that wait for the person's decision."""
    requested: tuple[PromotionRequest, ...]
    """Open requests that the person opened."""

    @property
    def is_responsible(self) -> bool:
        """Whether there is anything to reassign."""
        return bool(self.owned or self.accountable or self.service_accounts)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The same as sentences, for the person who deactivates the account."""
        found = []
        if self.owned:
            names = _listed([m.slug for m in self.owned])
            found.append(f"They own {names}. A model without an active owner enters no protected stage: reassign it.")
        if self.accountable:
            found.append(f"They are the accountable executive of {_listed([m.slug for m in self.accountable])}.")
        if self.service_accounts:
            found.append(f"They own the service accounts {_listed([a.username for a in self.service_accounts])}.")
        if self.waiting:
            found.append(f"These requests wait for their decision: {_listed([str(r) for r in self.waiting])}.")
        if self.requested:
            found.append(
                f"They opened these requests, which stay open: {_listed([str(r) for r in self.requested])}. A "
                "developer or owner of the model can release or withdraw them."
            )
        return tuple(found)


def leaving(person: User) -> Leaving:
    """Return what deactivating an account leaves without a responsible person.

    Args:
        person: the account.
    """
    held = selectors.responsibilities_of(person)
    live = PromotionRequest.objects.filter(requested_by=person, state__in=PromotionRequest.LIVE)
    waits = my_reviews(access.actor_for(person)).needs_me if person.is_active else ()
    return Leaving(
        owned=tuple(held.owned),
        accountable=tuple(held.accountable),
        service_accounts=tuple(held.service_accounts),
        waiting=tuple(row.request for row in waits),
        requested=tuple(live.select_related("model", "version", "target_stage").order_by("pk")),
    )


def _listed(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
