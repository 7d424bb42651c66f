"""The usual histories of a version: trained only, tried in Staging, promoted to Production."""

from __future__ import annotations

from collections.abc import Callable

from governance.development.demo import acts, words
from governance.development.demo.acts import Material
from governance.development.demo.catalogue import Described
from governance.development.demo.world import History, World
from governance.models import PromotionRequest
from registry.models import ModelVersion

Chapter = Callable[[World, Described, int], History]


def trained(world: World, model: Described, number: int) -> History:
    """A version that stays in Development. Only the newest one of a model is registered with its file."""
    acts.declare(world, model, number, acts.AN_ATTEMPT if number == len(model.course) else acts.A_PAST_ATTEMPT)
    yield from ()


def archived(world: World, model: Described, number: int) -> History:
    """A version that is archived a few weeks later, which needs no approval."""
    acts.declare(world, model, number, acts.A_PAST_ATTEMPT)
    yield world.later(days=world.random.uniform(12, 30))
    acts.ask(world, model, number, stage="archived", reason="Replaced by a better version; kept for the record.")


def staged(world: World, model: Described, number: int, material: Material = acts.AS_THE_COURSE_GOES) -> History:
    """A version that is registered and promoted to Staging, where checks alone decide."""
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
    """A version that is promoted to Staging and then to Production."""
    yield from staged(world, model, number)
    yield world.later(days=world.random.uniform(4, 9))
    request = ask_for_production(world, model, number)
    yield from approved(world, model, request)


def champion(world: World, model: Described, number: int) -> History:
    """A version that is promoted to Production and then to the alias champion."""
    yield from produced(world, model, number)
    yield world.later(hours=world.random.uniform(1, 20))
    request = acts.ask(
        world, model, number, alias="champion", reason="In Production without an incident: callers may follow."
    )
    yield from approved(world, model, request)


def ask_for_production(
    world: World, model: Described, number: int, *, who: str = "", reason: str = ""
) -> PromotionRequest:
    """Request the promotion of a version to Production, with a reason as an author would give it."""
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
    """The reviewers that the policy requires approve, one after the other. If the policy holds the request then, the
    owner promotes it.

    Args:
        world: the state of the demonstration.
        model: the model of the request.
        request: the request.
        hours: least and most hours before each approval.
        comment: the comment of every approval. By default each reviewer has their own.
    """
    for username, group in acts.signers(world, request):
        yield world.later(hours=world.random.uniform(*hours), any_time=hours[1] < 1)
        acts.sign(world, request, username, "approve", comment or words.comment(group, world.random))
    if acts.is_held(request):
        yield world.later(hours=world.random.uniform(3, 48))
        acts.promote(world, model, request)


def in_production(version: ModelVersion) -> ModelVersion | None:
    """Return the version of the same model that is in Production now."""
    found = ModelVersion.objects.filter(model_id=version.model_id, stage__exclusive=True).exclude(pk=version.pk)
    return found.first()
