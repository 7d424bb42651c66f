"""Hook of mkdocs: adds the documents of the root, the REST reference and the pages of the checks to the site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.rest_reference import build_pages, read_description
from tools.site_links import FROM_ROOT, ROOT, rewrite_links

CHECKS = ROOT / "var" / "check-reference"
"""What `tools.check_reference` wrote."""


def on_files(files: Files, *, config: Any) -> Files:
    """Add the generated pages."""
    for source, place in FROM_ROOT.items():
        files.append(File.generated(config, place, content=(ROOT / source).read_text()))
    (description,) = sorted(ROOT.glob("tests/**/openapi.yaml"))
    for name, content in build_pages(read_description(description)).items():
        files.append(File.generated(config, f"rest/{name}", content=content))
    for path in sorted(filter(Path.is_file, CHECKS.rglob("*"))):
        files.append(File.generated(config, f"checks/{path.relative_to(CHECKS)}", content=path.read_bytes()))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: Any, files: Files) -> str:
    """Rewrite the links of a page."""
    place = page.file.src_uri
    if place.startswith(("rest/", "checks/")):
        return markdown
    source = next((name for name, target in FROM_ROOT.items() if target == place), f"docs/{place}")
    return rewrite_links(markdown, source=source, place=place, on_site={file.src_uri for file in files})
