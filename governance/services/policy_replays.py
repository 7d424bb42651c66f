"""Replay drafts of policies for a page: a small replay at once, a large one by a worker."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import Q

from audit import canonical, clock
from audit.actor import Actor
from governance import policies as language
from governance import task_queue
from governance.models import PolicyReplay, PromotionRequest
from governance.replay.running import replay
from governance.services import policies
from registry import access
from registry.exceptions import InvalidStateError
from registry.models import ChangeProposal
from registry.services.claiming import WorkQueue

INLINE_REQUESTS = 500
"""Requests up to which a replay is made in the request of the page: it takes less than a second."""
MAX_WAITING = 3
"""Waiting replays of one person."""
MAX_ATTEMPTS = 3
KEPT_FOR = timedelta(days=30)
LOST_AFTER = timedelta(seconds=150)
"""A claim that is older is void. Longer than the time limit of the task."""

log = logging.getLogger(__name__)

QUEUE = WorkQueue(
    model=PolicyReplay,
    waiting={"state": PolicyReplay.State.WAITING},
    running={},
    lost_after=lambda: LOST_AFTER,
    max_attempts=lambda: MAX_ATTEMPTS,
    pause=lambda attempts: timedelta(),  # a replay that fails is not repeated: the same input fails again
)


def request_replay(*, actor: Actor, source: str, since: datetime) -> PolicyReplay:
    """Store a replay of a draft, and make it at once if it is small; else a worker makes it.

    Args:
        actor: an officer.
        source: YAML of the draft.
        since: requests closed at this time or later are the past.

    Returns:
        The replay; finished if it was small.

    Raises:
        PermissionDeniedError: the actor may not manage policies.
        ValidationFailedError: the draft is invalid (see `policies.read`).
        InvalidStateError: too many replays of the actor are waiting (`too_many_replays`).
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    person = access.require_person(actor)
    document = policies.read(source)
    with transaction.atomic():
        waiting = PolicyReplay.objects.filter(requested_by=person, state=PolicyReplay.State.WAITING).count()
        if waiting >= MAX_WAITING:
            raise InvalidStateError(
                f"{waiting} replays are waiting for you already: wait until one of them is done.",
                code="too_many_replays",
            )
        row = PolicyReplay.objects.create(
            policy_slug=document.slug,
            source=source,
            document_digest=canonical.digest(document.model_dump(mode="json")),
            since=since,
            requested_by=person,
            created_at=clock.now(),
        )
        concerned = Q(closed_at__gte=since) | Q(state__in=PromotionRequest.LIVE)
        is_small = PromotionRequest.objects.filter(concerned)[: INLINE_REQUESTS + 1].count() <= INLINE_REQUESTS
        if not is_small:
            task_queue.enqueue_on_commit(task_queue.REPLAY_POLICY, row.pk)
    if is_small:
        run(row.pk)
        row.refresh_from_db()
    return row


def run(replay_id: int) -> bool:
    """Make a replay, if its row can be claimed. A failure is stored in the row with its reason.

    Returns:
        Whether the row was claimed.
    """
    lease = QUEUE.claim(replay_id)
    if lease is None:
        return False
    row = PolicyReplay.objects.get(pk=replay_id)
    failed = PolicyReplay.State.FAILED
    try:
        found = replay(language.parse(row.source), since=row.since)
    except SoftTimeLimitExceeded:
        QUEUE.finish(lease, state=failed, finished_at=clock.now(), problem="it took longer than a worker may spend")
    except Exception as error:
        log.exception("replay %s failed", replay_id)
        QUEUE.finish(lease, state=failed, finished_at=clock.now(), problem=f"it failed: {type(error).__name__}")
    else:
        result = found.as_json()
        QUEUE.finish(lease, state=PolicyReplay.State.DONE, result=result, digest=found.digest, finished_at=clock.now())
    return True


def due() -> list[int]:
    """Keys of the replays that a worker should have claimed by now. Ends those whose workers were lost too often."""
    QUEUE.finish_exhausted(
        state=PolicyReplay.State.FAILED,
        finished_at=clock.now(),
        problem=f"the worker that made it was lost {MAX_ATTEMPTS} times",
    )
    return QUEUE.claimable_ids(100)


def sweep() -> int:
    """Delete replays older than a month that no proposal names. Return how many."""
    old = PolicyReplay.objects.filter(created_at__lt=clock.now() - KEPT_FOR)
    named = ChangeProposal.objects.filter(payload__has_key="replay").values_list("payload__replay__number", flat=True)
    return old.exclude(pk__in=list(named)).delete()[0]
