"""How a reader wants pages shown: theme, time zone, single-key shortcuts. Kept in cookies of this browser, because they
say something about a screen and a desk, and nothing about a person's rights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse

ONE_YEAR: Final = 365 * 24 * 60 * 60
THEMES: Final[dict[str, tuple[str, str]]] = {
    "auto": ("system", "screen"),
    "light": ("light", "sun"),
    "dark": ("dark", "moon"),
}
_REGIONS: Final = tuple(
    f"{region}/"
    for region in ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
)
# Read once: the answer is looked up in hundreds of files, which cost every request 9 ms.
_ZONES: Final = frozenset(available_timezones())
_IN_TURN: Final = {"auto": "light", "light": "dark", "dark": "auto"}


@dataclass(frozen=True)
class DisplayPreferences:
    """The preferences of one browser."""

    theme: str = "auto"
    zone_name: str = "UTC"
    shortcuts: bool = True

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone_name)

    @property
    def next_theme(self) -> str:
        return _IN_TURN[self.theme]

    @property
    def theme_word(self) -> str:
        return THEMES[self.theme][0]

    @property
    def theme_icon(self) -> str:
        return THEMES[self.theme][1]


def zones() -> list[str]:
    """The zones a reader may choose from: regions and cities, and UTC."""
    return ["UTC", *sorted(name for name in _ZONES if name.startswith(_REGIONS))]


def reader_of(request: HttpRequest) -> DisplayPreferences:
    """The preferences in the request's cookies; whatever is not a known value is the default."""
    theme = request.COOKIES.get("theme", "auto")
    zone = request.COOKIES.get("zone", "UTC")
    return DisplayPreferences(
        theme=theme if theme in THEMES else "auto",
        zone_name=zone if zone in _ZONES else "UTC",
        shortcuts=request.COOKIES.get("shortcuts") != "off",
    )


def remember(response: HttpResponse, *, secure: bool, **preferences: str) -> None:
    """Keep preferences in this browser for a year. Scripts may not read them; the server sets what they do."""
    for name, value in preferences.items():
        response.set_cookie(name, value, max_age=ONE_YEAR, httponly=True, samesite="Lax", secure=secure)
