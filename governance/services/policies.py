"""Publishing policies."""

from pathlib import Path
from uuid import uuid4

from django.db import transaction
from pydantic import ValidationError

from audit import canonical, clock, recorder
from audit.actor import Actor
from audit.recorder import Change, Thing
from governance import facts
from governance import policies as language
from governance.actions import POLICY_PUBLISHED
from governance.checks import catalogue
from governance.models import Policy, PolicyRevision
from registry import access, selectors, yaml_reader
from registry.exceptions import Conflict, FieldError, InvalidInput
from registry.models import ReviewerGroup

STARTER = Path(__file__).parent.parent / "starter"
"""The light policies an organisation begins with, as YAML files."""


def read(source: str) -> language.PolicyDocument:
    """Validate a policy's YAML against its schema, the check catalogue, the lifecycle and the reviewer groups.

    Raises InvalidInput with one error per fault, each pointing into the document.
    """
    try:
        document = language.parse(source)
    except ValidationError as error:
        raise InvalidInput(
            [
                FieldError("/" + "/".join(str(part) for part in e["loc"]), str(e["type"]), e["msg"])
                for e in error.errors(include_url=False)
            ]
        ) from error
    except yaml_reader.DuplicateKeyError as error:
        raise InvalidInput([FieldError("/", "duplicate_key", str(error))]) from error
    except ValueError as error:
        raise InvalidInput([FieldError("/", "not_a_policy", str(error))]) from error
    errors = [*_unknown_checks(document), *_unknown_stages(document), *_unknown_groups(document)]
    if errors:
        raise InvalidInput(errors)
    return document


@transaction.atomic
def publish(*, actor: Actor, source: str, reason: str) -> PolicyRevision:
    """Publish a policy's YAML as its next revision and put it in force.

    Publishing the source already in force changes nothing and returns that revision. Requests that are open keep the
    revision they were made under.

    Raises NotPermitted where the actor may not manage policies; InvalidInput as `read` does; Conflict where another
    policy in force covers one of the same targets and tiers with the same priority, so that which one governs would be
    left to chance.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    document = read(source)
    digest = canonical.digest(document.model_dump(mode="json"))
    now = clock.now()
    made_uid = uuid4()
    # One publication at a time: the question whether two policies overlap needs them all to stand still.
    standing = {p.slug: p for p in Policy.objects.select_for_update(of=("self",)).select_related("in_force")}
    policy = standing.get(document.slug)
    if policy is not None and policy.in_force is not None and policy.in_force.digest == digest:
        return policy.in_force
    _refuse_ambiguity(document, [p for slug, p in standing.items() if slug != document.slug])
    fresh = policy is None
    policy = policy or Policy(uid=uuid4(), slug=document.slug, created_at=now)
    before = policy.in_force
    recorder.append(
        POLICY_PUBLISHED,
        actor=actor,
        thing=Thing("policy", str(policy.uid)),
        stream=f"policy:{policy.uid}",
        related=[Thing("policy_revision", str(made_uid))],
        changes=[Change("digest", before.digest if before is not None else None, digest)],
        data={"slug": document.slug, "revision": before.number + 1 if before is not None else 1},
        reason=reason,
    )
    policy.title = document.title
    policy.save(force_insert=fresh)
    revision = PolicyRevision.objects.create(
        uid=made_uid,
        policy=policy,
        number=before.number + 1 if before is not None else 1,
        source=source,
        document=document.model_dump(mode="json"),
        digest=digest,
        published_at=now,
        published_by=actor.id,
    )
    policy.in_force = revision
    policy.save(update_fields=["in_force"])
    return revision


def install_starter(*, actor: Actor) -> list[PolicyRevision]:
    """Publish the starter policies where no policy exists yet. Called when an instance is initialised."""
    if Policy.objects.exists():
        return []
    return [
        publish(actor=actor, source=path.read_text(encoding="utf-8"), reason="starter policy of a new instance")
        for path in sorted(STARTER.glob("*.yaml"))
    ]


def _unknown_checks(document: language.PolicyDocument) -> list[FieldError]:
    errors = []
    for index, rule in enumerate(document.checks):
        check = catalogue.find(rule.check)
        if check is None:
            known = ", ".join(sorted(c.slug for c in catalogue.all()))
            errors.append(
                FieldError(f"/checks/{index}/check", "unknown_check", f"Unknown check; installed are: {known}.")
            )
            continue
        try:
            catalogue.parameters(check, rule.params)
        except catalogue.BadParameters as error:
            errors += [
                FieldError(f"/checks/{index}/params{pointer}", "bad_parameter", message)
                for pointer, message in error.errors
            ]
    return errors


def _unknown_stages(document: language.PolicyDocument) -> list[FieldError]:
    known = {stage.slug for stage in selectors.lifecycle().stages}
    return [
        FieldError(
            f"/applies_to/stages/{i}", "unknown_stage", f"Unknown stage; the stages are: {', '.join(sorted(known))}."
        )
        for i, slug in enumerate(document.applies_to.stages)
        if slug not in known
    ]


def _unknown_groups(document: language.PolicyDocument) -> list[FieldError]:
    known = set(ReviewerGroup.objects.values_list("slug", flat=True))
    return [
        FieldError(
            f"/approvals/{i}/group", "unknown_group", f"Unknown reviewer group; there are: {', '.join(sorted(known))}."
        )
        for i, rule in enumerate(document.approvals)
        if rule.group not in known
    ]


def _refuse_ambiguity(document: language.PolicyDocument, others: list[Policy]) -> None:
    for other in others:
        if other.in_force is None:
            continue
        standing = facts.read(other.in_force)
        same_target = set(document.applies_to.stages) & set(standing.applies_to.stages) or set(
            document.applies_to.aliases
        ) & set(standing.applies_to.aliases)
        tiers, theirs = set(document.applies_to.tiers), set(standing.applies_to.tiers)
        same_tier = not tiers or not theirs or bool(tiers & theirs)
        if same_target and same_tier and document.priority == standing.priority:
            raise Conflict(
                f"{other.slug} covers {', '.join(sorted(same_target))} for the same tiers with the same priority "
                f"({standing.priority}): give one of them another priority, so that it is certain which one governs.",
                code="ambiguous_policy",
                existing=other,
            )
