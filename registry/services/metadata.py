"""Small changes of models and versions: single tags, and the editable fields of a version.

Each change locks its row, so that two clients that set different tags at once both succeed. Tags, descriptions and
notes are not evidence: no fingerprint includes them, and no approval depends on them.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor
from audit.recorder import Change, ObjectRef, PrivateValue
from registry import access
from registry.actions import MODEL_UPDATED, VERSION_UPDATED
from registry.exceptions import StaleRevisionError
from registry.models import ModelVersion, RegisteredModel
from registry.services import matched_facts
from registry.services.models import refuse_prompt_tag
from registry.services.version_lock import lock_version
from registry.validation import ErrorCollector


@transaction.atomic
def tag_model(*, actor: Actor, model: RegisteredModel, key: str, value: str | None) -> RegisteredModel:
    """Set a tag of a model, or remove it with None. If nothing differs, nothing is written.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have EDIT.
        ValidationFailedError: the tag breaks a rule.
        InvalidStateError: the change loosens the policies of the model (`matched_facts.refuse_loosening`).
    """
    access.require_permission(actor, access.Permission.EDIT, model)
    row = RegisteredModel.objects.get_for_update(model.pk)
    tags = _with(row.tags, key, value)
    if tags == row.tags:
        return row
    refuse_prompt_tag(row, row.tags, tags)
    matched_facts.refuse_loosening(row, {"tags": tags})
    recorder.record_event(
        MODEL_UPDATED,
        actor=actor,
        target=ObjectRef("model", str(row.uid)),
        stream=f"model:{row.uid}",
        changes=[Change("tags", _recorded(row.tags), _recorded(tags))],
    )
    row.tags = tags
    row.revision += 1
    row.save(update_fields=["tags", "revision"])
    return row


@transaction.atomic
def tag_version(*, actor: Actor, version: ModelVersion, key: str, value: str | None) -> ModelVersion:
    """Set a tag of a version, or remove it with None. If nothing differs, nothing is written.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION.
        ValidationFailedError: the tag breaks a rule.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    model, row = lock_version(version)
    tags = _with(row.tags, key, value)
    if tags == row.tags:
        return row
    refuse_prompt_tag(model, row.tags, tags)
    _record(
        actor,
        model,
        row,
        Change("tags", _recorded(row.tags), _recorded(tags)),
        tag_difference=_difference(row.tags, tags),
    )
    row.tags = tags
    row.revision += 1
    row.save(update_fields=["tags", "revision"])
    return row


@transaction.atomic
def describe_version(*, actor: Actor, version: ModelVersion, description: str) -> ModelVersion:
    """Change a version's description. If nothing differs, nothing is written.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION.
        ValidationFailedError: the text breaks a rule.
    """
    return annotate_version(actor=actor, version=version, description=description)


EDITABLE_FIELDS = frozenset({"description", "notes", "tags"})
"""The fields of a version that may change after registration, by those who may add to it."""
_LIMIT = 100_000


@transaction.atomic
def annotate_version(
    *, actor: Actor, version: ModelVersion, expected_revision: int | None = None, **changes: Any
) -> ModelVersion:
    """Change the editable fields of a version. If nothing differs, nothing is written.

    Args:
        actor: the person or token.
        version: the version.
        expected_revision: the revision the caller read; None to skip the check.
        changes: `description` (text), `notes` (Markdown), `tags` (all of them, text to text).

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION.
        StaleRevisionError: the version changed since it was read (`existing` is the current row).
        ValidationFailedError: a value breaks a rule, or a field is fixed at registration.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    faults = ErrorCollector()
    given = _free(faults, changes)
    faults.raise_if_any()
    model, row = lock_version(version)
    if expected_revision is not None and expected_revision != row.revision:
        raise StaleRevisionError(
            f"{model.slug} v{row.number} was changed since you read it (revision {expected_revision}, now "
            f"{row.revision}): read it again and repeat what you still want changed.",
            existing=row,
        )
    differing = {field: value for field, value in given.items() if getattr(row, field) != value}
    if not differing:
        return row
    refuse_prompt_tag(model, row.tags, differing.get("tags", row.tags))
    differences = [Change(field, _kept(getattr(row, field)), _kept(value)) for field, value in differing.items()]
    tag_difference = _difference(row.tags, differing["tags"]) if "tags" in differing else None
    _record(actor, model, row, *differences, tag_difference=tag_difference)
    for field, value in differing.items():
        setattr(row, field, value)
    row.updated_at = clock.now()
    row.revision += 1
    row.save(update_fields=[*differing, "updated_at", "revision"])
    return row


def _free(faults: ErrorCollector, changes: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for field, value in changes.items():
        where = f"/{field}"
        if field == "tags" and isinstance(value, Mapping):
            kept[field] = faults.clean_tags(where, value)
        elif field in ("description", "notes") and isinstance(value, str):
            kept[field] = faults.clean_text(where, value, _LIMIT)
        elif field in EDITABLE_FIELDS:
            faults.add(where, "invalid", "Tags are an object of text to text; a description and notes are text.")
        else:
            faults.add(
                where,
                "fixed_at_registration",
                f"A version's {field.replace('_', ' ')} is fixed when it is registered, because decisions rest on it: "
                f"register a new version. Only {', '.join(sorted(EDITABLE_FIELDS))} may change.",
            )
    return kept


def _kept(value: Any) -> PrivateValue | None:
    """Free text may identify people, so the event only commits to it."""
    if isinstance(value, Mapping):
        return _recorded(value)
    return PrivateValue(value) if value else None


def _record(
    actor: Actor,
    model: RegisteredModel,
    version: ModelVersion,
    *changes: Change,
    tag_difference: PrivateValue | None = None,
) -> None:
    recorder.record_event(
        VERSION_UPDATED,
        actor=actor,
        target=ObjectRef("version", str(version.uid)),
        stream=f"model:{model.uid}",
        related_objects=[ObjectRef("model", str(model.uid))],
        changes=changes,
        data={"tag_changes": tag_difference} if tag_difference is not None else None,
    )


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> PrivateValue:
    """Return the tags that were set and deleted, for webhooks. JSON, because a value may contain lines that look like
    tags.
    """
    put = {key: text for key, text in after.items() if before.get(key) != text}
    gone = sorted(before.keys() - after.keys())
    return PrivateValue(json.dumps({"set": put, "deleted": gone}, sort_keys=True, ensure_ascii=False))


def _with(tags: Mapping[str, str], key: str, value: str | None) -> dict[str, str]:
    """Return the tags with one set or removed. Existing tags are not validated again."""
    changed = dict(tags)
    if value is None:
        changed.pop(key, None)
        return changed
    faults = ErrorCollector()
    kept = faults.clean_tags("/tags", {key: value})
    changed.update(kept)
    if len(changed) > 100:
        faults.add("/tags", "too_many", f"At most 100 tags; there would be {len(changed)}.")
    faults.raise_if_any()
    return changed


def _recorded(tags: Mapping[str, str]) -> PrivateValue | None:
    """Tags are free text, and their keys are less restricted than those of a leaf: the event commits to all of them
    together.
    """
    return PrivateValue("\n".join(f"{key}={text}" for key, text in sorted(tags.items()))) if tags else None
