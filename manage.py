#!/usr/bin/env python
"""The product's commands. Production settings by default; see `make help` for what a developer needs."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run one management command. Settings that are not complete end it here, with every fault told: Django itself goes
    on with some commands and then fails on something that hides the cause."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")
    from django.conf import settings  # noqa: PLC0415 - after the settings are named
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415  # after the settings module is chosen
    from django.core.management import execute_from_command_line  # noqa: PLC0415  # after the settings module is chosen

    try:
        _ = settings.INSTALLED_APPS
    except ImproperlyConfigured as fault:
        sys.exit(str(fault))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
