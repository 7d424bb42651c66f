"""The language of code and documents: standard terms, and docstrings with the sections that callers need."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APPS = ("audit", "registry", "governance")
BANNED = re.compile(
    r"\b(whoever|nobody|somebody|everybody|anybody|doors?|doorbell|house|storeys?|rooms?|heed(s|ed)?|anew|lawful|doers?"
    r"|mends?|mended|told|the pen|of the mapper)\b",
    re.IGNORECASE,
)
"""Words of an earlier vocabulary that had no standard meaning. CONTRIBUTING.md names the terms to use."""
BANNED_NAMES = re.compile(
    r"(?:^|_)(asked|asking|asks|said|told|standings?|stands|doers?|doors?|lawful|mend|spelt|spoken|nobody|somebody"
    r"|everybody|lacks)(?=_|$)",
    re.IGNORECASE,
)
"""The same vocabulary in identifiers: a value is named by what it is, a function by what it does."""
KEPT_NAMES = {
    "governance/interfaces/rest/access_requests.py": {"asked_at"},
    "governance/interfaces/rest/evidence.py": {"asked", "lacks"},
    "governance/interfaces/rest/readiness.py": {"asked"},
}
"""Members of API bodies, which keep their names, and the operating system's account."""
ACCOUNT = re.compile(r"`+nobody`+|user `?nobody|as nobody|[\"']nobody[\"']")
"""The operating system's unprivileged account."""
TEMPLATE_CODE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|<svg.*?</svg>", re.DOTALL)

PUBLIC = ("registry/services", "registry/selectors", "registry/access", "governance/services", "governance/promotions",
          "governance/selectors", "governance/gate")  # fmt: skip
MANY = 6
"""Parameters from which a docstring has an Args section, or names the function that documents them."""


def texts_of(source: str) -> Iterator[tuple[int, str]]:
    """The comments and strings of a module, without identifiers in strings and code in f-strings."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
        elif token.type in {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)}:
            text = token.string
            if re.match(r"[rb]*f", text, re.IGNORECASE):
                text = re.sub(r"\{[^{}]*\}", "", text)
            if not re.fullmatch(r"[\"']\w+[\"']", text):
                yield token.start[0], text


def names_of(source: str) -> Iterator[tuple[int, str]]:
    """The identifiers of a module, a name of several words in CamelCase as in snake_case."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", token.string)


def banned_in(text: str) -> list[str]:
    return [match[0] for match in BANNED.finditer(ACCOUNT.sub("", text))]


def source_files() -> list[Path]:
    found = [path for app in APPS for path in sorted((ROOT / app).rglob("*.py"))]
    return [path for path in found if not {"migrations", "demo"} & set(path.parts)]


def documents() -> list[Path]:
    names = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")
    return [*(ROOT / name for name in names), *sorted((ROOT / "docs").glob("*.md"))]


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.Lambda):
            yield child
            yield from own_nodes(child)


def missing_sections(function: ast.FunctionDef) -> list[str]:
    """The parts that the docstring of a public function lacks."""
    text = ast.get_docstring(function) or ""
    if not text:
        return ["docstring"]
    raised = [node for node in own_nodes(function) if isinstance(node, ast.Raise) and node.exc is not None]
    parameters = len(function.args.args) + len(function.args.kwonlyargs)
    return [
        *(["Raises"] if raised and "Raises:" not in text else []),
        *(["Args"] if parameters >= MANY and "Args:" not in text and "`" not in text else []),
    ]


def test_comments_docstrings_and_messages_use_standard_terms() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {words}"
        for path in source_files()
        for line, text in texts_of(path.read_text())
        if (words := banned_in(text))
    ]

    assert found == []


def test_identifiers_use_standard_terms() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in source_files()
        for line, name in names_of(path.read_text())
        if BANNED_NAMES.search(name) and name not in KEPT_NAMES.get(str(path.relative_to(ROOT)), ())
    ]

    assert found == []


def test_pages_and_documents_use_standard_terms() -> None:
    pages = sorted((ROOT / "templates").rglob("*.*"))
    found = [
        f"{path.relative_to(ROOT)} {words}"
        for path in [*pages, *documents()]
        if (words := banned_in(TEMPLATE_CODE.sub("", path.read_text())))
    ]

    assert found == []


@pytest.mark.parametrize("folder", PUBLIC)
def test_public_functions_document_what_callers_need(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{function.name} {missing}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for function in ast.parse(path.read_text()).body
        if isinstance(function, ast.FunctionDef) and not function.name.startswith("_")
        if (missing := missing_sections(function))
    ]

    assert found == []


def test_a_violation_is_found() -> None:
    source = (
        'def ring(a, b, c, d, e, f):\n    """Tell whoever is at the door."""\n'
        '    raise ValueError("Nobody is in the room.")\n'
    )
    (function,) = ast.parse(source).body

    assert [word for _, text in texts_of(source) for word in banned_in(text)] == ["whoever", "door", "Nobody", "room"]
    assert isinstance(function, ast.FunctionDef)
    assert missing_sections(function) == ["Raises", "Args"]
    assert banned_in(TEMPLATE_CODE.sub("", "{% for room in rooms %}<p>The house</p>{% endfor %}")) == ["house"]
    names = "class AskedGroup: standing = 1\ndef what_was_said(doers): return unmasked\n"
    assert [name for _, name in names_of(names) if BANNED_NAMES.search(name)] == [
        "Asked_Group", "standing", "what_was_said", "doers",
    ]  # fmt: skip
    assert banned_in("Under root the servers run as `nobody`.") == []
