"""System checks of `manage.py check --deploy`, in addition to Django's."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register  # noqa: A004 - Django's own name
from django.db import connections

from governance.checks import entry_points
from governance.database import releases
from registry import selectors


@register(deploy=True)
def protection_check(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn about COUNTERSIGN_PROTECTED=none, and report an instance without protection; both are for trials."""
    found: list[CheckMessage] = []
    if settings.COUNTERSIGN_PROTECTED == "none":
        found.append(
            Warning(
                "COUNTERSIGN_PROTECTED=none: a new instance is set up without protected stages.",
                hint="Leave it out anywhere but on a trial.",
                id="countersign.W001",
            )
        )
    if databases and not selectors.has_protected_targets():
        found.append(
            Error(
                "Nothing is protected in this instance: versions enter every stage without checks or approvals.",
                hint="It was set up for a trial. Set up another one for anything else.",
                id="countersign.E001",
            )
        )
    return found


@register(deploy=True)
def sandbox(**_: Any) -> list[CheckMessage]:
    """Report what the check sandbox lacks on this machine: an error if the operator requires it."""
    landlock = ctypes.CDLL(None, use_errno=True).syscall(444, None, ctypes.c_size_t(0), 1) >= 1
    lacking = [
        *([] if landlock else ["Landlock (access to files)"]),
        *([] if Path("/proc/sys/kernel/seccomp").exists() else ["seccomp (sockets and processes)"]),
    ]
    if not lacking:
        return []
    text = f"This machine's kernel has no {' and no '.join(lacking)} for the sandbox of checks."
    if settings.COUNTERSIGN_CHECKS_NEED_ISOLATION:
        hint = "No check can run here: run workers on Linux 5.13 or later, with Landlock among its security modules."
        return [Error(text, hint=hint, id="countersign.E002")]
    hint = "Each run records its isolation. Set COUNTERSIGN_CHECKS_NEED_ISOLATION=yes to run no check without both."
    return [Info(text, hint=hint, id="countersign.I001")]


@register(deploy=True)
def plug_ins(**_: Any) -> list[CheckMessage]:
    """Report check plug-ins that cannot be used: requests of policies that require them are blocked."""
    return [
        Error(
            f"The check plug-in {fault.name} of {fault.origin} cannot be used: {fault.problem}.",
            hint="Repair or remove the plug-in; requests of policies that require it are blocked until then.",
            id="countersign.E030",
        )
        for fault in entry_points.broken()
    ]


@register(deploy=True)
def imitations(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Report models that were registered before such names or tags were refused."""
    if not databases:
        return []
    found: list[CheckMessage] = [
        Warning(
            f"The model {slug} has a name that looks like {other}.",
            hint="It was registered before such names were refused. Register it under another name and archive it.",
            id="countersign.W010",
        )
        for slug, other in selectors.look_alikes.imitations()
    ]
    found += [
        Warning(
            f"The model {slug} is in a protected stage and has the tag of prompts: MLflow clients do not show it.",
            hint="Register a model without the tag and promote its version there.",
            id="countersign.W011",
        )
        for slug in selectors.look_alikes.hidden_by_prompt_tag()
    ]
    return found


@register(Tags.database)
def fence(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Report superuser changes outside a declared migration, and guards that are outdated or not as configured."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        with connections[alias].cursor() as cursor:
            if (differences := releases.guard_differences(connections[alias])) is None:
                found.append(
                    Warning(
                        "The database guards are those of an earlier release.",
                        hint="Run `manage.py provision` as a superuser of the cluster, then `manage.py migrate`.",
                        id="countersign.W020",
                    )
                )
                continue
            found += [
                Warning(
                    f"Not as the last declared migration left it: {difference}.",
                    hint="A superuser of the cluster changed it. Compare the log with a copy kept elsewhere.",
                    id="countersign.W021",
                )
                for difference in differences
            ]
            if differing := releases.differing_registers(connections[alias]):
                found.append(
                    Warning(
                        f"The registers of what accounts for changes differ from this release in {len(differing)} "
                        f"places: {', '.join(differing[:5])}.",
                        hint="Run `manage.py provision` and `manage.py migrate`. Where this release was migrated "
                        "already, its migration was ended with other registers.",
                        id="countersign.W023",
                    )
                )
            cursor.execute("SELECT value FROM fence.setting WHERE name = 'dated events'")
            if not settings.COUNTERSIGN_DEMO and cursor.fetchone() == ("allowed",):
                found.append(
                    Warning(
                        "Events of this database may carry any time, which is for demonstrations and tests.",
                        hint="Run `manage.py provision` with production settings.",
                        id="countersign.W022",
                    )
                )
    return found
