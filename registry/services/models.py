"""Registered models: registering one, and changing its record."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import uuid4

from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor
from audit.models import Event
from audit.recorder import Change, ObjectRef, PrivateValue
from registry import access, prompts
from registry.access.grants import create_grant
from registry.actions import MODEL_REGISTERED, MODEL_UPDATED
from registry.exceptions import (
    FieldError,
    InvalidStateError,
    PermissionDeniedError,
    StaleRevisionError,
    ValidationFailedError,
)
from registry.models import Grant, RegisteredModel, User, active_grants_q
from registry.services import matched_facts, name_claims, tier_use
from registry.services.uniqueness import lost_to_another
from registry.validation import ErrorCollector

# Free text may identify people, so the event only commits to it; the other fields have a fixed vocabulary.
_TEXTS = {"description": 100_000, "intended_use": 20_000, "prohibited_use": 20_000}
_LINES = {"title": 200, "purpose": 300, "team": 120}
_FREE = frozenset({*_TEXTS, *_LINES})

ACCOUNTABILITY = frozenset({"owner", "accountable_executive", "risk_tier"})
"""Who is accountable for a model, and how strict its policies are: not every editor may change these."""

FIELDS = frozenset({*_FREE, *ACCOUNTABILITY, "affects_people", "data_classes", "regulations", "tags", "next_review"})
"""The fields of `register_model` and `update_model`. `registry.services.archiving` archives a model."""


def register_model(
    *,
    actor: Actor,
    slug: str,
    owner: User | None = None,
    mlflow_name: str | None = None,
    for_mlflow: bool = False,
    **facts: Any,
) -> RegisteredModel:
    """Register a model. The account of the actor becomes its owner; if `owner` is another person, both get the role and
    that person is recorded as owner.

    Args:
        actor: the person who registers it, or a token of theirs.
        slug: the name in URLs and in the API, and for MLflow clients unless `mlflow_name` is given; never reused.
        owner: the owner; None for the account of the actor.
        mlflow_name: the name for MLflow clients, if it is not a valid slug (`registry.services.mlflow_names`).
        for_mlflow: an MLflow client gave the name: see `registry.services.name_claims.refusal`.
        facts: any of `FIELDS`: title, description, purpose (the use case), team, intended_use, prohibited_use,
            affects_people, data_classes (values of `RegisteredModel.DataClass`), regulations (list of text), tags (text
            to text), risk_tier (1 to 3), accountable_executive (a User), next_review (a date).

    Returns:
        The model.

    Raises:
        PermissionDeniedError: the actor does not have REGISTER_MODEL, or the token is limited to other models.
        ValidationFailedError: a field breaks a rule, or a name is not free.
        InvalidStateError: another request registers the name at the same time.
    """
    try:
        return _register(
            actor=actor, slug=slug, owner=owner, mlflow_name=mlflow_name, for_mlflow=for_mlflow, facts=facts
        )
    except name_claims.LostNameError:
        # The transaction has ended and the other request has committed: its model can be read for the message.
        _refuse_taken(actor, slug, mlflow_name, for_mlflow=for_mlflow)
        raise InvalidStateError(
            f"The name {mlflow_name or slug} was being registered by another request: try again.", code="name_contended"
        ) from None


@transaction.atomic
def _register(
    *,
    actor: Actor,
    slug: str,
    owner: User | None,
    mlflow_name: str | None,
    for_mlflow: bool,
    facts: Mapping[str, Any],
) -> RegisteredModel:
    access.require_in_organisation(actor, access.OrgPermission.REGISTER_MODEL)
    person = access.require_person(actor)
    if actor.models is not None and slug not in actor.models:
        raise PermissionDeniedError(
            f"This token is limited to other models: {', '.join(sorted(actor.models))}.", code="token_limited"
        )
    faults = ErrorCollector()
    faults.model_slug("/slug", slug)
    if mlflow_name is not None:
        faults.mlflow_name("/name", mlflow_name)
    # person is active: require_person() checked it.
    checked = {"owner": person, **_checked(faults, facts if owner is None else {"owner": owner, **facts})}
    faults.raise_if_any()
    _refuse_taken(actor, slug, mlflow_name, for_mlflow=for_mlflow)
    now = clock.now()
    model = RegisteredModel(uid=uuid4(), slug=slug, mlflow_name=mlflow_name, created_at=now, updated_at=now, **checked)
    registered: Event | None = recorder.record_event(
        MODEL_REGISTERED,
        actor=actor,
        target=_ref(model),
        stream=_stream(model),
        changes=[
            Change("slug", None, slug),
            *([Change("mlflow_name", None, PrivateValue(mlflow_name))] if mlflow_name is not None else []),
            *(_change(field, None, value) for field, value in checked.items() if value not in (None, "", [], {})),
        ],
    )
    with lost_to_another(name_claims.LostNameError):
        model.save(force_insert=True)
    name_claims.claim(model)
    for holder in {person.pk: person, checked["owner"].pk: checked["owner"]}.values():
        create_grant(
            actor=actor,
            role=access.Role.OWNER,
            model=model,
            user=holder,
            group=None,
            reason="registered the model" if holder == person else "named as the owner of the new model",
            of_new_model=True,
            following=registered,
        )
        registered = None  # after the first grant it is not the last event of the stream any more
    return model


def _refuse_taken(actor: Actor, slug: str, mlflow_name: str | None, *, for_mlflow: bool) -> None:
    """Raise ValidationFailedError if the slug or the MLflow name is not free."""
    if mlflow_name is not None:
        name_claims.refuse_unavailable(actor, mlflow_name, "/name", for_mlflow=True)
    name_claims.refuse_unavailable(actor, slug, "/slug", for_mlflow=for_mlflow)


@transaction.atomic
def update_model(
    *,
    actor: Actor,
    model: RegisteredModel,
    expected_revision: int | None = None,
    reason: str | None = None,
    **changes: Any,
) -> RegisteredModel:
    """Change the record of a model. If nothing differs, nothing is written. A new owner is granted the role of owner.

    Args:
        actor: the person, token or process.
        model: the model.
        expected_revision: the revision the caller read; None to skip the check.
        reason: kept with the event, if given.
        changes: any of `FIELDS`. Owner, accountable executive and tier (`ACCOUNTABILITY`) need GRANT_ROLE on the model
            or an officer, because they decide who is accountable and which policy applies.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not change these fields.
        StaleRevisionError: the model changed since it was read (`existing` is the current row).
        ValidationFailedError: a field breaks a rule.
        InvalidStateError: the change of a matched fact needs a second person (`matched_facts.refuse_loosening`);
            `fact_changes.submit` proposes it.
    """
    row = RegisteredModel.objects.get_for_update(model.pk)
    sensitive = ACCOUNTABILITY & changes.keys()
    if changes.keys() - sensitive or not sensitive:
        access.require_permission(actor, access.Permission.EDIT, row)
    if sensitive:
        require_accountability(actor, row, sensitive)
    if expected_revision is not None and expected_revision != row.revision:
        raise StaleRevisionError(
            f"{row.slug} was changed since you read it (revision {expected_revision}, now {row.revision}): read it "
            "again and repeat what you still want changed.",
            existing=row,
        )
    faults = ErrorCollector()
    given = _checked(faults, changes)
    faults.raise_if_any()
    _refuse_declared_tier(row, given)
    refuse_prompt_tag(row, row.tags, given.get("tags", row.tags))
    differing = {field: value for field, value in given.items() if getattr(row, field) != value}
    if not differing:
        return row
    matched_facts.refuse_loosening(row, differing)
    write_changes(row, differing, actor=actor, reason=reason)
    owner = differing.get("owner")
    if (
        owner is not None
        and not Grant.objects.filter(
            active_grants_q(clock.now()), model=row, user=owner, role=access.Role.OWNER
        ).exists()
    ):
        create_grant(
            actor=actor, role=access.Role.OWNER, model=row, user=owner, group=None, reason="named as the model's owner"
        )
    return row


def validated(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of a model in their stored form.

    Raises:
        ValidationFailedError: a field breaks a rule.
    """
    faults = ErrorCollector()
    given = _checked(faults, changes)
    faults.raise_if_any()
    return given


def write_changes(
    row: RegisteredModel,
    differing: Mapping[str, Any],
    *,
    actor: Actor,
    reason: str | None,
    related: Sequence[ObjectRef] = (),
) -> None:
    """Write validated fields of a locked model with their event. The caller has checked that the change is allowed.

    Args:
        row: the model, locked.
        differing: the fields with their new values.
        actor: who changes them.
        reason: kept with the event, if given.
        related: objects that the event names besides the model.
    """
    recorder.record_event(
        MODEL_UPDATED,
        actor=actor,
        target=_ref(row),
        stream=_stream(row),
        related_objects=related,
        changes=[_change(field, getattr(row, field), value) for field, value in differing.items()],
        reason=reason,
    )
    for field, value in differing.items():
        setattr(row, field, value)
    row.revision += 1
    row.updated_at = clock.now()
    row.save(update_fields=[*differing, "revision", "updated_at"])


def refuse_prompt_tag(model: RegisteredModel, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Refuse a change of tags that would turn a model or its version into an MLflow prompt, or back.

    Raises:
        ValidationFailedError: the change does so; at /tags.
    """
    wrong = prompts.refused_change(before, after, of_prompt=prompts.is_prompt(model.tags))
    if wrong is not None:
        raise ValidationFailedError([FieldError("/tags", "prompt_tag", wrong)])


def _refuse_declared_tier(model: RegisteredModel, given: Mapping[str, Any]) -> None:
    """A tier may be declared until the model is assessed; then it changes only with an assessment. It may not be
    lowered if a decision was made or is pending under it.
    """
    before, after = model.risk_tier, given.get("risk_tier", model.risk_tier)
    faults = ErrorCollector()
    if after == before:
        return
    if model.tier_basis_id is not None:
        faults.add(
            "/risk_tier",
            "assessed",
            f"The tier of {model.slug} rests on an assessment: assess the model again to change it.",
        )
    elif before is not None and (after is None or after > before) and tier_use.is_in_use(model):
        faults.add(
            "/risk_tier",
            "tier_in_use",
            f"{model.slug} has or had a version in a protected stage or under a protected alias, or a promotion "
            f"request, under tier {before}: assess the model, and a second person confirms a less strict tier.",
        )
    faults.raise_if_any()


def can_edit(*, actor: Actor, model: RegisteredModel) -> access.Allowed | access.Denied:
    """Return whether the actor may change any field of a model: all fields, or only accountability and tier, as
    officers and administrators may. `update_model` decides about each change.
    """
    answer = access.check_permission(actor, access.Permission.EDIT, model)
    if answer or can_set_accountability(actor=actor, model=model):
        return access.Allowed()
    return answer


def can_set_accountability(*, actor: Actor, model: RegisteredModel) -> access.Allowed | access.Denied:
    """Return whether the actor may change who is accountable for the model, set its tier, and archive it."""
    if access.check_org_permission(actor, access.OrgPermission.MANAGE_POLICIES):
        return access.Allowed()
    return access.check_permission(actor, access.Permission.GRANT_ROLE, model)


def require_accountability(actor: Actor, model: RegisteredModel, fields: frozenset[str]) -> None:
    """Require that the actor may change who is accountable for the model, or its tier: its owners, administrators and
    officers may, tokens may not.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not change it.
    """
    access.require_permission(actor, access.Permission.VIEW, model)
    answer = can_set_accountability(actor=actor, model=model)
    if isinstance(answer, access.Denied):
        names = " and ".join(sorted(field.replace("_", " ") for field in fields))
        raise PermissionDeniedError(
            f"The {names} of {model.slug} may be changed by its owners and by officers only. {answer.reason}",
            code="accountability",
            who_can=answer.who_can,
        )


def _checked(faults: ErrorCollector, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the validated fields; unknown names and wrong types are errors."""
    checked: dict[str, Any] = {}
    for field, value in given.items():
        where = f"/{field}"
        if field in _TEXTS and isinstance(value, str):
            checked[field] = faults.clean_text(where, value, _TEXTS[field])
        elif field in _LINES and isinstance(value, str):
            checked[field] = faults.clean_line(where, value, _LINES[field])
        elif field in ("owner", "accountable_executive") and (value is None or isinstance(value, User)):
            checked[field] = _answerable(faults, where, value)
        elif (
            (field == "risk_tier" and (value is None or (type(value) is int and value in RegisteredModel.Tier.values)))
            or (field == "affects_people" and (value is None or isinstance(value, bool)))
            or (field == "next_review" and (value is None or isinstance(value, date)))
        ):
            checked[field] = value
        elif field == "regulations" and isinstance(value, Sequence) and not isinstance(value, str):
            checked[field] = _regulations(faults, where, value)
        elif field == "data_classes" and isinstance(value, Sequence) and not isinstance(value, str):
            checked[field] = _data_classes(faults, where, value)
        elif field == "tags" and isinstance(value, Mapping):
            checked[field] = faults.clean_tags(where, value)
        elif field in FIELDS:
            faults.add(where, "invalid", _FORMS.get(field, "This takes text."))
        else:
            faults.add(where, "unknown_field", f"A model has no {field}; it has: {', '.join(sorted(FIELDS))}.")
    return checked


_FORMS = {
    "owner": "This takes an account.",
    "accountable_executive": "This takes an account.",
    "risk_tier": "A risk tier is 1, 2 or 3.",
    "data_classes": "This takes a list of data classes.",
    "affects_people": "This is true, false, or not known yet (null).",
    "next_review": "This takes a date, such as 2027-03-31.",
    "regulations": "This takes a list of names.",
    "tags": "Tags are an object of text to text.",
}


def _answerable(faults: ErrorCollector, where: str, person: User | None) -> User | None:
    if person is not None and person.is_deactivated():
        faults.add(where, "inactive", f"{person}'s account is deactivated: name an active account.")
    return person


def _data_classes(faults: ErrorCollector, where: str, names: Sequence[Any]) -> list[str]:
    """Return each class once, in the order of the vocabulary, so that the same classes are always the same list."""
    known = RegisteredModel.DataClass.values
    for index, name in enumerate(names):
        if name not in known:
            faults.add(f"{where}/{index}", "unknown_data_class", f"A data class is one of: {', '.join(known)}.")
    return [value for value in known if value in names]


def _regulations(faults: ErrorCollector, where: str, names: Sequence[Any]) -> list[str]:
    if len(names) > 50:
        faults.add(where, "too_many", f"At most 50 regulations; these are {len(names)}.")
        return []
    kept = []
    for index, name in enumerate(names):
        if not isinstance(name, str):
            faults.add(f"{where}/{index}", "not_text", "A regulation is named by text.")
        else:
            kept.append(faults.clean_line(f"{where}/{index}", name, 200, required=True))
    return kept


def _change(field: str, before: Any, after: Any) -> Change:
    return Change(field, _recorded(field, before), _recorded(field, after))


def _recorded(field: str, value: Any) -> Any:
    """Return the value for the event: people by pseudonym, dates as text, free text as a private value."""
    if isinstance(value, User):
        return value.uid
    if isinstance(value, date):
        return value.isoformat()
    if field in _FREE:
        return PrivateValue(value) if value else None
    if field == "tags":
        # The keys of a leaf are more restricted than those of tags, and tags are free text.
        return PrivateValue("\n".join(f"{key}={text}" for key, text in sorted(value.items()))) if value else None
    return value


def _ref(model: RegisteredModel) -> ObjectRef:
    return ObjectRef("model", str(model.uid))


def _stream(model: RegisteredModel) -> str:
    return f"model:{model.uid}"
