"""Creation of the demonstration: once, in a fresh database of a development installation."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from audit import clock, recorder
from audit import services as log
from audit.models import Event
from audit.recorder import ObjectRef
from governance import promotions, selectors, task_queue
from governance.actions import DEMONSTRATION_COMPLETED
from governance.development.demo import (
    access_story,
    acts,
    catalogue,
    checking,
    monitored,
    outgoing,
    passwords,
    people,
    story,
)
from governance.development.demo.world import History, World, play
from governance.models import PromotionRequest
from governance.selectors.search import VOCABULARY
from governance.services import impacts, policies, policy_replays, setup, waivers
from registry import access
from registry.exceptions import InvalidStateError
from registry.models import RegisteredModel, User
from registry.services import deletion, instance, models, questionnaires, saved_views, sign_in

SPAN = timedelta(days=1096)
"""Three years."""
POLICIES = Path(__file__).parent / "policies"
PASSWORD_FILE = "password"  # noqa: S105 - a name
TOKEN_FILE = "demo-token"  # noqa: S105 - a name


class Refused(Exception):
    """The demonstration cannot be made here; the message states why and what to do."""


@dataclass(frozen=True)
class Made:
    """The size of the demonstration."""

    models: int
    """Models that are not deleted."""
    events: int
    waiting_for_marta: int
    first_for_marta: int | None
    """Of the requests that wait for Marta, the number of the one with the most decisions."""
    requests: dict[str, int]
    """Number of requests in each state."""


def is_complete() -> bool:
    """Return whether the demonstration was made completely in this database."""
    return Event.objects.filter(action=DEMONSTRATION_COMPLETED).exists()


def is_fresh() -> bool:
    """Return whether the audit log of this database is empty."""
    return not Event.objects.exists()


def install(*, progress: Callable[[float], None] = lambda share: None) -> bool:
    """Make the demonstration and write its password and its token to the data folder, readable by this account only.

    Args:
        progress: called with the share of the three years that has passed, from 0 to 1.

    Returns:
        False if the demonstration exists already; nothing is changed then.

    Raises:
        Refused: outside development settings, in a database with other accounts, and if the log was opened before:
            the demonstration begins three years ago, and no log goes back in time.
    """
    if not settings.COUNTERSIGN_DEMO:
        raise Refused(
            "The demonstration's accounts share one password, so it is made with development settings only: "
            "DJANGO_SETTINGS_MODULE=governance.settings.development."
        )
    if is_complete():
        try:
            setup.refuse_lowered_protection()
        except InvalidStateError as refusal:
            raise Refused(refusal.detail) from refusal
        return False
    if User.objects.exists():
        raise Refused(
            "There are accounts in this database, of people or of a demonstration that was interrupted. It is made in "
            "a fresh data folder: `make reset`, then `make run`."
        )
    if not is_fresh():
        raise Refused(
            "The log of this database was opened already, and the demonstration begins three years ago. It is made in "
            "a fresh data folder: `make reset`, then `make run`."
        )
    until = clock.now()
    world = World(until=until, password=passwords.new_password())
    passwords.keep(settings.VAR_DIR / PASSWORD_FILE, world.password)
    with _in_haste(), task_queue.suppress_enqueue():
        histories = _trial(world) if settings.COUNTERSIGN_PROTECTED == "none" else _histories(world)
        play(histories, begins=until - SPAN, until=until, progress=progress)
        outgoing.deliver_all()
        outgoing.notify()
        checking.recognise_all()
        _complete(world)
    passwords.keep(settings.VAR_DIR / TOKEN_FILE, world.secrets[people.EXAMPLE])
    return True


def made() -> Made:
    """Return the size of the demonstration as it is now."""
    marta = User.objects.get(username="marta")
    waiting = [row.request for row in selectors.my_reviews(access.actor_for(marta)).needs_me]
    states = PromotionRequest.objects.values_list("state", flat=True)
    counted = {str(state): 0 for state in PromotionRequest.State.values}
    for state in states:
        counted[state] += 1
    return Made(
        models=RegisteredModel.objects.count(),
        events=Event.objects.count(),
        waiting_for_marta=len(waiting),
        first_for_marta=max(waiting, key=lambda request: request.decisions.count()).pk if waiting else None,
        requests=counted,
    )


def _histories(world: World) -> list[History]:
    described = catalogue.models()
    return [
        _founded(world),
        *(_at(world, days, partial(_publish, world, slug, number)) for days, slug, number in REVISIONS),
        *(_at(world, days, partial(people.issue_tokens, world)) for days in (740, 390, 40)),
        _at(world, 700, partial(people.forgotten_token, world)),
        _at(world, 610, partial(people.revoke_forgotten, world)),
        _left(world),
        _at(world, 9, partial(people.deputy, world)),
        *access_story.histories(world),
        *monitored.histories(world),
        _at(world, 60, partial(_keep_views, world)),
        _at(world, 20, partial(outgoing.create, world)),
        _at(world, 2.1, partial(_replay_draft, world)),
        *(_at(world, days, outgoing.notify) for days in (7, 3)),
        _at(world, 0.5, waivers.end_expired),
        _at(world, 0.45, impacts.record_all),
        _at(world, 0.4, _escalate),
        _tombstone(world),
        *(_mornings(world, username) for username in EARLY_BIRDS),
        *(history for model in described for history in story.of_model(world, model)),
    ]


def _trial(world: World) -> list[History]:
    """Without protection there is nothing to decide: people, and models whose versions move freely."""
    return [
        _founded(world),
        *(_at(world, days, partial(people.issue_tokens, world)) for days in (740, 390, 40)),
        _left(world),
        *(history for model in catalogue.models() for history in story.of_trial(world, model)),
    ]


REVISIONS = (
    (820, "tier-1-production", 2),
    (430, "tier-2-production", 2),
    (240, "tier-1-production", 3),
    (71, "tier-2-production", 3),
    (70, "tier-3-production", 2),
)
"""Days before the present, policy and number of each later revision. The first revisions are published on the second
day."""

FIRST_REVISIONS = (
    "champion-alias", "staging", "tier-1-production", "tier-2-production", "tier-3-production", "way-out",
    "staging-exit",
)  # fmt: skip

EARLY_BIRDS = ("marta", "jonas", "henrik", "priya", "ingrid")
"""People who sign in on most working days. Only the last three days are recorded."""


def _founded(world: World) -> History:
    """The first two days: audit log, lifecycle, people, groups, tokens, policies."""
    log.open_log(actor=world.installer)
    world.wait(seconds=1)
    instance.record_instance(actor=world.installer)
    setup.install_lifecycle(world.installer)
    world.wait(seconds=1)
    questionnaires.install_starter(actor=world.installer)
    world.wait(minutes=5)
    people.appoint(world)
    people.issue_tokens(world)
    yield world.later(days=1)
    for slug in FIRST_REVISIONS:
        _publish(world, slug, 1)
        world.wait(minutes=8)
    _confirm_setup(world)


def _left(world: World) -> History:
    world.last_days["viktor"] = leaves = world.ago(455)
    yield leaves
    people.leave_of_viktor(world)


def _publish(world: World, slug: str, number: int) -> None:
    source = (POLICIES / f"{slug}.{number}.yaml").read_text(encoding="utf-8")
    with world.acting("henrik") as henrik:
        proposal = policies.propose(
            actor=henrik, source=source, reason=PUBLISHED_BECAUSE.get((slug, number), "First rules.")
        )
    acts.confirm_change(world, proposal, "mensah", "Read against the model risk policy.")


def _confirm_setup(world: World) -> None:
    with world.acting("henrik") as henrik:
        proposal = instance.propose_setup_confirmation(actor=henrik, reason="Accounts, groups and first policies.")
    acts.confirm_change(world, proposal, "mensah", "Checked against the list of appointments.")


PUBLISHED_BECAUSE = {
    ("tier-1-production", 2): "A second reviewer and a model card: finding 3 of the internal audit of last year.",
    ("tier-1-production", 3): "Measured limits from now on; Compliance decides last on high-risk models (EU AI Act).",
    ("tier-2-production", 3): "Production is monitored: limits on accuracy and latency, silence after a week.",
    ("tier-3-production", 2): "Production is monitored: a limit on the error, silence after two weeks.",
    ("tier-2-production", 2): "A model owner approves beside the validator; the weekly release window stays.",
}


VIEWS = (
    ("marta", "Tier 1 in production", "tier:1 stage:production", True),
    ("henrik", "Reviews due", "review:overdue,due", True),
    ("priya", "Tier 1, AUC above 0.85", "tier:1 metric.auc>0.85", False),
    ("marta", "Waiting on a request", "request:live", False),
)
"""Saved queries: user name, name, query, whether everyone sees it."""


def _keep_views(world: World) -> None:
    for username, name, query, shared in VIEWS:
        with world.acting(username) as actor:
            saved_views.save_view(actor=actor, name=name, query=query, shared=shared, vocabulary=VOCABULARY)


def _mornings(world: World, username: str) -> History:
    for days in range(3, 0, -1):
        if world.random.random() < 0.8:
            yield world.workday(days - world.random.uniform(0.01, 0.2))
            with world.acting(username):
                sign_in.sign_in(username=username, password=world.password)


def _at(world: World, days: float, act: Callable[[], object]) -> History:
    yield world.ago(days)
    act()


def _replay_draft(world: World) -> None:
    """An officer replays a draft over the past year and proposes it; the other officer has not answered yet."""
    source = (POLICIES / "tier-3-production.3.yaml").read_text(encoding="utf-8")
    with world.acting("henrik") as henrik:
        replayed = policy_replays.request_replay(actor=henrik, source=source, since=clock.now() - timedelta(days=365))
        world.wait(minutes=20)
        policies.propose(
            actor=henrik,
            source=source,
            reason="After INC-5120 a second owner looks at each release. The replay shows what it would block.",
            replay=replayed,
        )


def _escalate() -> None:
    """The reminders and escalations that the worker would have recorded."""
    for number in promotions.requests_to_escalate():
        promotions.take_due_steps(number)


def _tombstone(world: World) -> History:
    """A model that is registered by mistake and deleted: its row and its events stay, and no actor sees it."""
    yield world.ago(120)
    with world.acting("sofia") as sofia:
        made = models.register_model(
            actor=sofia,
            slug="credit-risk-pd-copy",
            title="Retail unsecured, probability of default (copy)",
            purpose="Registered twice during the migration of the pipelines",
            team="Retail Credit Analytics",
        )
    yield world.later(days=1)
    with world.acting("sofia") as sofia:
        deletion.delete_model(actor=sofia, model=made, reason="The model is registered as credit-risk-pd.")


@transaction.atomic
def _complete(world: World) -> None:
    """Record that this is a demonstration and that it is complete."""
    recorder.record_event(
        DEMONSTRATION_COMPLETED,
        actor=world.installer,
        target=ObjectRef("log", settings.COUNTERSIGN_LOG_ORIGIN),
        stream=log.LOG_STREAM,
        data={"models": RegisteredModel.objects.count(), "requests": PromotionRequest.objects.count()},
    )


@contextmanager
def _in_haste() -> Iterator[None]:
    """Commit without waiting for the disk, because the demonstration can be made again, and collect garbage seldom."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET synchronous_commit")
        gc.set_threshold(*thresholds)
        gc.unfreeze()
