"""The histories of the models: together they show every state of a request, a version and a model.

Histories of open requests are placed relative to the present, so that they are a few days old whenever the
demonstration is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from governance import promotions
from governance.development.demo import acts, assessing, chapters, words
from governance.development.demo.acts import Material
from governance.development.demo.catalogue import Described
from governance.development.demo.chapters import Chapter, approved, ask_for_production, in_production, staged
from governance.development.demo.checking import check_all
from governance.development.demo.world import History, World
from governance.models import DiscussionThread, PromotionRequest
from governance.services import evidence
from registry import selectors
from registry.models import ModelVersion
from registry.services import archiving, deletion, models
from registry.services.versions import MetricSpec

MONTH = 30.4
"""Days."""
QUIET = 75
"""Days without a new version of a model without an open request. Every other history ends within them."""
WHY_RETRAINED = """\
Retrained on the originations up to last quarter, after the change of the scorecard policy. Ranks risk better than \
{before} in every segment but thin-file applicants; the cut-off moves from 0.071 to 0.068, so that the rate of \
approvals stays at 61 %.

Decisions affected: about 41,000 applications a month.

Known limitation: thin-file applicants are ranked no better than by {before}; their cut-off stays separate.

Rollback plan: {before} stays registered; Production and the alias champion go back to it in one afternoon."""
CHANGE_OF_MIND = "The training window contains a month twice. A corrected version follows."


def _recent(material: Material, requested: float, then: Callable[[World, Described, int], History]) -> Chapter:
    """A version that is promoted to Staging and requested for Production `requested` working days ago, by `then`."""

    def chapter(world: World, model: Described, number: int) -> History:
        yield from staged(world, model, number, material)
        yield world.workday(requested)
        yield from then(world, model, number)

    return chapter


def _lapse(world: World, model: Described, number: int) -> History:
    """Two reviewers approve; a revision of the card makes their approvals lapse; one of them approves again."""
    before = in_production(world.versions[model.slug, number])
    assert before is not None
    reason = WHY_RETRAINED.format(before=f"v{before.number}")
    request = ask_for_production(world, model, number, who=model.pipeline, reason=reason)
    yield world.workday(5.3)
    acts.sign(world, request, "jonas", "approve", "Recomputed AUC and KS from the pinned table; they agree.")
    comment = acts.comment(
        world, request, "aiko", f"@{model.author}: are thin-file applicants ranked *better* than by v{before.number}?"
    )
    yield world.workday(4.4)
    acts.comment(
        world,
        request,
        model.author,
        "No better:\n\n| segment | AUC |\n| --- | --- |\n| thin file | 0.781 |\n| others | 0.874 |\n\n"
        "I add a sentence to the card.",
        comment,
    )
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
        "Approved again with the card as it is now. I want the impact ratio of applicants under 30 in the next "
        "monitoring report.",
    )


def _request_only(world: World, model: Described, number: int) -> History:
    """A request without any decision."""
    ask_for_production(world, model, number)
    yield from ()


def _without_table(world: World, model: Described, number: int) -> History:
    """The evaluation table is missing; a reviewer accepts the risk until it arrives, where the policy allows it."""
    request = ask_for_production(world, model, number)
    yield world.workday(1.1)
    acts.waive(
        world,
        request,
        "performance.threshold",
        reason="The labels of the last quarter are complete at the end of the month; the table follows with them.",
        control="Until then a person reads a sample of fifty outputs each day and can stop the model.",
        days=20,
    )


def _owner_next(world: World, model: Described, number: int) -> History:
    """The risk team has approved; the approval of a model owner is next in the order."""
    request = ask_for_production(world, model, number)
    yield world.workday(5.2)
    acts.sign(world, request, "marta", "approve", "The ranking of irregular incomes holds on the holdout.")
    yield world.workday(3.1)
    acts.sign(world, request, "lea", "approve", words.comment("risk-team", world.random))


def _changes_requested(world: World, model: Described, number: int) -> History:
    """Two reviewers approve, one of them for a colleague who is away, and Compliance requests changes."""
    request = ask_for_production(world, model, number)
    yield world.workday(6.3)
    acts.sign(world, request, "jonas", "approve", "Ranking reproduced. Impact ratios by sex are in the card.")
    yield world.workday(5.7)
    read = "Read the recruiters' protocol; the tool orders and does not reject."
    acts.sign(world, request, "lea", "approve", read, on_behalf_of="marta")
    yield world.workday(2.9)
    acts.sign(
        world,
        request,
        "mensah",
        "request_changes",
        "The works council's consent is cited and not attached, and the notice to applicants names another purpose. "
        "Please attach the consent and align the notice before this goes on.",
    )
    yield world.workday(1.1)
    objection = DiscussionThread.objects.get(request=request)
    acts.comment(world, request, model.author, "@mensah: the consent is being scanned; it follows today.", objection)


def _held(world: World, model: Described, number: int) -> History:
    """All approvals are given; the policy leaves the promotion to a person in the weekly window."""
    request = ask_for_production(world, model, number)
    for days, (username, group) in zip((4.0, 2.2), acts.signers(world, request), strict=True):
        yield world.workday(days)
        acts.sign(world, request, username, "approve", words.comment(group, world.random))


def _champion_next(world: World, model: Described, number: int) -> History:
    """In Production since last week, with a waiver that has expired; the request for the alias champion waits."""
    request = ask_for_production(world, model, number)
    yield world.workday(9.8)
    acts.waive(
        world,
        request,
        "performance.threshold",
        reason="A third of the holdout are scans of the old office printers, which are replaced this week; without "
        "them the accuracy is above the limit.",
        control="Documents below a confidence of 0.9 go to a clerk until the new scans are measured.",
        days=8,
    )
    for days, (username, group) in zip((9.3, 8.6), acts.signers(world, request), strict=True):
        yield world.workday(days)
        acts.sign(world, request, username, "approve", words.comment(group, world.random))
    yield world.workday(7.5)
    acts.promote(world, model, request)
    yield world.workday(1.3)
    acts.ask(
        world, model, number, alias="champion", reason="A week in Production without an incident: callers may follow."
    )


def _rejected(world: World, model: Described, number: int) -> History:
    """The risk team rejects a request; the author withdraws the next one."""
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
        "more often than before. That must be corrected; a stated limitation is not enough.",
    )
    yield world.later(days=9)
    request = ask_for_production(world, model, number)
    yield world.later(days=2.5)
    with world.acting(model.author) as author:
        promotions.withdraw(actor=author, request=request, reason=CHANGE_OF_MIND)


def _superseded(world: World, model: Described, number: int) -> History:
    """A request expires without a decision; the next one waits until a newer version is promoted."""
    yield from staged(world, model, number)
    yield world.later(days=6)
    request = ask_for_production(world, model, number)
    assert request.expires_at is not None
    yield request.expires_at + timedelta(seconds=8)
    for due in promotions.expired_request_ids():
        promotions.reevaluate(due)
    yield world.later(days=3)
    ask_for_production(world, model, number)


def _rolled_back(world: World, model: Described, number: int) -> History:
    """The champion is replaced; after an incident its predecessor is promoted again, in the same afternoon."""
    yield from chapters.champion(world, model, number)
    yield world.later(days=9)
    before = ModelVersion.objects.filter(model=world.models[model.slug], number__lt=number, occupancies__exclusive=True)
    back = before.latest("number").number
    agreed = "Agreed: back to the version that is known to work. Incident INC-4471."
    request = acts.ask(
        world,
        model,
        back,
        stage="production",
        who=model.author,
        reason=f"Rollback. Since v{number} is in Production, payments from two issuers are scored as unknown: the "
        f"table of issuers was loaded in the wrong encoding (incident INC-4471). v{back} was not affected.",
    )
    yield from approved(world, model, request, hours=(0.2, 0.6), comment=agreed)
    yield world.later(hours=0.3, any_time=True)
    follow = acts.ask(world, model, back, alias="champion", reason="Callers go back with it. Incident INC-4471.")
    yield from approved(world, model, follow, hours=(0.1, 0.3), comment=agreed)


def _emergency(world: World, model: Described, number: int) -> History:
    """An emergency change that two people sign; it makes matters worse and is rolled back. Its finding is late."""
    yield from staged(world, model, number)
    yield world.workday(17.4)
    version = world.versions[model.slug, number]
    with world.acting(model.author) as author:
        request = promotions.request_emergency(
            actor=author,
            version=version,
            target_stage="production",
            reason="Since the holiday calendar was changed, the forecast of every branch is a week late. This version "
            "reads the new calendar.",
            terms=promotions.EmergencyTerms("INC-5120", 24, "model-owners"),
            signature=promotions.DecisionSignature(world.password),
        )
    check_all(world)
    yield world.later(hours=0.2, any_time=True)
    acts.sign(world, request, "greta", "approve", "Branches open tomorrow with the wrong staff otherwise. Agreed.")
    yield world.later(hours=2.5, any_time=True)
    before = ModelVersion.objects.filter(model=world.models[model.slug], number__lt=number, occupancies__exclusive=True)
    back = acts.ask(
        world,
        model,
        before.latest("number").number,
        stage="production",
        kind=promotions.RequestKind.ROLLBACK,
        reason=f"v{number} reads the calendar twice for branches with two counters (INC-5120): back, and the calendar "
        "is corrected by hand until the next release.",
    )
    yield from approved(world, model, back, hours=(0.1, 0.4), comment="Back to the version that is known to work.")


def _deviating(world: World, model: Described, number: int) -> History:
    """A metric is added to a version in Production after its approval, so its inputs deviate from the approved ones."""
    yield from chapters.produced(world, model, number)
    yield world.ago(26)
    with world.acting(model.author) as author:
        evidence.attach_metrics(
            actor=author,
            version=world.versions[model.slug, number],
            metrics=[MetricSpec("Accuracy", 0.894, "production sample, last quarter", "")],
        )


def _deleted(world: World, model: Described, number: int) -> History:
    """A version that was registered by mistake and is deleted. Its number is not used again."""
    acts.declare(world, model, number, acts.A_PAST_ATTEMPT)
    yield world.later(hours=2)
    with world.acting(model.owner) as owner:
        deletion.delete_version(
            actor=owner,
            version=world.versions.pop((model.slug, number)),
            reason="Registered twice by a repeated job of the pipeline.",
        )


def _retired(world: World, model: Described, number: int) -> History:
    """The model is taken out of use: its version leaves Production, then the model is archived."""
    request = acts.ask(
        world,
        model,
        number - 1,
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


@dataclass(frozen=True)
class Story:
    """A history of a version.

    Args:
        chapter: the acts.
        ends: the states of the requests that it leaves, in their order.
        days_ago: days before the present at which it begins; None for a history without a fixed place.
        is_version: whether it registers a version.
    """

    chapter: Chapter
    ends: tuple[str, ...] = ()
    days_ago: float | None = None
    is_version: bool = True


OPEN, BLOCKED, READY, PROMOTED, REJECTED, WITHDRAWN, EXPIRED, SUPERSEDED = PromotionRequest.State.values
WITHOUT_HISTORY = Material(
    quality=0.871,
    slices={"applicants under 30": -0.03, "thin file": -0.115},
    claims={"git.committer": "chen@bank.example"},
)
"""Better for all applicants except those with little history. A member of the risk team wrote a part of the code."""

STORIES: dict[str, Story] = {
    "trained": Story(chapters.trained),
    "archived": Story(chapters.archived, (PROMOTED,)),
    "produced": Story(chapters.produced, (PROMOTED,) * 2),
    "champion": Story(chapters.champion, (PROMOTED,) * 3),
    "lapse": Story(_recent(WITHOUT_HISTORY, 6.2, _lapse), (PROMOTED, OPEN), 17),
    "undecided": Story(_recent(Material(), 2.4, _request_only), (PROMOTED, OPEN), 12),
    "owner_next": Story(_recent(Material(), 7.2, _owner_next), (PROMOTED, OPEN), 19),
    "no_table": Story(_recent(Material(table=False, metrics=False), 3.3, _without_table), (PROMOTED, OPEN), 14),
    "changes_requested": Story(_recent(Material(), 8.6, _changes_requested), (PROMOTED, BLOCKED), 21),
    "check_fails": Story(_recent(Material(quality=0.768), 2.2, _request_only), (PROMOTED, BLOCKED), 10),
    "unfit": Story(
        _recent(Material(form="pickle", unfinished_card=True, rows=90), 1.8, _request_only), (PROMOTED, BLOCKED), 9
    ),
    "held": Story(_recent(Material(), 5.1, _held), (PROMOTED, READY), 15),
    "champion_next": Story(_recent(Material(quality=0.874), 10.6, _champion_next), (PROMOTED, PROMOTED, OPEN), 24),
    "rejected": Story(_rejected, (PROMOTED, REJECTED, WITHDRAWN)),
    "superseded": Story(_superseded, (PROMOTED, EXPIRED, SUPERSEDED)),
    "rollback": Story(_rolled_back, (PROMOTED,) * 5, 900),
    "emergency": Story(_emergency, (PROMOTED,) * 3, 29),
    "deviating": Story(_deviating, (PROMOTED,) * 2),
    "deleted": Story(_deleted),
    "retired": Story(_retired, (PROMOTED,), is_version=False),
}


def requests_left(described: list[Described]) -> Counter[str]:
    """Count the requests that the histories of the models leave, by their state."""
    return Counter(state for model in described for name in model.course for state in STORIES[name].ends)


def of_model(world: World, model: Described) -> list[History]:
    """Return the histories of a model from its registration to the present: one for each version, side by side."""
    begun = [
        _begun(begins, STORIES[name].chapter, world, model, number)
        for number, (begins, name) in enumerate(zip(_beginnings(world, model), model.course, strict=True), 1)
    ]
    return [_registered(world, model), *begun, _review_planned(world, model)]


def of_trial(world: World, model: Described) -> list[History]:
    """Return the histories of a model where nothing is protected: every version is moved straight to Production."""
    begun = (
        _begun(begins, _straight, world, model, number)
        for number, (begins, name) in enumerate(zip(_beginnings(world, model), model.course, strict=True), 1)
        if STORIES[name].is_version
    )
    return [_registered(world, model), *begun]


def _straight(world: World, model: Described, number: int) -> History:
    acts.declare(world, model, number)
    yield world.later(days=2)
    for stage in ("staging", "production"):
        acts.ask(world, model, number, stage=stage, reason="Looks better on the holdout.")


def _registered(world: World, model: Described) -> History:
    yield world.ago(max(model.months * MONTH, 1.1))
    if model.imported_from:
        acts.import_model(world, model)
    else:
        acts.register(world, model)


def _begun(begins: float, chapter: Chapter, world: World, model: Described, number: int) -> History:
    yield world.ago(begins, any_time=bool(model.pipeline))
    yield from chapter(world, model, number)


def _review_planned(world: World, model: Described) -> History:
    """Periodic reviews as often as the tier requires, the last one with the date of the next review."""
    if model.tier is None or not model.assessed or "retired" in model.course:
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
    """Return how many days ago the history of each version begins. Histories without a fixed place are spread evenly
    between the registration, their neighbours with a fixed place, and the last weeks."""
    fixed = [STORIES[name].days_ago for name in model.course]
    found: list[float] = []
    left = model.months * MONTH - min(world.random.uniform(3, 9), model.months * MONTH / 2)
    while len(found) < len(fixed):
        here = len(found)
        place = fixed[here]
        if place is not None:
            found.append(place)
            left = place - 4
            continue
        after = next((n for n in range(here, len(fixed)) if fixed[n] is not None), len(fixed))
        following = fixed[after] if after < len(fixed) else None
        if following is not None:
            right = following + 40
        else:
            right = 1.5 if here else min(QUIET + world.random.uniform(0, 50), left)
        found += _spread(left, right, after - here)
    for n, name in enumerate(model.course[:-1]):
        if name == "superseded":
            # Its first request expires after a month; the next version is requested soon after the second request.
            found[n] = found[n + 1] + 45
    return found


def _spread(first: float, last: float, count: int) -> list[float]:
    return [first + (last - first) * n / max(count - 1, 1) for n in range(count)]
