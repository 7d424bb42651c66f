"""The storey that knows, as Django sees it."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """The middle storey: people, registered models, versions, stages, and who may touch what."""

    name = "registry"
    label = "registry"
    verbose_name = "Registry"
    default_auto_field = "django.db.models.BigAutoField"
