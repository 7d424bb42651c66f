"""Request parameters: query strings of GET, JSON bodies of other methods, parsed as MLflow does.

Unknown fields are ignored, camelCase equals snake_case, and invalid JSON counts as an empty object. Types are checked:
a version is text that contains a number. NUL and lone surrogates are rejected because the database cannot store them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from governance.interfaces.mlflow.errors import MlflowError, invalid
from registry.json_text import is_unstorable

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}")


class RequestParams:
    """The fields of one request."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    @classmethod
    def of(cls, request: HttpRequest) -> RequestParams:
        """Parse a request. Raises MlflowError for a content type other than JSON."""
        if request.method == "GET" or (request.method == "DELETE" and not request.body and request.GET):
            return cls(_to_snake_case({name: _Repeated(values) for name, values in request.GET.lists()}))
        kind = request.content_type
        if request.body and kind != "application/json":
            raise MlflowError("BAD_REQUEST", "Bad Request. Content-Type must be one of ['application/json'].")
        try:
            body = json.loads(request.body or b"{}")
        except (ValueError, RecursionError):
            body = {}
        return cls(_to_snake_case(body if isinstance(body, dict) else {}))

    def with_path_params(self, parts: Mapping[str, str]) -> RequestParams:
        """Return a copy with the parameters of the URL path."""
        return RequestParams({**self._fields, **parts})

    def text(self, field: str) -> str:
        """Return a required text. Raises MlflowError if it is missing, empty or not a string."""
        value = self.optional(field)
        if not value:
            raise invalid(
                f"Missing value for required parameter '{field}'. See the API docs for more information about request "
                "parameters."
            )
        return value

    def optional(self, field: str) -> str | None:
        """Return a text; None if it is absent."""
        value = self._one(field)
        if value is None:
            return None
        if not isinstance(value, str):
            raise _invalid_param(field, value, "must be a string")
        return _clean_text(field, value)

    def number(self, field: str) -> int:
        """Return a version number, which is sent as text."""
        value = self.text(field)
        if not _NUMBER.fullmatch(value.strip()):
            raise invalid(f"Parameter '{field}' must be an integer, got '{value[:100]}'.")
        return int(value)

    def count(self, field: str, default: int, most: int) -> int:
        """Return a number of results from 1 to `most`; the default for 0 or an absent field."""
        value = self._one(field)
        if value is None or value == "":
            return default
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _invalid_param(field, value, "must be an integer")
        if not 0 <= value <= most:
            raise invalid(
                f"Invalid value {value} for parameter '{field}' supplied: It must be at most {most} and not negative."
            )
        return value or default

    def flag(self, field: str) -> bool:
        """Return a boolean; False if absent."""
        value = self._one(field)
        if value in (None, False, "false", ""):
            return False
        if value in (True, "true"):
            return True
        raise _invalid_param(field, value, "must be true or false")

    def texts(self, field: str) -> list[str]:
        """Return a list of texts; in a query string the field is repeated."""
        value = self._fields.get(field)
        if value is None:
            return []
        if not isinstance(value, list):
            value = [value]
        if not all(isinstance(item, str) for item in value):
            raise _invalid_param(field, value, "must be a list of strings")
        return [_clean_text(field, item) for item in value]

    def tags(self) -> dict[str, str]:
        """Return tags, sent as a list of {key, value}. The last value of a key counts."""
        value = self._fields.get("tags")
        if value is None:
            return {}
        if not isinstance(value, list):
            raise _invalid_param("tags", value, "must be a list of tags")
        found = {}
        for tag in value:
            key, text = (tag.get("key"), tag.get("value")) if isinstance(tag, dict) else (None, None)
            if not isinstance(key, str) or not isinstance(text, str | None):
                raise _invalid_param("tags", tag, "each tag is an object with the strings key and value")
            found[_clean_text("tags", key)] = _clean_text("tags", text or "")
        return found

    def objects(self, field: str) -> list[Mapping[str, Any]]:
        """Return a list of objects with snake_case fields."""
        value = self._fields.get(field)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise _invalid_param(field, value, "must be a list of objects")
        return [_to_snake_case(item) for item in value]

    def object(self, field: str) -> Mapping[str, Any] | None:
        """Return an object with snake_case fields; None if absent."""
        value = self._fields.get(field)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _invalid_param(field, value, "must be an object")
        return _to_snake_case(value)

    def has(self, field: str) -> bool:
        """Whether the field was sent and is not null."""
        return self._fields.get(field) is not None

    def _one(self, field: str) -> Any:
        value = self._fields.get(field)
        # Query string fields are always lists.
        return value[-1] if isinstance(value, _Repeated) else value


class _Repeated(list[str]):
    """The values of a query string field."""


def _to_snake_case(fields: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in fields.items():
        snake_case = _HUMP.sub(lambda m: f"_{m[1].lower()}", name)
        if snake_case in found and value is not None:
            raise MlflowError("BAD_REQUEST", f"The field {snake_case} was sent twice, in two spellings.")
        found[snake_case] = value
    return found


def _clean_text(field: str, value: str) -> str:
    if is_unstorable(value):
        raise _invalid_param(field, value, "must not contain NUL or lone surrogates")
    return value


def _invalid_param(field: str, value: object, rule: str) -> MlflowError:
    shown = ascii(value)
    shown = shown if len(shown) <= 100 else shown[:100] + "…"
    return invalid(f"Invalid value {shown} for parameter '{field}' supplied: it {rule}.")
