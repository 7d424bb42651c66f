"""Form base classes: accessible rendering of fields, and domain errors shown at their fields."""

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
    """Django's widgets with this product's field template. The admin site uses its own forms' rendering."""

    form_template_name = "forms/form.html"
    field_template_name = "forms/field.html"

    @cached_property
    def engine(self) -> DjangoTemplates:
        own = settings.BASE_DIR / "templates"
        widgets = Path(django.forms.__file__).parent / "templates"
        params: dict[str, Any] = {"APP_DIRS": False, "DIRS": [own, widgets], "NAME": "pages", "OPTIONS": {}}
        return DjangoTemplates(params)


class DayField(forms.DateField):
    """A date field with the browser's date picker, parsed by `registry.moments`."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> date | None:
        """Parse the submitted value. Raises ValidationError."""
        if value in self.empty_values:
            return None
        try:
            return moments.bounded_day(value) if isinstance(value, date) else moments.read_day(str(value).strip())
        except moments.MomentError as error:
            raise ValidationError(str(error), code="invalid") from None


class MomentField(forms.DateTimeField):
    """A date and time in the user's time zone, within the supported range, with the browser's picker."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"))
        kwargs.setdefault("error_messages", {"invalid": "Write a date and a time, such as 2026-08-01T09:00."})
        super().__init__(input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"], **kwargs)

    def to_python(self, value: Any) -> datetime | None:
        """Parse the submitted value. Raises ValidationError."""
        try:
            found = super().to_python(value)
            return moments.bounded(found) if found is not None else None
        except (moments.MomentError, OverflowError) as error:
            raise ValidationError(str(error), code="invalid") from None


class PageForm(forms.Form):
    """Base class of page forms. `pointers` maps JSON pointers of the service to field names where they differ."""

    default_renderer = PageRenderer()
    use_required_attribute = True
    pointers: dict[str, str] = {}  # noqa: RUF012 (a table, never changed)

    def get_context(self) -> dict[str, Any]:
        """Focus the first invalid field, so that its message is visible."""
        if self.is_bound and self.errors:
            refused = next((name for name in self.fields if name in self.errors), None)
            if refused is not None and not self.non_field_errors():
                self.fields[refused].widget.attrs["autofocus"] = True
        return super().get_context()

    def take_refusal(self, refusal: DomainError) -> None:
        """Show a domain error: validation errors at their fields, anything else above the form."""
        if isinstance(refusal, ValidationFailedError):
            for fault in refusal.errors:
                name = self.pointers.get(fault.pointer, fault.pointer.strip("/").partition("/")[0])
                self.add_error(name if name in self.fields else None, fault.detail)
        else:
            self.add_error(None, refusal.detail)
            if refusal.who_can:
                self.add_error(None, f"Who can: {', '.join(refusal.who_can)}.")
