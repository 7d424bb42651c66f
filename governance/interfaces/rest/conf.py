"""Where the interface lives."""

from typing import Final

PREFIX: Final = "/api/v1"
