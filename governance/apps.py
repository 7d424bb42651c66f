"""The storey that decides, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    """Policies, promotions, checks, and every front door."""

    name = "governance"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Governance"

    def ready(self) -> None:
        """Make the Celery application the current one in every process, so that `dispatch` rings on our broker."""
        from governance import (  # noqa: PLC0415 - settings are complete only now
            accounting,
            celery,  # noqa: F401
            deployment,  # noqa: F401
            selectors,  # noqa: F401
        )
        from governance.services import setup  # noqa: F401, PLC0415 - registers every kind of change proposal
        from registry.services import governing  # noqa: F401, PLC0415 - registers its kinds of change proposal

        accounting.declare_all()
