"""What the demonstration's histories share: who there is, and how time passes.

A history is a generator: it does something, yields the moment at which it goes on, and is gone on with when that moment
has come. Many of them run side by side, so the log fills in the order in which things happened at the bank.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from audit import clock, context
from audit.actor import Actor, process
from registry import access
from registry.models import AccessToken, ModelVersion, RegisteredModel, ReviewerGroup, User
from registry.services import tokens

History = Generator[datetime, None, None]

OPENS, CLOSES = 8, 17
"""Office hours, UTC."""
FRIDAY = 4


@dataclass
class World:
    """The bank, as far as it has come."""

    until: datetime
    """The present: nothing happens after it."""
    password: str
    """Everybody's."""
    random: Random = field(default_factory=lambda: Random(20_260))  # noqa: S311 - a story, not a secret
    installer: Actor = field(default_factory=lambda: process("initialise"))
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, ReviewerGroup] = field(default_factory=dict)
    models: dict[str, RegisteredModel] = field(default_factory=dict)
    versions: dict[tuple[str, int], ModelVersion] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    old_token: AccessToken | None = None
    last_days: dict[str, datetime] = field(default_factory=dict)
    """When somebody leaves the bank, by user name."""

    @property
    def never(self) -> datetime:
        """Long after the present."""
        return self.until + timedelta(days=3650)

    @contextmanager
    def acting(self, username: str) -> Iterator[Actor]:
        """Act as a person in a session, or as a service account with its token, from an address of the bank."""
        user = self.users[username]
        machine = user.kind == User.Kind.SERVICE
        address = f"10.20.{40 if machine else 14}.{10 + sum(username.encode()) % 200}"
        request = f"req_{self.random.getrandbits(80):020x}"
        with context.bind_request_context(request_id=request, address=address, client="api" if machine else "web"):
            if machine:
                actor = tokens.authenticate(self.secrets[username], address)
                assert actor is not None, f"the token of {username} ended before its time"
            else:
                actor = access.actor_for(user)
            yield actor

    def wait(self, *, minutes: float = 0, seconds: float = 0) -> None:
        """Let a little time pass within what is being done, and a few seconds by chance."""
        clock.advance(timedelta(minutes=minutes, seconds=seconds + self.random.uniform(0.5, 9)))

    def later(self, days: float = 0, hours: float = 0, *, any_time: bool = False) -> datetime:
        """The moment so much later, in office hours unless `any_time`; never past the present."""
        return self._at_work(clock.now() + timedelta(days=days, hours=hours), any_time=any_time)

    def ago(self, days: float, *, any_time: bool = False) -> datetime:
        """The moment so many days before the present, in office hours unless `any_time`."""
        return self._at_work(self.until - timedelta(days=days), any_time=any_time)

    def workday(self, days: float) -> datetime:
        """The moment so many working days before the present; the fraction is what is left of that day's hours. Moments
        told in this way keep their order whatever day of the week it is."""
        whole = math.ceil(days)
        moment = self.until
        while whole:
            moment -= timedelta(days=1)
            whole -= moment.weekday() <= FRIDAY
        opens = moment.replace(hour=OPENS, minute=self.random.randrange(5), second=self.random.randrange(60))
        return opens + timedelta(hours=(CLOSES - OPENS) * (math.ceil(days) - days))

    def _at_work(self, moment: datetime, *, any_time: bool) -> datetime:
        if not any_time:
            if moment.hour < OPENS or moment.hour >= CLOSES:
                moment = moment.replace(hour=self.random.randrange(OPENS, CLOSES), minute=self.random.randrange(60))
            if moment.weekday() > FRIDAY:
                monday = moment + timedelta(days=7 - moment.weekday())
                moment = monday if monday < self.until else moment - timedelta(days=moment.weekday() - FRIDAY)
        return min(moment, self.until - timedelta(minutes=self.random.uniform(20, 60)))


def play(histories: Sequence[History], *, begins: datetime, until: datetime, tell: Callable[[float], None]) -> None:
    """Run the histories, each at the moments it asks for, with the clock set; time never goes back.

    Args:
        histories: each is begun at `begins`, in order.
        begins: when the first thing happens.
        until: the present.
        tell: told from time to time how much of the span has passed, from 0 to 1.
    """
    # The place in the list breaks ties, so that generators are never compared.
    due = [(begins, place, history) for place, history in enumerate(histories)]
    heapq.heapify(due)
    present = begins
    while due:
        moment, place, history = heapq.heappop(due)
        present = max(moment, present + timedelta(seconds=1))
        with clock.freeze(present):
            asked = next(history, None)
            present = clock.now()
        if asked is not None:
            heapq.heappush(due, (max(asked, present), place, history))
        tell(min(1.0, (present - begins) / (until - begins)))
