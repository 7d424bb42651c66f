"""The pages as an installed app, so that Django finds their template tags."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """No models: what the pages show belongs to the storeys below."""

    name = "governance.interfaces.web"
    label = "web"
    verbose_name = "Pages"
