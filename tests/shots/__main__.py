"""`make shots`: a picture of every page of the demonstration, light and dark, wide and narrow, and one print.

Uses what `make run` runs, or starts it on the same data folder for as long as it takes. Writes into ``var/shots/``:
``<page>-<light or dark>-<width>.png``, and the print of a promotion request as ``promotion.pdf``. Arguments narrow it
to the pages whose names contain one of them.
"""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

from tests.fixtures.browsers import find_chromium
from tests.fixtures.visitors import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.shots.addresses import Sight

PROJECT = Path(__file__).resolve().parents[2]
VAR = Path(os.environ.get("COUNTERSIGN_VAR_DIR") or PROJECT / "var")
FOLDER = VAR / "shots"
WIDTHS = (1440, 390)
README = PROJECT / "docs" / "promotion-light.png"
README_HEIGHT = 1074
"""Down to the sentence of the gate."""


def main(parts: list[str]) -> int:
    """Take them; returns 1 where the browser complained of a page or one scrolls sideways."""
    from playwright.sync_api import sync_playwright

    chromium = find_chromium()
    if chromium is None:
        print("no Chromium on the PATH: install it (Debian: apt install chromium)", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with running() as url:
        chosen = [sight for sight in _sights() if not parts or any(part in sight.name for part in parts)]
        password = (VAR / "password").read_text().strip()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            faults = list(_take(browser, url, password, chosen))
            browser.close()
    print(f"{len(chosen)} pages, in {FOLDER}")
    for fault in faults:
        print(f"  {fault}", file=sys.stderr)
    return 1 if faults else 0


def _sights() -> list[Sight]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings.development")
    import django

    django.setup()
    from tests.shots.addresses import sights

    return sights()


def _take(browser: Browser, url: str, password: str, chosen: list[Sight]) -> Iterator[str]:
    """Go round person by person; gives what is wrong with a page."""
    for person in sorted({sight.person for sight in chosen}):
        visitor = Visitor(browser, url)
        if person:
            visitor.sign_in(person, password)
        for sight in (sight for sight in chosen if sight.person == person):
            print(f"  {sight.name}", flush=True)
            yield from _look(visitor, sight)
        yield from visitor.leave()


def _look(visitor: Visitor, sight: Sight) -> Iterator[str]:
    page = visitor.page
    with visitor.refused(sight.status):
        answer = page.goto(sight.path)
    if answer is None or answer.status != sight.status:
        yield f"{sight.name}: {sight.path} answered {answer and answer.status}"
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for colours in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
            page.screenshot(path=FOLDER / f"{sight.name}-{colours}-{width}.png", full_page=True)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            yield f"{sight.name}: scrolls sideways at {width} px"
    page.set_viewport_size({"width": WIDTHS[0], "height": README_HEIGHT})
    page.emulate_media(color_scheme="light")
    if sight.name == "promotion":
        save_small(page.screenshot(), README)
        page.pdf(path=FOLDER / f"{sight.name}.pdf", format="A4", prefer_css_page_size=True)
        # What the print looks like, for whoever cannot open a PDF: the same rules on a page of A4's width.
        page.set_viewport_size({"width": 718, "height": 1000})
        page.emulate_media(media="print")
        page.screenshot(path=FOLDER / f"{sight.name}-print.png", full_page=True)
        page.emulate_media(media="screen")


def save_small(png: bytes, path: Path) -> None:
    """Write a picture for a document, with a palette of 128 colours: a third of the bytes, and text stays sharp.

    Args:
        png: a screenshot.
        path: where to write it.
    """
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        small = picture.convert("RGB").quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


@contextmanager
def running() -> Iterator[str]:
    """The address of what `make run` runs on the data folder; where nothing runs there, of one started for this."""
    lock = VAR / "run.lock"
    address = lock.read_text().strip() if lock.exists() else ""
    if address and _answers(address):
        yield address
        return
    process = subprocess.Popen(
        [sys.executable, "-m", "governance.development.devserver"], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if found := re.search(r"ready +(http://\S+)", line):
                yield found[1]
                return
        raise SystemExit("the product did not start; try `make run`")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def _answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/healthz", timeout=5):
            return True
    except (URLError, OSError):
        return False


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
