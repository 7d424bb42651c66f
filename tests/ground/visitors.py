"""Somebody at a browser of their own, and everything that browser complains of meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

PATIENCE = 30_000
"""Milliseconds after which what was waited for is given up: how long a machine may take that does ten things more."""

REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (e) => console.error(`CSP ${e.violatedDirective} ${e.blockedURI}`));
"""


class Visitor:
    """A browser window with cookies of its own.

    Args:
        url: where the product is served; addresses given to `go` are below it.
        javascript: whether the browser runs any.
        width: of the window, in CSS pixels.
        colours: what the reader's system prefers, "light" or "dark".
    """

    def __init__(
        self, browser: Browser, url: str, *, javascript: bool = True, width: int = 1440, colours: str = "light"
    ) -> None:
        options: dict[str, Any] = {"color_scheme": colours}
        self.context = browser.new_context(
            base_url=url, java_script_enabled=javascript, viewport={"width": width, "height": 900}, **options
        )
        self.context.set_default_timeout(PATIENCE)
        self.complaints: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))
        if javascript:
            self.page.add_init_script(REPORT_VIOLATIONS)

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")

    def go(self, path: str) -> Page:
        """Open a page by its address."""
        self.page.goto(path)
        return self.page

    def sign_in(self, username: str, password: str) -> Page:
        """Fill in the sign-in form, as its owner would."""
        self.page.goto("/sign-in/")
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(lambda url: "/sign-in/" not in url)
        return self.page

    @contextmanager
    def refused(self, status: int) -> Iterator[None]:
        """Let the browser mention that a page of this block was answered with that status, and nothing else."""
        before = len(self.complaints)
        yield
        mention = re.compile(rf"Failed to load resource: the server responded with a status of {status}\b")
        self.complaints[before:] = [said for said in self.complaints[before:] if not mention.search(said)]

    def leave(self) -> list[str]:
        """Close the window; returns what the browser complained of."""
        self.context.close()
        return self.complaints
