"""Write the documentation of the built-in checks for the site of docs/: Markdown pages, and the example files.

Needs the product, which the environment of the site does not have: `make docs` runs it first.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from governance.checks.base import Check
from governance.checks.documentation import EXAMPLES, describe
from governance.checks.documentation_text import origin_in_words, sections
from governance.checks.entry_points import BUILTIN

INDEX = "index.md"


def build_pages() -> dict[str, str]:
    """Return the Markdown of every built-in check and of the list of them, by file name."""
    checks = sorted((check() for check in BUILTIN), key=lambda check: check.slug)
    return {INDEX: _index(checks)} | {f"{check.slug}.md": _page(check) for check in checks}


def write_pages(folder: Path) -> None:
    """Replace a folder by the pages, with the example files in `examples`.

    Args:
        folder: what is in it is removed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "examples").mkdir(parents=True)
    for example in sorted(EXAMPLES.iterdir()):
        shutil.copyfile(example, folder / _example(example.name))
    for name, text in build_pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def _index(checks: list[Check]) -> str:
    rows = [
        f"| [{check.title}]({check.slug}.md) | `{check.slug}` | {describe(check).description} |" for check in checks
    ]
    return "\n".join(
        [
            "# Checks",
            "",
            "What a policy can require of a version. The page `/checks/` of a server lists its plug-ins too.",
            "To write a check, see [Write a check](../checks.md).",
            "",
            "| check | name in a policy | |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _page(check: Check) -> str:
    about = describe(check)
    lines = [
        f"# {about.title}",
        "",
        f"`{about.slug}` {about.version} · {about.category} · {origin_in_words(about)}",
        "",
    ]
    for section in sections(about, _example):
        lines += [f"## {section.title} {{ #{section.anchor} }}", "", section.text, ""]
    return "\n".join(lines)


def _example(name: str) -> str:
    """Return the address of an example. One in Markdown gets another extension, because mkdocs makes pages of `.md`."""
    return f"examples/{name}.txt" if name.endswith(".md") else f"examples/{name}"


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
