"""Things for tests, made as the product makes them: through its services, with their events."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from django.conf import settings

from audit import clock
from audit.actor import Actor, process
from audit.sequencer import Sequencer
from audit.signer import Signer
from registry import access
from registry.access import Role
from registry.models import (
    AccessToken,
    ChangeProposal,
    Grant,
    ModelVersion,
    RegisteredModel,
    ReviewerGroup,
    User,
    VerificationKey,
)
from registry.services import (
    assessments,
    change_proposals,
    models,
    people,
    questionnaires,
    setup,
    tokens,
    verification_keys,
    versions,
)
from registry.services.versions import ArtifactSpec, VersionSpec
from tests.governance.checks import signing_made

SETUP = process("initialise")
"""Who sets the scene."""

PASSWORD = "seven-Green-bottles-5"
"""Everybody's, where an account has one."""

_numbers = count(1)


def lifecycle() -> None:
    """The default stages and moves, and the protected alias champion."""
    setup.install_lifecycle(actor=SETUP)


def person(username: str | None = None, **facts: Any) -> User:
    """An account; with a password unless it is a service account or `password=None` is given."""
    username = username or f"person-{next(_numbers)}"
    if facts.get("kind", User.Kind.PERSON) == User.Kind.PERSON:
        facts.setdefault("password", PASSWORD)
    facts.setdefault("name", username.title())
    return people.register_person(actor=SETUP, username=username, **facts)


def group(slug: str | None = None, *members: User) -> ReviewerGroup:
    """A reviewer group with these members."""
    slug = slug or f"group-{next(_numbers)}"
    made = people.create_group(actor=SETUP, slug=slug, name=slug.replace("-", " ").title())
    for member in members:
        people.add_member(actor=SETUP, group=made, user=member, reason="the scene of a test")
    return made


def grant(
    role: Role | str,
    *,
    to: User | ReviewerGroup,
    on: RegisteredModel | None = None,
    expires_at: datetime | None = None,
) -> Grant:
    """A role, given to a person or a group; organisation-wide where no model is named."""
    subject: dict[str, Any] = {"user": to} if isinstance(to, User) else {"group": to}
    return access.grant_role(
        actor=SETUP, role=role, model=on, reason="the scene of a test", expires_at=expires_at, **subject
    )


def model(owner: User, slug: str | None = None, **facts: Any) -> RegisteredModel:
    """A registered model, with the owner in that role."""
    slug = slug or f"model-{next(_numbers)}"
    return models.register_model(actor=access.actor_for(owner), slug=slug, **facts)


WORSE: dict[int, dict[str, str]] = {
    1: {"effect": "access", "automation": "automatic"},
    2: {"materiality": "severe"},
    3: {},
}
"""By tier, the answers to the starter questionnaire that give it; the mildest to every other question."""


def answers_for(tier: int) -> dict[str, str]:
    """Answers to the starter questionnaire, which is published where none is, that give this tier."""
    questionnaires.install_starter(actor=SETUP)
    found = questionnaires.in_force()
    assert found is not None
    return {question.id: question.answers[0].id for question in found[1].questions} | WORSE[tier]


def assessed(model: RegisteredModel, tier: int | None = None) -> RegisteredModel:
    """The model, assessed by its owner: as its declared tier where none is given. Protected targets require it."""
    model.refresh_from_db()
    tier = tier or model.risk_tier
    assert tier is not None
    assert model.owner is not None
    assessments.assess(
        actor=access.actor_for(model.owner), model=model, answers=answers_for(tier), rationale="The scene of a test."
    )
    model.refresh_from_db()
    return model


def artifact(path: str, content: bytes) -> ArtifactSpec:
    """How a file is declared."""
    return ArtifactSpec(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def version(
    model: RegisteredModel, by: User | Actor, files: Mapping[str, bytes] | None = None, **spec: Any
) -> ModelVersion:
    """A registered version, its files stored."""
    actor = access.actor_for(by) if isinstance(by, User) else by
    files = files or {}
    declared = versions.declare_version(
        actor=actor,
        model=model,
        spec=VersionSpec(artifacts=[artifact(path, content) for path, content in files.items()], **spec),
        reuse=False,
    )
    for path, content in files.items():
        versions.store_artifact(actor=actor, version=declared, path=path, stream=io.BytesIO(content))
    return versions.complete_registration(actor=actor, version=declared) if files else declared


def token(
    person: User,
    scopes: Iterable[str],
    models: Iterable[str] | None = None,
    days: float = 30,
    checks: Iterable[str] = (),
) -> tuple[AccessToken, str]:
    """An access token and its secret."""
    issuer = access.actor_for(person) if person.kind == User.Kind.PERSON else SETUP
    return tokens.issue(
        actor=issuer,
        person=person,
        name="the scene of a test",
        scopes=scopes,
        expires_at=clock.now() + timedelta(days=days),
        model_slugs=models,
        check_names=checks,
    )


def officer(username: str | None = None) -> User:
    """A compliance officer."""
    made = person(username)
    grant(Role.OFFICER, to=made)
    return made


def confirm(proposal: ChangeProposal, by: User, *, password: str = PASSWORD) -> ChangeProposal:
    """A change proposal, confirmed by a second person with their password."""
    return change_proposals.confirm(
        actor=access.actor_for(by), proposal=proposal, digest=proposal.digest, password=password
    )


KEY_FOR_ALL: dict[str, Any] = {
    "name": "Risk team",
    "owner": "Risk models",
    "public_key": signing_made.pem(signing_made.P256),
    "purposes": ["signature"],
}
"""The arguments of a proposed verification key."""


def verification_key(proposer: User, second: User, **changes: Any) -> VerificationKey:
    """A verification key that one officer proposed and another confirmed."""
    given = {**KEY_FOR_ALL, "reason": "key ceremony of November", **changes}
    confirm(verification_keys.propose(actor=access.actor_for(proposer), **given), second)
    return VerificationKey.objects.latest("pk")


def worst_answers() -> dict[str, str]:
    """The worst answer to every question in force: the strictest tier, which nobody has to ask an officer for."""
    found = questionnaires.in_force()
    assert found is not None
    return {question.id: question.answers[-1].id for question in found[1].questions}


def seal_log() -> None:
    """Append every event to the tree and sign it, with a key that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        running = Sequencer(Signer(Path(folder)), settings.COUNTERSIGN_LOG_ORIGIN)
        running.prepare()
        while running.step():
            pass
