"""How forms are drawn and how refusals come back into them: label, hint and error beside each field, tied for
screen readers, without a style or a script in the page."""

from __future__ import annotations

from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import django.forms
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.forms.renderers import DjangoTemplates as WidgetRenderer
from django.template.backends.django import DjangoTemplates

from registry import moments
from registry.exceptions import DomainError, ValidationFailedError


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


class DayField(forms.DateField):
    """A date, read as everywhere (`registry.moments`), chosen with the browser's own picker."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> date | None:
        """Read what the form sent. Raises ValidationError."""
        if value in self.empty_values:
            return None
        try:
            return moments.bounded_day(value) if isinstance(value, date) else moments.read_day(str(value).strip())
        except moments.MomentError as error:
            raise ValidationError(str(error), code="invalid") from None


class MomentField(forms.DateTimeField):
    """A moment in the reader's time zone, within the range of every moment, chosen with the browser's own picker."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"))
        kwargs.setdefault("error_messages", {"invalid": "Write a date and a time, such as 2026-08-01T09:00."})
        super().__init__(input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"], **kwargs)

    def to_python(self, value: Any) -> datetime | None:
        """Read what the form sent. Raises ValidationError."""
        try:
            found = super().to_python(value)
            return moments.bounded(found) if found is not None else None
        except (moments.MomentError, OverflowError) as error:
            raise ValidationError(str(error), code="invalid") from None


class PageForm(forms.Form):
    """A form of the pages. `pointers` maps the service's JSON pointers to field names where they differ."""

    default_renderer = PageRenderer()
    use_required_attribute = True
    pointers: dict[str, str] = {}  # noqa: RUF012 (a table, never changed)

    def get_context(self) -> dict[str, Any]:
        """Draw the form with the focus on the first field that was refused, so that its message is in view."""
        if self.is_bound and self.errors:
            refused = next((name for name in self.fields if name in self.errors), None)
            if refused is not None and not self.non_field_errors():
                self.fields[refused].widget.attrs["autofocus"] = True
        return super().get_context()

    def take_refusal(self, refusal: DomainError) -> None:
        """Show what a service refused: each fault at its field, everything else above the form."""
        if isinstance(refusal, ValidationFailedError):
            for fault in refusal.errors:
                name = self.pointers.get(fault.pointer, fault.pointer.strip("/").partition("/")[0])
                self.add_error(name if name in self.fields else None, fault.detail)
        else:
            self.add_error(None, refusal.detail)
