"""Making the demonstration: once, in a fresh database of a development installation."""

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
from governance import selectors, task_queue
from governance.actions import DEMONSTRATION_COMPLETED
from governance.development.demo import access_story, acts, catalogue, checking, passwords, people, story
from governance.development.demo.world import History, World, play
from governance.models import PromotionRequest
from governance.selectors.search import VOCABULARY
from governance.services import policies, setup
from registry import access
from registry.exceptions import InvalidStateError
from registry.models import RegisteredModel, User
from registry.services import instance, questionnaires, saved_views, sign_in

SPAN = timedelta(days=1096)
"""Three years."""
POLICIES = Path(__file__).parent / "policies"
PASSWORD_FILE = "password"  # noqa: S105 - a name
TOKEN_FILE = "demo-token"  # noqa: S105 - a name


class Refused(Exception):
    """Why no demonstration is made here, and what to do instead."""


@dataclass(frozen=True)
class Made:
    """What there is, for whoever tells people of it."""

    models: int
    events: int
    waiting_for_marta: int
    first_for_marta: int | None
    """Number of the request most was said about of those that wait for her."""
    requests: dict[str, int]
    """How many requests are in each state."""


def is_complete() -> bool:
    """Whether the demonstration was made in this database, to its end."""
    return Event.objects.filter(action=DEMONSTRATION_COMPLETED).exists()


def is_fresh() -> bool:
    """Whether nothing has happened in this database yet: not even its log was opened."""
    return not Event.objects.exists()


def install(*, tell: Callable[[float], None] = lambda share: None) -> bool:
    """Make the demonstration and keep its password and its token in the data folder, each readable by this account
    alone. False, with nothing done, where it is there already.

    Args:
        tell: told how much of the three years has passed, from 0 to 1.

    Raises Refused outside development settings, where other people exist, and where the log was opened before: the
    demonstration begins three years ago, and no log goes back in time.
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
        told = _trial(world) if settings.COUNTERSIGN_PROTECTED == "none" else _histories(world)
        play(told, begins=until - SPAN, until=until, tell=tell)
        checking.recognise_all()
        _complete(world)
    passwords.keep(settings.VAR_DIR / TOKEN_FILE, world.secrets[people.EXAMPLE])
    return True


def made() -> Made:
    """What the demonstration holds now."""
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
        _at(world, 60, partial(_keep_views, world)),
        *(_mornings(world, username) for username in EARLY_BIRDS),
        *(history for model in described for history in story.of_model(world, model)),
    ]


def _trial(world: World) -> list[History]:
    """Where nothing is protected there is nothing to decide: people, and a few models whose versions move freely."""
    return [
        _founded(world),
        *(_at(world, days, partial(people.issue_tokens, world)) for days in (740, 390, 40)),
        _left(world),
        *(history for model in catalogue.models()[:TRIAL_MODELS] for history in story.of_trial(world, model)),
    ]


TRIAL_MODELS = 12


REVISIONS = (
    (820, "tier-1-production", 2),
    (640, "tier-3-production", 2),
    (510, "tier-1-production", 3),
    (430, "tier-2-production", 2),
    (240, "tier-1-production", 4),
)
"""When which policy revision was published, in days before the present; the first ones on the second day."""

FIRST_REVISIONS = (
    "champion-alias", "staging", "tier-1-production", "tier-2-production", "tier-3-production", "way-out",
    "staging-exit",
)  # fmt: skip

EARLY_BIRDS = ("marta", "jonas", "henrik", "priya", "ingrid")
"""Who signs in on most working days; only the last weeks' are told."""


def _founded(world: World) -> History:
    """The first two days: the log, the lifecycle, people, groups, tokens, policies."""
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
    ("tier-1-production", 2): "A second pair of eyes, and a card: finding 3 of the internal audit of last year.",
    ("tier-1-production", 3): "Numbers count from now on: discrimination on the holdout, with its confidence bound.",
    ("tier-1-production", 4): "Compliance looks last at what the EU AI Act calls high-risk; KS and calibration join.",
    ("tier-2-production", 2): "The business answers beside the validator; the weekly release window stays.",
    ("tier-3-production", 2): "The card is looked at here too, and stops nobody yet.",
}


VIEWS = (
    ("marta", "Tier 1 in production", "tier:1 stage:production", True),
    ("henrik", "Reviews due", "review:overdue,due", True),
    ("priya", "Tier 1, AUC above 0.85", "tier:1 metric.auc>0.85", False),
    ("marta", "Waiting on a request", "request:live", False),
)
"""Who keeps which query, under which name, and whether for everybody."""


def _keep_views(world: World) -> None:
    for username, name, query, shared in VIEWS:
        with world.acting(username) as actor:
            saved_views.save_view(actor=actor, name=name, query=query, shared=shared, vocabulary=VOCABULARY)


def _mornings(world: World, username: str) -> History:
    for days in range(22, 0, -1):
        if world.random.random() < 0.8:
            yield world.workday(days - world.random.uniform(0.01, 0.2))
            with world.acting(username):
                sign_in.sign_in(username=username, password=world.password)


def _at(world: World, days: float, act: Callable[[], object]) -> History:
    yield world.ago(days)
    act()


@transaction.atomic
def _complete(world: World) -> None:
    """Put on record that all this is a demonstration, and that all of it is there."""
    recorder.record_event(
        DEMONSTRATION_COMPLETED,
        actor=world.installer,
        target=ObjectRef("log", settings.COUNTERSIGN_LOG_ORIGIN),
        stream=log.LOG_STREAM,
        data={"models": RegisteredModel.objects.count(), "requests": PromotionRequest.objects.count()},
    )


@contextmanager
def _in_haste() -> Iterator[None]:
    """Commit without waiting for the disk, because what a power cut would take is made again; and look for garbage
    seldom, because a thousand small transactions leave little."""
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
