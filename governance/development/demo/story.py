"""The histories with names: one for every state a request can be in, and for what else a reader should meet.

Live ones are told backwards from the present, so that whoever opens the demonstration finds them a day or two old.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from governance import promotions
from governance.development.demo import acts, assessing, words
from governance.development.demo.acts import Material
from governance.development.demo.catalogue import Described
from governance.development.demo.chapters import (
    USUAL,
    Chapter,
    approved,
    ask_for_production,
    in_production,
    produced,
    staged,
)
from governance.development.demo.checking import check_all
from governance.development.demo.world import History, World
from governance.services import evidence
from registry import selectors
from registry.models import ModelVersion
from registry.services import archiving, models

MONTH = 30.4
"""Days."""
QUIET = 75
"""Days without a new version, for a model about which nothing is told from the present: the longest of the other
stories ends in them."""
WHY_RETRAINED = """\
Retrained on the originations up to last quarter, after the change of the scorecard policy. Ranks risk better than \
{before} in every segment but thin-file applicants; the cut-off moves from 0.071 to 0.068, so that the rate of \
approvals stays at 61 %.

Decisions affected: about 41,000 applications a month.

Known limitation: thin-file applicants are ranked no better than by {before}; their cut-off stays separate.

Rollback plan: {before} stays registered; Production and the alias champion go back to it in one afternoon."""
CHANGE_OF_MIND = "The training window turned out to hold a month twice. A corrected version follows."


def _recent(material: Material, asked: float, then: Callable[[World, Described, int], History]) -> Chapter:
    """A chapter that goes through Staging, asks for Production `asked` working days ago, and goes on with `then`."""

    def chapter(world: World, model: Described, number: int) -> History:
        yield from staged(world, model, number, material)
        yield world.workday(asked)
        yield from then(world, model, number)

    return chapter


def _lapse(world: World, model: Described, number: int) -> History:
    """Two approve; the card is made clearer; their approvals lapse; one of them signs again; one more is needed."""
    before = in_production(world.versions[model.slug, number])
    assert before is not None
    reason = WHY_RETRAINED.format(before=f"v{before.number}")
    request = ask_for_production(world, model, number, who=model.pipeline, reason=reason)
    yield world.workday(5.3)
    acts.sign(world, request, "jonas", "approve", "Recomputed AUC and KS from the pinned table; they agree.")
    yield world.workday(4.4)
    acts.sign(world, request, "aiko", "approve", "The weakest slice needs a sentence in the card, else fine.")
    yield world.workday(3.2)
    version = world.versions[model.slug, number]
    card = selectors.card_of(version)
    assert card is not None
    with world.acting(model.author) as author:
        evidence.attach_card(
            actor=author,
            version=version,
            text=card.text.replace(
                "## Training data",
                "Thin-file applicants are no better ranked than by the version in production; their cut-off is set "
                "separately and reviewed monthly.\n\n## Training data",
            ),
        )
    check_all(world)
    yield world.workday(1.6)
    acts.sign(
        world,
        request,
        "aiko",
        "approve",
        "Approved again over the card as it is now. I want the impact ratio of applicants under 30 on the next "
        "monitoring report.",
    )


def _one_more(world: World, model: Described, number: int) -> History:
    """One of two has approved."""
    request = ask_for_production(world, model, number)
    yield world.workday(2.1)
    acts.sign(world, request, "chen", "approve", words.comment("risk-team", world.random))


def _asked(world: World, model: Described, number: int) -> History:
    """Nobody has looked yet."""
    ask_for_production(world, model, number)
    yield from ()


def _owner_next(world: World, model: Described, number: int) -> History:
    """The risk team is done, and the business comes next."""
    request = ask_for_production(world, model, number)
    yield world.workday(5.2)
    acts.sign(world, request, "marta", "approve", "Severity bands hold on the holdout; second liens are stated.")
    yield world.workday(3.1)
    acts.sign(world, request, "lea", "approve", words.comment("risk-team", world.random))


def _changes_asked(world: World, model: Described, number: int) -> History:
    """Two approve, and Compliance asks for changes."""
    request = ask_for_production(world, model, number)
    yield world.workday(6.3)
    acts.sign(world, request, "jonas", "approve", "Ranking reproduced. Impact ratios by sex are in the card.")
    yield world.workday(5.7)
    acts.sign(world, request, "marta", "approve", "Read the recruiters' protocol; the tool orders and does not reject.")
    yield world.workday(2.9)
    acts.sign(
        world,
        request,
        "mensah",
        "request_changes",
        "The works council's consent is cited and not attached, and the notice to applicants names another purpose. "
        "Please attach the consent and align the notice before this goes on.",
    )


def _held(world: World, model: Described, number: int) -> History:
    """Everybody has approved, and the weekly window is awaited."""
    request = ask_for_production(world, model, number)
    for days, (username, group) in zip((4.0, 2.2), acts.signers(world, request), strict=True):
        yield world.workday(days)
        acts.sign(world, request, username, "approve", words.comment(group, world.random))


def _rejected(world: World, model: Described, number: int) -> History:
    """The risk team rejects."""
    yield from staged(world, model, number)
    yield world.later(days=5)
    request = ask_for_production(world, model, number)
    yield world.later(days=1.2)
    acts.sign(world, request, "aiko", "approve", words.comment("risk-team", world.random))
    yield world.later(days=1.1)
    acts.sign(
        world,
        request,
        "lea",
        "reject",
        "The gambling flag enters twice, once through the balance minimum, and irregular incomes are refused a third "
        "more often than before. That is not a limitation to be stated, it is one to be mended.",
    )


def _withdrawn(world: World, model: Described, number: int) -> History:
    """The author takes the request back."""
    yield from staged(world, model, number)
    yield world.later(days=4)
    request = ask_for_production(world, model, number)
    yield world.later(days=2.5)
    with world.acting(model.author) as author:
        promotions.withdraw(actor=author, request=request, reason=CHANGE_OF_MIND)


def _expired(world: World, model: Described, number: int) -> History:
    """Nobody decides, and the time runs out."""
    yield from staged(world, model, number)
    yield world.later(days=6)
    request = ask_for_production(world, model, number)
    assert request.expires_at is not None
    yield request.expires_at + timedelta(seconds=8)
    for number_of_request in promotions.expired_request_ids():
        promotions.reevaluate(number_of_request)


def _superseded(world: World, model: Described, number: int) -> History:
    """The request waits so long that the next version overtakes it."""
    yield from staged(world, model, number)
    yield world.later(days=6)
    request = ask_for_production(world, model, number)
    yield world.later(days=2)
    acts.sign(world, request, "viktor" if world.users["viktor"].is_active else "lea", "approve", "No objection.")


def _rolled_back(world: World, model: Described, number: int) -> History:
    """Promoted; an incident; the predecessor is promoted again, within the afternoon."""
    yield from produced(world, model, number)
    yield world.later(days=9)
    before = ModelVersion.objects.filter(model=world.models[model.slug], number__lt=number, occupancies__exclusive=True)
    back = before.latest("number").number
    agreed = "Agreed: back to what is known to work. Incident INC-4471."
    request = acts.ask(
        world,
        model,
        back,
        stage="production",
        who=model.author,
        reason=f"Rollback. Since v{number} runs, matches against Cyrillic names come back empty for one list: the "
        f"transliteration table was loaded in the wrong encoding (incident INC-4471). v{back} was not affected.",
    )
    yield from approved(world, model, request, hours=(0.2, 0.6), comment=agreed)
    yield world.later(hours=0.3, any_time=True)
    follow = acts.ask(world, model, back, alias="champion", reason="Callers go back with it. Incident INC-4471.")
    yield from approved(world, model, follow, hours=(0.1, 0.3), comment=agreed)


def _retired(world: World, model: Described, number: int) -> History:
    """The model is taken out of use: its version leaves Production, then the model is archived."""
    before = number - 1
    request = acts.ask(
        world,
        model,
        before,
        stage="archived",
        who=model.owner,
        reason="Appointments changed how branches work; rosters are planned without a model from now on.",
    )
    yield from approved(world, model, request)
    yield world.later(days=2)
    with world.acting(model.owner) as owner:
        archiving.archive_model(
            actor=owner,
            model=world.models[model.slug],
            reason="Rosters are planned without a model since appointments changed how branches work.",
        )
        models.update_model(actor=owner, model=world.models[model.slug], next_review=None)


def _champion_next(world: World, model: Described, number: int) -> History:
    """In Production since last week; the owner has yet to let callers follow."""
    request = ask_for_production(world, model, number)
    for days, (username, group) in zip((9.3, 8.6, 7.2, 6.8), acts.signers(world, request), strict=False):
        yield world.workday(days)
        acts.sign(world, request, username, "approve", words.comment(group, world.random))
    yield world.workday(1.3)
    acts.ask(
        world, model, number, alias="champion", reason="A week in Production without an incident: callers may follow."
    )


@dataclass(frozen=True)
class Told:
    """A chapter, and how many working days ago it begins where it is told from the present."""

    chapter: Chapter
    days_ago: float | None = None


WITHOUT_HISTORY = Material(quality=0.871, slices={"applicants under 30": -0.03, "thin file": -0.115})
"""Better for everybody but those of whom little is known."""

STORIES: dict[str, Told] = {
    "lapse": Told(_recent(WITHOUT_HISTORY, 6.2, _lapse), 17),
    "one_more": Told(_recent(Material(), 4.1, _one_more), 13),
    "asked_yesterday": Told(_recent(Material(), 1.2, _asked), 11),
    "owner_next": Told(_recent(Material(), 7.2, _owner_next), 19),
    "changes_asked": Told(_recent(Material(), 8.6, _changes_asked), 21),
    "held": Told(_recent(Material(), 5.1, _held), 15),
    "kyc_waits": Told(_recent(Material(), 2.4, _asked), 12),
    "no_table": Told(_recent(Material(table=False, metrics=False), 3.3, _asked), 14),
    "check_fails": Told(_recent(Material(quality=0.768), 2.2, _asked), 10),
    "pickle": Told(_recent(Material(form="pickle"), 3.6, _asked), 13),
    "card_open": Told(_recent(Material(unfinished_card=True), 1.8, _asked), 9),
    "few_rows": Told(_recent(Material(rows=90), 2.7, _asked), 11),
    "champion_next": Told(_recent(Material(), 10.6, _champion_next), 24),
    "rejected": Told(_rejected),
    "withdrawn": Told(_withdrawn),
    "expired": Told(_expired),
    "superseded": Told(_superseded),
    "rollback": Told(_rolled_back),
    "retired": Told(_retired),
}


def of_model(world: World, model: Described) -> list[History]:
    """The life of one model, from its registration to the present: one history for each version, side by side."""
    told = [USUAL[name] if name in USUAL else STORIES[name].chapter for name in model.course]
    chapters = [
        _begun(begins, chapter, world, model, number)
        for number, (begins, chapter) in enumerate(zip(_beginnings(world, model), told, strict=True), 1)
    ]
    return [_registered(world, model), *chapters, _review_planned(world, model)]


def of_trial(world: World, model: Described) -> list[History]:
    """The same model where nothing is protected: every version goes straight to Production."""
    begun = (
        _begun(begins, _straight, world, model, number) for number, begins in enumerate(_beginnings(world, model), 1)
    )
    return [_registered(world, model), *begun]


def _straight(world: World, model: Described, number: int) -> History:
    acts.declare(world, model, number)
    yield world.later(days=2)
    for stage in ("staging", "production"):
        acts.ask(world, model, number, stage=stage, reason="Looks better on the holdout.")


def _registered(world: World, model: Described) -> History:
    yield world.ago(max(model.months * MONTH, 1.1))
    acts.register(world, model)


def _begun(begins: float, chapter: Chapter, world: World, model: Described, number: int) -> History:
    yield world.ago(begins, any_time=bool(model.pipeline))
    yield from chapter(world, model, number)


def _review_planned(world: World, model: Described) -> History:
    if model.tier is None or "retired" in model.course:
        return
    every = {1: 12, 2: 24, 3: 36}[model.tier] * MONTH
    held = model.months * MONTH - every
    while held > QUIET + every / 2:
        yield world.ago(held + world.random.uniform(2, 20))
        assessing.review(world, model)
        held -= every
    yield world.ago(world.random.uniform(45, 70))
    acts.review_set(world, model, (world.until + timedelta(days=model.review)).date())


def _beginnings(world: World, model: Described) -> list[float]:
    """How many days ago each version's chapter begins: spread evenly over the model's life, but for those told from the
    present and for what comes after them."""
    course = model.course
    fixed = next((n for n, name in enumerate(course) if name in STORIES and STORIES[name].days_ago), None)
    first = model.months * MONTH - world.random.uniform(3, 9)
    if fixed is None:
        found = _spread(first, QUIET + world.random.uniform(0, 50), len(course))
    else:
        told = STORIES[course[fixed]].days_ago
        assert told is not None
        found = [*_spread(first, told + 40, fixed), told, *_spread(told - 4, 1.5, len(course) - fixed - 1)]
    for n, name in enumerate(course[:-1]):
        if name == "superseded":
            found[n] = found[n + 1] + 14
    return found


def _spread(first: float, last: float, count: int) -> list[float]:
    return [first + (last - first) * n / max(count - 1, 1) for n in range(count)]
