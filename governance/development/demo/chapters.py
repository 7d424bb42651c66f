"""What usually becomes of a version: trained and left, tried in Staging, brought into Production."""

from __future__ import annotations

from collections.abc import Callable

from governance.development.demo import acts, words
from governance.development.demo.acts import Material
from governance.development.demo.catalogue import Described
from governance.development.demo.world import History, World
from governance.models import PromotionRequest
from registry.models import ModelVersion, RegisteredModel

Chapter = Callable[[World, Described, int], History]


def trained(world: World, model: Described, number: int) -> History:
    """An attempt that stays in Development; the newest is there with its file, to be tried."""
    acts.declare(world, model, number, acts.AN_ATTEMPT if number == len(model.course) else acts.A_PAST_ATTEMPT)
    yield from ()


def archived(world: World, model: Described, number: int) -> History:
    """An attempt that is put away a few weeks later; nobody has to agree to that."""
    acts.declare(world, model, number, acts.A_PAST_ATTEMPT)
    yield world.later(days=world.random.uniform(12, 30))
    acts.ask(world, model, number, stage="archived", reason="Overtaken by a better attempt; kept for the record.")


def staged(world: World, model: Described, number: int, material: Material = acts.AS_THE_COURSE_GOES) -> History:
    """Declared, and brought into Staging, where the checks alone decide."""
    acts.declare(world, model, number, material)
    yield world.later(days=world.random.uniform(0.4, 3))
    acts.ask(
        world,
        model,
        number,
        stage="staging",
        who=model.pipeline,
        reason=f"Release candidate of {model.slug}: to run beside production for a week.",
    )


def produced(world: World, model: Described, number: int) -> History:
    """The whole way: Staging, Production, and, where callers follow it, the alias champion."""
    yield from staged(world, model, number)
    yield world.later(days=world.random.uniform(4, 9))
    request = ask_for_production(world, model, number)
    yield from approved(world, model, request)
    if is_champion(model, number):
        yield world.later(hours=world.random.uniform(1, 20))
        request = acts.ask(
            world, model, number, alias="champion", reason="In Production and quiet since: callers may follow."
        )
        yield from approved(world, model, request)


def ask_for_production(
    world: World, model: Described, number: int, *, who: str = "", reason: str = ""
) -> PromotionRequest:
    """Ask for Production, with a reason of the kind an author would give."""
    version = world.versions[model.slug, number]
    reason = reason or words.why(model, version, in_production(version), world.random)
    return acts.ask(world, model, number, stage="production", reason=reason, who=who)


def approved(
    world: World,
    model: Described,
    request: PromotionRequest,
    *,
    hours: tuple[float, float] = (2, 40),
    comment: str = "",
) -> History:
    """Those whom the policy asks approve, one after the other; where the policy holds it then, the owner promotes.

    Args:
        hours: how long each takes, at least and at most.
        comment: what all of them say; by default each has words of their own.
    """
    for username, group in acts.signers(world, request):
        yield world.later(hours=world.random.uniform(*hours), any_time=hours[1] < 1)
        acts.sign(world, request, username, "approve", comment or words.comment(group, world.random))
    if acts.is_held(request):
        yield world.later(hours=world.random.uniform(3, 48))
        acts.promote(world, model, request)


def in_production(version: ModelVersion) -> ModelVersion | None:
    """The version of the same model that runs now."""
    found = ModelVersion.objects.filter(model_id=version.model_id, stage__exclusive=True).exclude(pk=version.pk)
    return found.first()


def is_champion(model: Described, number: int) -> bool:
    """Whether the callers of the model were asked to follow this version: the newest of a tier 1 model that went the
    whole way."""
    went = [n for n, name in enumerate(model.course, 1) if name in ("produced", "rollback")]
    return model.tier == RegisteredModel.Tier.TIER_1 and number == went[-1]


USUAL: dict[str, Chapter] = {"trained": trained, "archived": archived, "staged": staged, "produced": produced}
