"""Display preferences: theme, time zone, keyboard shortcuts. Stored in cookies, because they belong to a browser."""

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
# Read once: available_timezones() reads hundreds of files (9 ms per request).
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
    """The time zones to choose from: regions with cities, and UTC."""
    return ["UTC", *sorted(name for name in _ZONES if name.startswith(_REGIONS))]


def reader_of(request: HttpRequest) -> DisplayPreferences:
    """Return the preferences in the cookies of a request; unknown values become the default."""
    theme = request.COOKIES.get("theme", "auto")
    zone = request.COOKIES.get("zone", "UTC")
    return DisplayPreferences(
        theme=theme if theme in THEMES else "auto",
        zone_name=zone if zone in _ZONES else "UTC",
        shortcuts=request.COOKIES.get("shortcuts") != "off",
    )


def remember(response: HttpResponse, *, secure: bool, **preferences: str) -> None:
    """Store preferences in cookies for a year. Scripts cannot read them."""
    for name, value in preferences.items():
        response.set_cookie(name, value, max_age=ONE_YEAR, httponly=True, samesite="Lax", secure=secure)
