"""Django application configuration of the registry package."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """The registry application: accounts, registered models, versions, stages, and permissions."""

    name = "registry"
    label = "registry"
    verbose_name = "Registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Declare which actions account for the rows of this application."""
        from registry import accounting  # noqa: PLC0415 - the registers are complete only now

        accounting.declare_all()
