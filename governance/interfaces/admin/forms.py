"""Forms of the admin site: each requires a reason and shows domain errors at its fields."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, Model
from django.urls import reverse
from django.utils.http import urlencode

from audit.actor import Actor
from governance.interfaces.admin.labels import KEYS, keys_in
from governance.interfaces.html.forms import PageForm
from registry import selectors

MAX_REASON = 5_000


class ReasonForm(PageForm):
    """Base form of actions.

    Args:
        actor: the user.
        row: the record; None if one is created.
    """

    reason = forms.CharField(
        label="Reason",
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Recorded with the event in the audit log.",
        error_messages={"required": "Give a reason: it is recorded with the event."},
    )

    def __init__(self, *args: Any, actor: Actor, row: Model | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor, self.row = actor, row
        for field in self.fields.values():
            if isinstance(field, AutocompleteField):
                field.offer_to(actor)
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])


class AutocompleteField(forms.CharField):
    """Selects one row by its key (user name or slug) or by its whole label.

    With JavaScript the browser suggests the rows that the row's model admin shows to this user; without it the key is
    typed.
    """

    def __init__(self, field: Any, **kwargs: Any) -> None:
        """`field` is the foreign key whose rows are suggested."""
        assert isinstance(field, ForeignKey)
        self.field = field
        self.kind: type[Model] = field.remote_field.model
        self.actor: Actor | None = None
        super().__init__(max_length=400, **kwargs)

    def offer_to(self, actor: Actor) -> None:
        """Bind the field to the user: which rows are visible, and the URL of the suggestions."""
        self.actor = actor
        opts = self.field.model._meta
        parameters = {"app_label": opts.app_label, "model_name": str(opts.model_name), "field_name": self.field.name}
        self.widget.attrs |= {
            "autocomplete": "off",
            "autocapitalize": "none",
            "spellcheck": "false",
            "data-suggest": f"{reverse('admin:autocomplete')}?{urlencode(parameters)}",
        }

    def clean(self, value: Any) -> Any:
        """Return the row. Raises ValidationError if there is no visible row with that key."""
        written = super().clean(value)
        if not written:
            return None
        rows = selectors.selectable_rows(self.kind, self.actor)
        for key in keys_in(written):
            found = rows.filter(**{KEYS[self.kind]: key}).first()
            if found is not None:
                return found
        called = "user name" if KEYS[self.kind] == "username" else "slug"
        raise ValidationError(
            f"No visible record has the {called} “{keys_in(written)[0]}”: choose one of the suggestions."
        )
