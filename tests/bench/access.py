"""What a question of permission costs: 10,000 models, 50,000 grants, 2,000 people, 100 groups.

    python -m tests.bench.access

Writes rows as the owner of the tables into an embedded database of its own, and prints medians in milliseconds: the
whole question, and the part of it the database takes.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import django

MODELS, PEOPLE, GROUPS, GRANTS = 10_000, 2_000, 100, 50_000
ROUNDS = 200


def main() -> None:
    """Make a database, fill it, measure, remove it."""
    with tempfile.TemporaryDirectory(prefix="countersign-bench-", ignore_cleanup_errors=True) as directory:
        os.environ |= {
            "COUNTERSIGN_VAR_DIR": directory,
            "DJANGO_SETTINGS_MODULE": "governance.settings.development",
        }
        django.setup()
        from django.core.management import call_command

        call_command("migrate", interactive=False, verbosity=0)
        _fill_and_measure()


def _fill_and_measure() -> None:
    from django.db import connection, transaction

    connection.close()  # migrated in another role
    facts = connection.settings_dict
    facts["USER"], facts["PASSWORD"] = facts["OWNER_USER"], facts["OWNER_PASSWORD"]
    with transaction.atomic():
        _fill()
        with connection.cursor() as cursor:
            for table in ("user", "registeredmodel", "grant", "membership", "modeluserpermission"):
                cursor.execute(f"ANALYZE registry_{table}")
            cursor.execute("ANALYZE registry_modelgrouppermission")
        _measure()
        transaction.set_rollback(True)


def _fill() -> None:
    from django.contrib.auth.models import Permission as Row

    from audit import clock
    from registry.access.permissions import ORGANISATION_ONLY, ROLE_PERMISSIONS, Role
    from registry.models import (
        Grant,
        Membership,
        ModelGroupPermission,
        ModelUserPermission,
        RegisteredModel,
        ReviewerGroup,
        User,
    )

    chance = random.Random(1)
    now = clock.now()
    roles = [role for role in Role if role not in ORGANISATION_ONLY]
    rows = {row.codename: row for row in Row.objects.filter(content_type__model="registeredmodel")}
    users = User.objects.bulk_create(
        [User(username=f"bench-{n}", name=f"Bench {n}", created_at=now) for n in range(PEOPLE)]
    )
    groups = []
    for n in range(GROUPS):
        group = ReviewerGroup(name=f"bench-{n}", slug=f"bench-{n}", uid=uuid4(), created_at=now)
        group.save()
        groups.append(group)
    models = RegisteredModel.objects.bulk_create(
        [RegisteredModel(uid=uuid4(), slug=f"bench-{n}", created_at=now, updated_at=now) for n in range(MODELS)]
    )
    dated = {"opened_at": now, "opened_event": uuid4()}
    Membership.objects.bulk_create(
        [
            Membership(group=group, user=user, valid_from=now, **dated)
            for user in users
            for group in chance.sample(groups, 3)
        ]
    )
    grants: dict[Any, Any] = {}
    ends = [None, None, None, now + timedelta(days=30), now + timedelta(seconds=1)]
    while len(grants) < GRANTS:
        subject = chance.choice(users) if chance.random() < 0.8 else chance.choice(groups)
        key = (type(subject), subject.pk, chance.randrange(MODELS))
        grants[key] = (subject, models[key[2]], chance.choice(roles), chance.choice(ends))
    Grant.objects.bulk_create(
        [
            Grant(
                user=subject if isinstance(subject, User) else None,
                group=None if isinstance(subject, User) else subject,
                model=model,
                role=role,
                granted_by="bench",
                expires_at=end,
                **dated,
            )
            for subject, model, role, end in grants.values()
        ],
        batch_size=5000,
    )
    for kind, table, name in (
        (User, ModelUserPermission, "user"),
        (ReviewerGroup, ModelGroupPermission, "group"),
    ):
        table.objects.bulk_create(
            [
                table(**{name: subject}, content_object=model, permission=rows[permission], expires_at=end)
                for subject, model, role, end in grants.values()
                if isinstance(subject, kind)
                for permission in ROLE_PERMISSIONS[role]
            ],
            batch_size=5000,
        )
    print(f"{MODELS:,} models, {PEOPLE:,} people, {GROUPS} groups, {len(grants):,} grants", file=sys.stderr)


def _measure() -> None:
    from audit.actor import Actor
    from registry import access
    from registry.access import Permission, actor_for
    from registry.models import RegisteredModel, User

    chance = random.Random(2)
    actors = [actor_for(user) for user in User.objects.filter(username__startswith="bench-")[:200]]
    models = list(RegisteredModel.objects.filter(slug__startswith="bench-")[:2000])

    def who() -> Actor:
        return chance.choice(actors)

    def what() -> RegisteredModel:
        return chance.choice(models)

    print(f"{'':34}{'median ms':>10}{'95 % ms':>10}{'CPU here':>10}")
    _row("can(VIEW)", lambda: bool(access.check_permission(who(), Permission.VIEW, what())))
    _row("can(DECIDE)", lambda: bool(access.check_permission(who(), Permission.DECIDE, what())))
    _row("visible_to: first 50 by name", lambda: list(access.visible_models(who()).order_by("slug")[:50]))
    _row("visible_to: count", lambda: access.visible_models(who()).count())
    _row(
        "models_for(GRANT_ROLE): ids",
        lambda: list(access.models_with_permission(who(), Permission.GRANT_ROLE).values("pk")),
    )
    _row("holders(DECIDE)", lambda: list(access.users_with_permission(Permission.DECIDE, what())))
    _row("rights_on", lambda: access.effective_permissions_on(what()))


def _row(name: str, ask: Callable[[], object]) -> None:
    for _ in range(20):
        ask()
    walls, cpu = [], time.process_time()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        walls.append((time.perf_counter() - began) * 1000)
    spent = (time.process_time() - cpu) * 1000 / ROUNDS
    print(f"{name:34}{statistics.median(walls):>10.2f}{statistics.quantiles(walls, n=20)[18]:>10.2f}{spent:>10.2f}")


if __name__ == "__main__":
    main()
