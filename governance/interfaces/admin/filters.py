"""List filters with titles of their own."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters

from registry import moments


def by_date(field: str, title: str) -> tuple[str, type[admin.FieldListFilter]]:
    """Filter by a date and time field."""
    return field, type("ByDate", (_Titled, _Dated), {"words": title})


def by_choice(field: str, title: str) -> tuple[str, type[admin.FieldListFilter]]:
    """Filter by the choices of a field."""
    return field, type("ByChoice", (_Titled, admin.ChoicesFieldListFilter), {"words": title})


def by_relation(field: str, title: str) -> tuple[str, type[admin.FieldListFilter]]:
    """Filter by a related row, limited to rows in use."""
    return field, type("ByRelation", (_Titled, admin.RelatedOnlyFieldListFilter), {"words": title})


class _Titled:
    """Sets the title after Django has derived it from the field name."""

    words = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = self.words


class _Dated(admin.DateFieldListFilter):
    """Rejects dates in the URL that the database would reject."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        given = {name: values for name, values in self.used_parameters.items() if not name.endswith("__isnull")}
        try:
            for name, values in given.items():
                self.used_parameters[name] = [
                    moments.read_foreign_moment(str(value)) for value in cast("list[str]", values)
                ]
        except moments.MomentError as error:
            raise IncorrectLookupParameters(error) from None
