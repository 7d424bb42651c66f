"""The Django app configuration of governance."""

from __future__ import annotations

from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    """Policies, promotions, checks, and all interfaces."""

    name = "governance"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Governance"

    def ready(self) -> None:
        """Load the Celery application, so that every process enqueues on the configured broker, and the
        registrations.
        """
        from governance import (  # noqa: PLC0415 - settings are complete only now
            accounting,
            celery,  # noqa: F401  # imported for what it registers
            deployment,  # noqa: F401  # imported for what it registers
            selectors,  # noqa: F401  # imported for what it registers
        )
        from governance.services import setup  # noqa: F401, PLC0415 - registers every kind of change proposal
        from registry.services import governing  # noqa: F401, PLC0415 - registers its kinds of change proposal

        accounting.declare_all()
