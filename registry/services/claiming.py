"""Work that workers claim, may lose, and try again: one implementation for every queue.

The row of the work is the queue. A worker claims a row by writing a token that no other worker knows. Only the holder
of that token reports progress and writes the outcome, so a task that is delivered twice, a slow worker and a second
worker never produce two outcomes. A worker that reports no progress for too long is lost, and its claim is void.

Claims are single UPDATE statements whose conditions are columns of the row itself: of two workers that claim at once,
the second waits for the first to commit, sees its token, and gets nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from django.db.models import Case, F, PositiveSmallIntegerField, Q, QuerySet, When

from audit import clock
from registry.models import Claimable, RetriedInPlace

_Row = TypeVar("_Row", bound=Claimable)

_PROBLEM_CHARACTERS = 500


class ClaimLostError(Exception):
    """The row is held by another worker, or is not waited for any more."""


@dataclass(frozen=True)
class Lease:
    """The right to finish one piece of work: the key of its row, and the token that was written into it."""

    pk: int
    token: UUID


@dataclass(frozen=True)
class WorkQueue(Generic[_Row]):
    """One table of claimable work and its rules.

    Args:
        model: the table.
        waiting: columns and values of a row that waits for a worker.
        running: columns and values of a row that a worker holds; where empty, those of `waiting`.
        lost_after: how long a worker may report no progress before its claim is void.
        max_attempts: how many attempts there are; None for no limit.
        pause: the time before the next attempt, by the number of attempts that failed (1 for the first).
        eligible: a further condition on a row that may be claimed. It names columns of the table itself, a subquery
            where it concerns others: a join would move the conditions of a claim into a subquery, which PostgreSQL
            does not evaluate again after it waited for another worker's claim.
        reclaims_lost: whether work whose worker was lost is claimed again as it is. Otherwise the caller ends what
            `lost` finds.
        counts_lost: whether an attempt whose worker was lost is one of `max_attempts`.
    """

    model: type[_Row]
    waiting: Mapping[str, Any]
    running: Mapping[str, Any]
    lost_after: Callable[[], timedelta]
    max_attempts: Callable[[], int] | None
    pause: Callable[[int], timedelta]
    eligible: Callable[[], Q] = Q
    reclaims_lost: bool = True
    counts_lost: bool = True
    _retried_in_place: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_retried_in_place", issubclass(self.model, RetriedInPlace))

    def claimable(self) -> QuerySet[_Row]:
        """Rows that a worker may claim now."""
        now = clock.now()
        due = Q(run_after__isnull=True) | Q(run_after__lte=now)
        free = Q(**self.waiting, claim__isnull=True) & due
        if self.reclaims_lost:
            abandoned = self._lost_q()
            if self._limits_lost:
                abandoned &= Q(attempts__lt=self._limit)
            free |= abandoned
        return self.model._default_manager.filter(free & self.eligible())

    def claimable_ids(self, limit: int | None = 500) -> list[int]:
        """Keys of rows that a worker should have claimed by now, the oldest first."""
        return list(self.claimable().order_by("pk").values_list("pk", flat=True)[:limit])

    def claim(self, pk: int, **written: Any) -> Lease | None:
        """Claim a row for this worker.

        Args:
            pk: the row's key.
            written: further columns to write with the claim.

        Returns:
            The lease; None where the row is finished, held by a worker that is not lost, or not due yet.
        """
        lease = Lease(pk, uuid4())
        if self._retried_in_place:
            begun = F("attempts") + 1
            written["attempts"] = (
                begun
                if self.counts_lost
                else Case(
                    When(claim__isnull=True, then=begun),
                    default=F("attempts"),
                    output_field=PositiveSmallIntegerField(),
                )
            )
        taken = (
            self.claimable()
            .filter(pk=pk)
            .update(**(self.running or {}), claim=lease.token, heartbeat_at=clock.now(), **written)
        )
        return lease if taken else None

    def held(self, lease: Lease) -> QuerySet[_Row]:
        """The leased row, while the lease is valid; otherwise no row."""
        return self.model._default_manager.filter(pk=lease.pk, claim=lease.token, **(self.running or self.waiting))

    def heartbeat(self, lease: Lease) -> bool:
        """Report progress. False where the lease is not valid any more: the work can stop, its outcome is not kept."""
        return bool(self.held(lease).update(heartbeat_at=clock.now()))

    def pulse(self, lease: Lease, every: float) -> Callable[[], None]:
        """Return a function that reports progress when it is called, at most once in `every` seconds.

        The function raises ClaimLostError where the lease is not valid any more.
        """
        due = time.monotonic() + every

        def beat() -> None:
            nonlocal due
            if time.monotonic() < due:
                return
            due = time.monotonic() + every
            if not self.heartbeat(lease):
                raise ClaimLostError

        return beat

    def finish(self, lease: Lease, **written: Any) -> bool:
        """Write an outcome and end the lease; False, with nothing written, where the lease is not valid any more."""
        return bool(self.held(lease).update(claim=None, **written))

    def is_last_attempt(self, attempts: int) -> bool:
        """Whether no attempt follows the one with this number."""
        return self.max_attempts is not None and attempts >= self._limit

    def retry(
        self, lease: Lease, attempts: int, *, at_least: timedelta = timedelta(), problem: str | None = None, **also: Any
    ) -> bool:
        """End the lease and let another attempt be made after a pause.

        Args:
            lease: of the attempt that failed.
            attempts: the number of that attempt, which is not the last.
            at_least: the shortest pause.
            problem: why it failed; None where the table records that otherwise.
            also: further columns to write.

        Returns:
            False, with nothing written, where the lease is not valid any more.
        """
        if problem is not None:
            also["problem"] = problem[:_PROBLEM_CHARACTERS]
        run_after = clock.now() + max(self.pause(attempts), at_least)
        return self.finish(lease, **self.waiting, run_after=run_after, **also)

    def lost(self) -> QuerySet[_Row]:
        """Rows whose worker reported no progress for too long."""
        return self.model._default_manager.filter(self._lost_q())

    def finish_exhausted(self, **written: Any) -> int:
        """Write an outcome to the rows whose worker was lost in the last attempt. Returns how many there were."""
        return self.lost().filter(attempts__gte=self._limit).update(claim=None, **written) if self._limits_lost else 0

    def _lost_q(self) -> Q:
        silent_since = clock.now() - self.lost_after()
        return Q(**(self.running or self.waiting), claim__isnull=False, heartbeat_at__lt=silent_since)

    @property
    def _limit(self) -> int:
        assert self.max_attempts is not None
        return self.max_attempts()

    @property
    def _limits_lost(self) -> bool:
        return self._retried_in_place and self.counts_lost and self.max_attempts is not None


def doubled(first: timedelta, attempts: int) -> timedelta:
    """Return the pause after a number of failed attempts: `first` after the first, then twice the one before."""
    return first * (1 << (attempts - 1))
