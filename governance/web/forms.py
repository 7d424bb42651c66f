"""How forms are drawn and how refusals come back into them: label, hint and error beside each field, tied for
screen readers, without a style or a script in the page."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import django.forms
from django import forms
from django.conf import settings
from django.forms.renderers import DjangoTemplates as WidgetRenderer
from django.template.backends.django import DjangoTemplates

from registry.exceptions import InvalidInput, Refusal


class PageRenderer(WidgetRenderer):
    """Django's widgets, our field. Kept to our own forms: the admin site draws its own."""

    form_template_name = "forms/form.html"
    field_template_name = "forms/field.html"

    @cached_property
    def engine(self) -> DjangoTemplates:
        own = settings.BASE_DIR / "templates"
        widgets = Path(django.forms.__file__).parent / "templates"
        params: dict[str, Any] = {"APP_DIRS": False, "DIRS": [own, widgets], "NAME": "pages", "OPTIONS": {}}
        return DjangoTemplates(params)


class PageForm(forms.Form):
    """A form of the pages. `pointers` maps the service's JSON pointers to field names where they differ."""

    default_renderer = PageRenderer()
    use_required_attribute = True
    pointers: dict[str, str] = {}  # noqa: RUF012 (a table, never changed)

    def take_refusal(self, refusal: Refusal) -> None:
        """Show what a service refused: each fault at its field, everything else above the form."""
        if isinstance(refusal, InvalidInput):
            for fault in refusal.errors:
                name = self.pointers.get(fault.pointer, fault.pointer.strip("/").partition("/")[0])
                self.add_error(name if name in self.fields else None, fault.detail)
        else:
            self.add_error(None, refusal.detail)
