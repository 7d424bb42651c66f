"""Links of the documents: from places in the repository to places on the site. Standard library only."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FROM_ROOT = {
    "ARCHITECTURE.md": "project/architecture.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "CHANGELOG.md": "project/changelog.md",
}
"""Documents of the root, and their place on the site."""

LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#]*)(?P<anchor>#[^)\s]*)?\)")


def rewrite_links(markdown: str, *, source: str, place: str, on_site: set[str]) -> str:
    """Rewrite relative links from a file of the repository to places of the site.

    Args:
        markdown: text of the file.
        source: path of the file in the repository, such as ``docs/mlflow.md``.
        place: its path on the site, such as ``mlflow.md``.
        on_site: paths of everything on the site.

    Returns:
        The text. A link to a file of the repository that is not on the site is replaced by its text.
    """

    def replace(match: re.Match[str]) -> str:
        target, anchor = match["target"], match["anchor"] or ""
        if not target or re.match(r"[a-z]+:", target):
            return match[0]
        in_repository = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        there = FROM_ROOT.get(in_repository, in_repository.removeprefix("docs/"))
        if there == "decisions":
            there = "decisions/README.md"
        if there in on_site:
            return f"[{match['text']}]({posixpath.relpath(there, posixpath.dirname(place) or '.')}{anchor})"
        return match["text"] if (ROOT / in_repository).exists() else match[0]

    return LINK.sub(replace, markdown)
