"""The parts of pages as a Django app, so that their template tags are found."""

from django.apps import AppConfig


class HtmlConfig(AppConfig):
    """Has no models."""

    name = "governance.interfaces.html"
    label = "html"
    verbose_name = "Pages"
