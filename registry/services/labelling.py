"""Small changes of a model's and a version's record, one at a time: tags, and a version's description.

Each is made under the lock of the row it changes, so that two clients setting different tags at once lose neither.
Tags and descriptions are no evidence: no fingerprint holds them, and no approval rests on them.
"""

from collections.abc import Mapping

from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor
from audit.recorder import Change, Private, Thing
from registry import access
from registry.actions import MODEL_UPDATED, VERSION_UPDATED
from registry.models import ModelVersion, RegisteredModel
from registry.rules import Faults
from registry.services.version_lock import lock_version


@transaction.atomic
def tag_model(*, actor: Actor, model: RegisteredModel, key: str, value: str | None) -> RegisteredModel:
    """Set a tag of a model, or with None take it away. Where nothing differs, nothing is written.

    Raises NotFound and NotPermitted without EDIT; InvalidInput.
    """
    access.require(actor, access.Permission.EDIT, model)
    row = RegisteredModel.objects.select_for_update(no_key=True, of=("self",)).get(pk=model.pk)
    tags = _with(row.tags, key, value)
    if tags == row.tags:
        return row
    recorder.append(
        MODEL_UPDATED,
        actor=actor,
        thing=Thing("model", str(row.uid)),
        stream=f"model:{row.uid}",
        changes=[Change("tags", _recorded(row.tags), _recorded(tags))],
    )
    row.tags = tags
    row.revision += 1
    row.save(update_fields=["tags", "revision"])
    return row


@transaction.atomic
def tag_version(*, actor: Actor, version: ModelVersion, key: str, value: str | None) -> ModelVersion:
    """Set a tag of a version, or with None take it away. Where nothing differs, nothing is written.

    Raises NotFound and NotPermitted without REGISTER_VERSION; InvalidInput.
    """
    access.require(actor, access.Permission.REGISTER_VERSION, version.model)
    model, row = lock_version(version)
    tags = _with(row.tags, key, value)
    if tags == row.tags:
        return row
    _record(actor, model, row, Change("tags", _recorded(row.tags), _recorded(tags)))
    row.tags = tags
    row.revision += 1
    row.save(update_fields=["tags", "revision"])
    return row


@transaction.atomic
def describe_version(*, actor: Actor, version: ModelVersion, description: str) -> ModelVersion:
    """Change a version's description. Where nothing differs, nothing is written.

    Raises NotFound and NotPermitted without REGISTER_VERSION; InvalidInput.
    """
    access.require(actor, access.Permission.REGISTER_VERSION, version.model)
    faults = Faults()
    faults.text("/description", description, 100_000)
    faults.refuse()
    model, row = lock_version(version)
    if row.description == description:
        return row
    before, after = (Private(text) if text else None for text in (row.description, description))
    _record(actor, model, row, Change("description", before, after))
    row.description = description
    row.updated_at = clock.now()
    row.revision += 1
    row.save(update_fields=["description", "updated_at", "revision"])
    return row


def _record(actor: Actor, model: RegisteredModel, version: ModelVersion, change: Change) -> None:
    recorder.append(
        VERSION_UPDATED,
        actor=actor,
        thing=Thing("version", str(version.uid)),
        stream=f"model:{model.uid}",
        related=[Thing("model", str(model.uid))],
        changes=[change],
    )


def _with(tags: Mapping[str, str], key: str, value: str | None) -> dict[str, str]:
    """The tags with one set or taken away. What is there already is not held to the rules again."""
    changed = dict(tags)
    if value is None:
        changed.pop(key, None)
        return changed
    faults = Faults()
    kept = faults.labels("/tags", {key: value})
    changed.update(kept)
    if len(changed) > 100:
        faults.add("/tags", "too_many", f"At most 100 tags; there would be {len(changed)}.")
    faults.refuse()
    return changed


def _recorded(tags: Mapping[str, str]) -> Private | None:
    """Tags are free text, and their keys wider than an event's: the event commits to all of them together."""
    return Private("\n".join(f"{key}={text}" for key, text in sorted(tags.items()))) if tags else None
