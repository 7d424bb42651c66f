"""The web interface as a Django app, so that its template tags are found."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Has no models."""

    name = "governance.interfaces.web"
    label = "web"
    verbose_name = "Pages"
