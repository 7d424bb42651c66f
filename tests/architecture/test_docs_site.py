"""The documentation site: the pages of the REST reference and of the checks, and the rewriting of links."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from governance.checks.entry_points import BUILTIN
from tools import check_reference
from tools.rest_reference import build_pages, read_description
from tools.site_links import rewrite_links

ROOT = Path(__file__).parents[2]
(DESCRIPTION,) = sorted(ROOT.glob("tests/**/openapi.yaml"))


def test_every_operation_and_document_has_a_place() -> None:
    description = read_description(DESCRIPTION)
    pages = build_pages(description)
    text = "\n".join(pages.values())

    for path, item in description["paths"].items():
        for method, operation in item.items():
            assert f"{method.upper()} {path}" in pages[f"{operation['tags'][0]}.md"]
    for name in description["components"]["schemas"]:
        assert f"## {name} {{ #{name.lower()} }}" in pages["documents.md"]
    anchors = {(page, anchor) for page, content in pages.items() for anchor in re.findall(r"\{ #(\w+) \}", content)}
    links = set(re.findall(r"\]\((\w+\.md)#(\w+)\)", text))
    assert links <= anchors


def test_every_page_of_the_reference_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()

    assert [page for page in build_pages(read_description(DESCRIPTION)) if f"rest/{page}" not in navigation] == []


def test_limits_and_required_members_are_shown() -> None:
    description = {
        "openapi": "3.1.1",
        "info": {"title": "x", "version": "0.1.0", "description": "A | B"},
        "paths": {
            "/api/v1/models": {
                "post": {
                    "operationId": "createModel",
                    "summary": "Register a model",
                    "tags": ["models"],
                    "parameters": [
                        {"in": "query", "name": "limit", "schema": {"type": "integer", "minimum": 1, "default": 50}}
                    ],
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Model"}}}
                    },
                    "responses": {"201": {"description": "Made."}},
                }
            }
        },
        "components": {
            "schemas": {
                "Model": {
                    "type": "object",
                    "required": ["slug"],
                    "properties": {"slug": {"type": "string", "maxLength": 200}, "tags": {"type": ["array", "null"]}},
                }
            }
        },
    }
    pages = build_pages(description)

    assert "| `limit` | query | integer, at least `1`, default `50` |  |" in pages["models.md"]
    assert "Body: [Model](documents.md#model)" in pages["models.md"]
    assert "| `slug` **required** | string, length at most `200` |  |" in pages["documents.md"]


def test_another_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("openapi: 2.0\n")

    with pytest.raises(ValueError, match="no OpenAPI"):
        read_description(file)


@pytest.mark.parametrize(
    ("source", "place", "written", "expected"),
    [
        ("README.md", "readme.md", "[M](docs/mlflow.md#deleting)", "[M](mlflow.md#deleting)"),
        ("CONTRIBUTING.md", "project/contributing.md", "[A](ARCHITECTURE.md)", "[A](architecture.md)"),
        ("SECURITY.md", "project/security.md", "[W](docs/web-server.md)", "[W](../web-server.md)"),
        ("CONTRIBUTING.md", "project/contributing.md", "[D](docs/decisions)", "[D](../decisions/README.md)"),
        (
            "docs/decisions/README.md",
            "decisions/README.md",
            "[A](../../ARCHITECTURE.md)",
            "[A](../project/architecture.md)",
        ),
        ("docs/web-server.md", "web-server.md", "[an example](nginx.conf)", "an example"),
        ("docs/mlflow.md", "mlflow.md", "[x](https://mlflow.example)", "[x](https://mlflow.example)"),
        ("docs/mlflow.md", "mlflow.md", "[x](absent.md)", "[x](absent.md)"),
        ("docs/mlflow.md", "mlflow.md", "![x](images/x.png)", "![x](images/x.png)"),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(source: str, place: str, written: str, expected: str) -> None:
    on_site = {
        "mlflow.md",
        "web-server.md",
        "decisions/README.md",
        "project/architecture.md",
        "project/contributing.md",
        "project/security.md",
    }

    assert rewrite_links(written, source=source, place=place, on_site=on_site) == expected


_CODE = re.compile(r"[a-z]+(?:_[a-z]+)+")
_CALLS_WITH_CODES = frozenset(
    {
        "Finding",
        "ScanFinding",
        "Remark",
        "AttestationError",
        "LicenceExpressionError",
        "LockFault",
        "_NotComparableError",
    }
    | {"_NotJudgedError", "_needs", "_open", "fail", "leave_open", "_leave_open"}
)
"""Calls whose first argument is the code of a finding."""


def test_the_page_of_every_built_in_check_explains_its_findings() -> None:
    pages = check_reference.build_pages()
    navigation = (ROOT / "mkdocs.yml").read_text()
    unexplained = []
    for check in BUILTIN:
        page = pages[f"{check.slug}.md"]
        assert f"checks/{check.slug}.md" in navigation
        assert "\n## Parameters {" in page
        assert all(f"](examples/{need.example}" in page for need in check.needs if need.example)
        calls = [n for n in ast.walk(ast.parse(Path(inspect.getfile(check)).read_text())) if isinstance(n, ast.Call)]
        for call in calls:
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            code = getattr(call.args[0], "value", None) if call.args else None
            if (
                name in _CALLS_WITH_CODES
                and isinstance(code, str)
                and _CODE.fullmatch(code)
                and f"`{code}`" not in page
            ):
                unexplained.append(f"{check.slug}: {code}")
    assert unexplained == []
