"""What the histories of the demonstration share: accounts, models and the clock.

A history is a generator: it performs acts and yields the time of its next act. Histories run side by side, in the order
of these times, so that the audit log grows in the order of its events.
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
    """The state of the bank at the current time of the demonstration."""

    until: datetime
    """The present. No act is later."""
    password: str
    """The password of every account."""
    random: Random = field(default_factory=lambda: Random(20_260))  # noqa: S311 - chooses texts and times, no secret
    installer: Actor = field(default_factory=lambda: process("initialise"))
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, ReviewerGroup] = field(default_factory=dict)
    models: dict[str, RegisteredModel] = field(default_factory=dict)
    versions: dict[tuple[str, int], ModelVersion] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    old_token: AccessToken | None = None
    last_days: dict[str, datetime] = field(default_factory=dict)
    """When a person leaves the bank, by user name."""

    @property
    def never(self) -> datetime:
        """A time long after the present."""
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
        """Advance the clock within an act, by the given time and a few random seconds."""
        clock.advance(timedelta(minutes=minutes, seconds=seconds + self.random.uniform(0.5, 9)))

    def later(self, days: float = 0, hours: float = 0, *, any_time: bool = False) -> datetime:
        """Return a time that is later by this, in office hours unless `any_time`, at most the present."""
        return self._at_work(clock.now() + timedelta(days=days, hours=hours), any_time=any_time)

    def ago(self, days: float, *, any_time: bool = False) -> datetime:
        """Return the time this many days before the present, in office hours unless `any_time`."""
        return self._at_work(self.until - timedelta(days=days), any_time=any_time)

    def workday(self, days: float) -> datetime:
        """Return the time this many working days before the present. The fraction is the part of the office hours that
        is left of that day. Such times keep their order on every day of the week."""
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


def play(histories: Sequence[History], *, begins: datetime, until: datetime, progress: Callable[[float], None]) -> None:
    """Run the histories with the clock set to the time of each act. Time never goes back.

    Args:
        histories: the histories; each begins at `begins`, in this order.
        begins: the time of the first act.
        until: the present.
        progress: called after each act with the share of the time span that has passed, from 0 to 1.
    """
    # The index breaks ties, because generators cannot be compared.
    due = [(begins, place, history) for place, history in enumerate(histories)]
    heapq.heapify(due)
    present = begins
    while due:
        moment, place, history = heapq.heappop(due)
        present = max(moment, present + timedelta(seconds=1))
        with clock.freeze(present):
            following = next(history, None)
            present = clock.now()
        if following is not None:
            heapq.heappush(due, (max(following, present), place, history))
        progress(min(1.0, (present - begins) / (until - begins)))
