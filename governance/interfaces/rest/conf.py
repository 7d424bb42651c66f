"""URL prefix of the API."""

from typing import Final

PREFIX: Final = "/api/v1"
