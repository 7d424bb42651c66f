"""What axe finds on a page, for the browser tests of pages and of the admin site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

Theme = Literal["light", "dark"]
LIGHT: Theme = "light"
DARK: Theme = "dark"

RULES: dict[Theme, dict[str, Any]] = {
    # Structure, names and sizes do not depend on the theme: they are examined once. Colours are, in both.
    LIGHT: {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    DARK: {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}


def faults_of(page: Page, theme: Theme, width: int) -> list[str]:
    """Return what axe finds on an open page, and whether the page scrolls sideways.

    Args:
        page: the page; it is left in this theme and width.
        theme: the colour scheme that the reader's system prefers.
        width: of the window, in CSS pixels.
    """
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    options = {"runOnly": RULES[theme], "resultTypes": ["violations"]}
    if not page.evaluate("typeof axe === 'object'"):  # half a megabyte, once for each page
        page.evaluate(Axe().axe_script)
    violations = page.evaluate("options => axe.run(options)", options)["violations"]
    faults = [
        f"{theme} at {width}: {violation['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for violation in violations
        for node in violation["nodes"][:3]
    ]
    if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
        faults.append(f"{theme} at {width}: scrolls sideways to {wide}")
    return faults
