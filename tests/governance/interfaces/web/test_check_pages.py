"""The pages of the checks: rendered from the classes, with examples that the checks accept; plug-ins included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from governance.checks import documentation, entry_points
from governance.checks.base import Check, CheckContractError, Parameters, RequiredEvidence, refuse_bad_check
from tests.governance.interfaces.web.scene import PageTest

PLUGINS = Path(__file__).parents[2] / "checks" / "plugins"


class TestCheckPages(PageTest):
    """What a signed-in user reads about checks."""

    def test_every_check_has_a_page_that_says_how_to_fix_a_failure(self) -> None:
        eve = self.scene.people.eve
        listed = self.read(eve, "/checks/").html
        for check in entry_points.all():
            assert f'href="/checks/{check.slug}/"' in listed
            page = self.read(eve, f"/checks/{check.slug}/").html
            assert "</table>" in page, "a table of findings and what to do about them"
            for name in re.findall(rf'href="/checks/{check.slug}/examples/([^"]+)"', page):
                response = self.get(eve, f"/checks/{check.slug}/examples/{name}")
                assert response.status_code == 200
                assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
                assert response.content

    def test_parameters_are_described_as_a_policy_writes_them(self) -> None:
        page = self.read(self.scene.people.eve, "/checks/performance.threshold/").html
        assert "<code>thresholds[].metric</code>" in page
        assert "one of: &gt;= · &gt; · &lt;= · &lt;" in page

    def test_requests_and_policies_lead_to_the_pages(self) -> None:
        marta = self.scene.people.marta
        link = 'href="/checks/integrity.digest/"'
        assert link in self.read(marta, f"/promotions/{self.scene.request.pk}/").html
        assert link in self.read(marta, "/policies/scene-production/").html
        assert 'href="/policies/scene-production/"' in self.read(marta, "/checks/integrity.digest/").html
        assert 'href="/checks/"' in self.read(marta, "/policies/").html

    def test_what_is_not_there_is_not_found(self) -> None:
        eve = self.scene.people.eve
        for path in ("no.check/", "license.allowed/examples/other.md", "license.allowed/examples/..%2f__init__.py"):
            assert self.get(eve, f"/checks/{path}").status_code == 404

    def test_a_broken_plug_in_is_listed_with_its_reason(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(PLUGINS))
            entry_points.installed.cache_clear()
            listed = self.read(self.scene.people.eve, "/checks/")
            listed.has("Plug-ins that cannot be used", "claim the slug acme.twin")
            self.read(self.scene.people.eve, "/checks/acme.rows/")
            self.read(self.scene.people.eve, "/checks/acme.twin/", 404).has("claim the slug acme.twin")
        entry_points.installed.cache_clear()


class Described(Check):
    """A check of a plug-in."""

    slug, version, title, category = "acme.described", "1.0.0", "<b>Described</b>", "tests"

    class Params(Parameters):
        """Parameters without a JSON schema."""

        lists: tuple[tuple[int, ...], ...] | None = None

    def run(self, ctx: object, params: object) -> None:  # type: ignore[override]  # never called
        """Not run."""


def test_the_documentation_of_a_plug_in_without_any() -> None:
    found = documentation.describe(Described())
    assert found.description == "A check of a plug-in."
    assert [(row.name, row.type) for row in found.parameters] == [("lists", "list of list of whole number or null")]


@pytest.mark.parametrize("name", ["../base.py", "a/b", ".hidden", "a b"])
def test_examples_are_names_of_files_in_one_folder(name: str) -> None:
    bad = type("Bad", (Described,), {"needs": (RequiredEvidence("acme.kind", example=name),)})
    with pytest.raises(CheckContractError, match="example"):
        refuse_bad_check(bad)


def test_a_description_that_is_no_text_is_refused() -> None:
    with pytest.raises(CheckContractError, match="description"):
        refuse_bad_check(type("Bad", (Described,), {"guide": 5}))


def test_every_example_of_a_built_in_check_exists_and_is_named() -> None:
    named = {need.example for check in entry_points.BUILTIN for need in check.needs if need.example}
    assert {path.name for path in documentation.EXAMPLES.iterdir()} == named
    for check in entry_points.BUILTIN:
        assert all(documentation.read_example(check(), need.example) for need in check.needs if need.example)
