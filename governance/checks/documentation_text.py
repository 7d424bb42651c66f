"""The documentation of a check as Markdown, for its page in the product and for the documentation site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from governance.checks.documentation import CONCLUSIONS, CheckDocumentation, EvidenceRow, ParameterRow


@dataclass(frozen=True)
class DocumentationSection:
    """A section of the documentation: its anchor, title and Markdown."""

    anchor: str
    title: str
    text: str


def sections(about: CheckDocumentation, address_of_example: Callable[[str], str]) -> tuple[DocumentationSection, ...]:
    """Return the sections: what the check does, its parameters, evidence, conclusions, and how it is run.

    Args:
        about: documentation of the check, whose texts are Markdown.
        address_of_example: returns the address of an example file by its name.
    """
    return (
        DocumentationSection("what", "What it checks", f"{about.description}\n\n{about.guide}".strip()),
        DocumentationSection("parameters", "Parameters", "\n".join(_parameters(about.parameters))),
        DocumentationSection("evidence", "Evidence", "\n\n".join(_evidence(about, address_of_example))),
        DocumentationSection(
            "conclusions", "Conclusions", "\n".join(f"- `{name}`: {words}" for name, words in CONCLUSIONS)
        ),
        DocumentationSection("run", "Run", _run(about)),
    )


def origin_in_words(about: CheckDocumentation) -> str:
    """Return where a check comes from: built in, or the package of its plug-in."""
    return "built in" if about.origin == "countersign" else f"plug-in of {about.origin}"


def _parameters(rows: tuple[ParameterRow, ...]) -> Iterator[str]:
    if not rows:
        yield "The check has no parameters."
        return
    yield "A policy sets them.\n"
    yield "| name | meaning | value | default |"
    yield "| --- | --- | --- | --- |"
    for row in rows:
        value = ", ".join(text for text in (row.type, row.limits) if text)
        default = "required" if row.required else _code(row.default) if row.default else "–"
        yield f"| {_code(row.name)} | {_cell(row.meaning)} | {_cell(value)} | {default} |"


def _evidence(about: CheckDocumentation, address_of_example: Callable[[str], str]) -> Iterator[str]:
    for row in about.evidence:
        yield _one_kind(row, address_of_example)
    for name, words in about.facts:
        yield f"**{name}**: recorded with the version or the request{f': {words}' if words else ''}."
    if not about.evidence and not about.facts:
        yield "The check reads no evidence."


def _one_kind(row: EvidenceRow, address_of_example: Callable[[str], str]) -> str:
    need = "required" if row.required else "optional"
    text = f"**`{row.kind}`**, {need}{f': {row.title}' if row.title else ''}."
    if row.form:
        text += f"\n\n{row.form}"
    if row.example:
        text += f"\n\nExample file: [{row.example}]({address_of_example(row.example)})"
    return text


def _run(about: CheckDocumentation) -> str:
    waiver = "" if about.waivable else " The check cannot be waived."
    return f"In a sandbox without network, for at most {about.seconds} seconds.{waiver}"


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
