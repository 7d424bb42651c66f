"""OSV records and `dependencies.vulnerabilities`: severities, ranges of versions, aliases, age, and the import."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from audit import clock
from audit.models import Event
from governance import promotions
from governance.checks import entry_points
from governance.checks.advisories import osv
from governance.checks.advisories.cvss import base_score
from governance.checks.base import BOM, ENVIRONMENT_LOCK, CheckOutcome, Conclusion
from governance.checks.documentation import EXAMPLES
from governance.models import AdvisoryMirror, PackageAdvisories
from governance.services import advisories, evidence
from registry.access import Role
from registry.exceptions import PermissionDeniedError, ValidationFailedError
from tests import factories
from tests.checking import run_due_checks
from tests.fixtures.scenes import Share
from tests.governance.checks.tried import ask, latest
from tests.governance.promotions.conftest import Bank, found_bank

Judged = Callable[..., CheckOutcome]

SUCCESS, FAILURE, ACTION = Conclusion.SUCCESS, Conclusion.FAILURE, Conclusion.ACTION_REQUIRED


@pytest.fixture(scope="module")
def _shared_bank(share_scene: Share) -> Bank:
    made: Bank = share_scene(found_bank)
    return made


@pytest.fixture
def bank(_shared_bank: Bank, db: None) -> Bank:
    return _shared_bank.again()


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:L/I:N/A:N", 4.3),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:H", 5.9),
        ("CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:C/C:H/I:H/A:H", 9.1),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N/E:P/RL:O", 5.4),
        ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", None),
        ("CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None),
        ("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", None),
        ("", None),
    ],
)
def test_base_scores(vector: str, score: float | None) -> None:
    """Scores as FIRST and the National Vulnerability Database publish them."""
    assert base_score(vector) == score


def record(*events: tuple[str, str], name: str = "GHSA-aaaa", **more: Any) -> dict[str, Any]:
    """A made-up record of the package `lib`, with one range."""
    affected: dict[str, Any] = {"package": {"ecosystem": "PyPI", "name": "Lib"}}
    if events:
        affected["ranges"] = [{"type": "ECOSYSTEM", "events": [{kind: value} for kind, value in events]}]
    affected |= more.pop("affected", {})
    return {"id": name, "modified": "2026-10-28T10:00:00Z", "summary": "Made up", "affected": [affected], **more}


def affects(one: dict[str, Any], version: str) -> bool:
    found = osv.compact(one)
    assert found is not None
    return osv.affects(found[0]["affected"]["lib"], version)


@pytest.mark.parametrize(
    ("events", "affected", "unaffected"),
    [
        ([("introduced", "0"), ("fixed", "2.0")], "0.1 1.9.9 2.0rc1 2.0.dev3 0.dev0", "2.0 2.0.post1 10.0 1!0"),
        ([("introduced", "1.2"), ("last_affected", "1.4")], "1.2 1.4 1.4+cpu 1.3.9", "1.1 1.4.1 1.2rc1 1.5"),
        (
            [("introduced", "1.0"), ("fixed", "1.5"), ("introduced", "2.0"), ("fixed", "2.3")],
            "1.0 1.4 2.0 2.2",
            "0.9 1.5 1.9 2.3",
        ),
        (
            [("fixed", "2.3"), ("introduced", "2.0"), ("fixed", "1.5"), ("introduced", "1.0")],
            "1.0 2.2",
            "0.9 1.9 2.3",
        ),
        ([("introduced", "0")], "0.0.1 99", ""),
        ([("introduced", "0"), ("limit", "2.0")], "1.9", "2.0 2.1"),
        ([("introduced", "0"), ("fixed", "not a version")], "1.0", ""),
        ([("introduced", "not a version"), ("fixed", "2")], "1.0", "2"),
        ([("fixed", "2")], "1.0", "2"),
    ],
)
def test_ranges(events: list[tuple[str, str]], affected: str, unaffected: str) -> None:
    assert {v: affects(record(*events), v) for v in affected.split()} == dict.fromkeys(affected.split(), True)
    assert {v: affects(record(*events), v) for v in unaffected.split()} == dict.fromkeys(unaffected.split(), False)


def test_lists_of_versions_and_what_cannot_be_ordered() -> None:
    listed = record(affected={"versions": ["1.0", "1.1.0"]})
    assert [affects(listed, v) for v in ("1.0", "1.0.0", "1.1", "1.2", "1.0+local", "odd1")] == [
        *(True, True, True, False, True, False)
    ]
    assert affects(record(("introduced", "0"), ("fixed", "1.1.1x")), "1.1.1w")
    assert affects(record(("introduced", "2"), ("fixed", "3")), "1.1.1w")
    assert affects(record(), "5.0"), "nothing says which versions are affected"
    only_git = record(affected={"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]})
    assert affects(only_git, "5.0")


@given(
    st.lists(st.tuples(st.sampled_from(["introduced", "fixed", "last_affected", "limit", "x"]), st.text(max_size=5)))
)
def test_any_range_is_evaluated(events: list[tuple[str, str]]) -> None:
    assert affects(record(*events), "1.0") in (True, False)


def severity(**more: Any) -> str:
    found = osv.compact(record(("introduced", "0"), **more))
    assert found is not None
    return osv.severity_of([found[0]])


def test_severities() -> None:
    v3 = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:L/I:N/A:N"}
    v4 = {"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:L/SC:N/SI:N/SA:N"}
    assert severity(database_specific={"severity": "MODERATE"}) == "medium"
    assert severity(severity=[v3]) == "medium"
    assert severity(severity=[v3], database_specific={"severity": "CRITICAL"}) == "critical"
    assert severity(severity=[v4]) == "high", "a CVSS 4 vector alone is not read"
    assert severity(severity=[v4], database_specific={"severity": "LOW"}) == "low"
    assert severity() == "high"
    assert severity(severity="x", database_specific=[1]) == "high"
    assert severity(affected={"database_specific": {"severity": "LOW"}}) == "low"


def test_advisories_that_share_an_alias_are_one() -> None:
    rows = [
        {"id": "PYSEC-1", "aliases": ["CVE-1"]},
        {"id": "X", "aliases": []},
        {"id": "GHSA-1", "aliases": ["GO-1"]},
        {"id": "CVE-1", "aliases": ["GHSA-1"]},
    ]
    assert sorted(sorted(a["id"] for a in group) for group in osv.group_aliases(rows)) == [
        ["CVE-1", "GHSA-1", "PYSEC-1"],
        ["X"],
    ]


def facts(*records: dict[str, Any], modified: str = "2026-10-28T10:00:00+00:00") -> dict[str, Any]:
    packages: dict[str, Any] = {}
    for one in records:
        found = osv.compact(one)
        assert found is not None
        for package, parts in found[0]["affected"].items():
            packages.setdefault(package, []).append({**found[0], "affected": parts})
    mirror = {"sha256": "0" * 64, "modified": modified, "records": len(records)}
    return {"advisories": {"mirror": mirror, "packages": packages}}


HIGH = record(("introduced", "0"), ("fixed", "2.0"), aliases=["CVE-2026-1"], database_specific={"severity": "HIGH"})
LOW = record(("introduced", "0"), name="GHSA-low", database_specific={"severity": "LOW"})


def judge(judged: Judged, lock: str, *records: dict[str, Any], **params: Any) -> CheckOutcome:
    given = params.pop("given", None) or facts(*records)
    kind = params.pop("kind", ENVIRONMENT_LOCK)
    return judged("dependencies.vulnerabilities", {"f": lock.encode()}, kind=kind, facts=given, **params)


def accept(name: str, day: str = "2026-11-01") -> list[dict[str, str]]:
    return [{"id": name, "reason": "not reachable here", "expires": day}]


@pytest.mark.parametrize(
    ("lock", "params", "conclusion", "codes"),
    [
        ("lib==1.9", {}, FAILURE, ["vulnerable", "vulnerable"]),
        ("LIB==2.0", {}, SUCCESS, ["vulnerable"]),
        ("LIB==2.0", {"fail_severity": "low"}, FAILURE, ["vulnerable"]),
        ("lib==1.9", {"fail_severity": "critical"}, SUCCESS, ["vulnerable", "vulnerable"]),
        ("lib==1.9", {"ignore": accept("cve-2026-1")}, SUCCESS, ["accepted", "vulnerable"]),
        ("lib==1.9", {"ignore": accept("GHSA-aaaa")}, SUCCESS, ["accepted", "vulnerable"]),
        ("lib==1.9", {"ignore": accept("GHSA-aaaa", "2026-10-31")}, FAILURE, ["vulnerable", "vulnerable"]),
        ("other==1.9", {}, SUCCESS, []),
        ("other==1.9\nlib", {}, FAILURE, ["unpinned"]),
        ("other==1.9\n-r more.txt", {}, FAILURE, ["included_file"]),
        ("other==1.9\n-e .", {}, FAILURE, ["location"]),
        ("other==1.9\nx @ git+https://git.example/x", {}, FAILURE, ["location"]),
        ("", {}, ACTION, ["dependencies_unreadable"]),
        ("nothing at all", {}, ACTION, ["dependencies_unreadable"]),
        ("dependencies:\n- lib=1.9=py311\n", {}, FAILURE, ["vulnerable", "vulnerable"]),
        ("dependencies:\n- pip:\n  - lib==2.1\n", {}, SUCCESS, ["vulnerable"]),
    ],
)
def test_locks(judged: Judged, lock: str, params: dict[str, Any], conclusion: Conclusion, codes: list[str]) -> None:
    outcome = judge(judged, lock, HIGH, LOW, **params)
    assert (outcome.conclusion, [f.code for f in outcome.findings]) == (conclusion, codes)


@pytest.mark.parametrize(
    ("components", "conclusion"),
    [
        ([{"type": "library", "name": "Lib", "version": "1.9", "purl": "pkg:pypi/lib@1.9"}], FAILURE),
        ([{"type": "library", "name": "Lib", "version": "2.0", "purl": "pkg:pypi/lib@2.0?x=y"}], SUCCESS),
        ([{"name": "a", "components": [{"type": "library", "name": "Lib", "purl": "pkg:pypi/lib@1.9"}]}], FAILURE),
        ([{"type": "library", "name": "Lib", "purl": "pkg:pypi/lib"}], FAILURE),
        ([{"type": "library", "name": "Lib", "version": "2.0"}], FAILURE),
        ([{"type": "library", "name": "x", "purl": "pkg:npm/x@1"}], ACTION),
        ([], ACTION),
        ("x", ACTION),
    ],
)
def test_bills_of_materials(judged: Judged, components: Any, conclusion: Conclusion) -> None:
    bom = json.dumps({"bomFormat": "CycloneDX", "components": components})
    assert judge(judged, bom, HIGH, kind=BOM).conclusion is conclusion


def test_without_recent_advisories_nothing_passes(judged: Judged) -> None:
    none = judge(judged, "other==1", given={"advisories": {"mirror": None, "packages": {}}})
    assert (none.conclusion, none.findings[0].code) == (ACTION, "no_advisories")
    old = judge(judged, "other==1", given=facts(modified="2026-10-17T00:00:00+00:00"))
    assert (old.conclusion, old.findings[0].code) == (ACTION, "advisories_too_old")
    longer = judge(judged, "other==1", given=facts(modified="2026-10-17T00:00:00+00:00"), max_mirror_age_days=30)
    assert longer.conclusion is SUCCESS
    assert longer.measures["mirror_age_days"] == 15


def test_two_policies_give_the_stricter_limits() -> None:
    assert entry_points.combined_parameters(
        "dependencies.vulnerabilities",
        {"fail_severity": "critical", "max_mirror_age_days": 5, "ignore": accept("A-1") + accept("B-1")},
        {"fail_severity": "medium", "ignore": accept("b-1", "2026-10-01")},
    ) == {"fail_severity": "medium", "max_mirror_age_days": 5, "ignore": accept("b-1", "2026-10-01")}


# --- the import


def folder_of(path: Path, *records: Any) -> Path:
    path.mkdir()
    for number, one in enumerate(records):
        (path / f"{number}.json").write_text(one if isinstance(one, str) else json.dumps(one))
    return path


def zip_of(path: Path, *records: Any, name: str = "{}.json") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, one in enumerate(records):
            archive.writestr(name.format(number), one if isinstance(one, str) else json.dumps(one))
    return path


OTHER = {
    "id": "GHSA-npm",
    "modified": "2027-01-01T00:00:00Z",
    "affected": [{"package": {"ecosystem": "npm", "name": "x"}}],
}


def test_an_archive_and_a_folder_give_the_same_advisories(tmp_path: Path) -> None:
    withdrawn = record(("introduced", "0"), name="GHSA-gone", withdrawn="2026-01-01T00:00:00Z")
    records = (HIGH, LOW, OTHER, withdrawn)
    one, other = (
        advisories.read_export(zip_of(tmp_path / "all.zip", *records)),
        advisories.read_export(folder_of(tmp_path / "all", *records)),
    )
    assert one.packages == other.packages
    assert [a["id"] for a in one.packages["lib"]] == ["GHSA-aaaa", "GHSA-low"]
    assert (one.records, one.modified.isoformat()) == (3, "2026-10-28T10:00:00+00:00")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"5", b'{"id": "x"}', b'{"id": 5, "modified": "2026-01-01T00:00:00Z"}', b"\xff\xfe\xff"),
        *(json.dumps({**HIGH, name: wrong}).encode() for name, wrong in (("modified", "yesterday"), ("affected", 5))),
        json.dumps(OTHER).encode(),
    ],
)
def test_an_export_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "0.json").write_bytes(content)
    with pytest.raises(ValidationFailedError):
        advisories.read_export(tmp_path)


def test_unsafe_archives_are_refused(tmp_path: Path) -> None:
    slip = zip_of(tmp_path / "slip.zip", HIGH, name="../{}.json")
    for path in (slip, zip_of(tmp_path / "twice.zip", HIGH, HIGH), tmp_path / "absent.zip"):
        with pytest.raises(ValidationFailedError):
            advisories.read_export(path)
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.json", json.dumps({**HIGH, "details": "a" * (5 << 20)}))
    with pytest.raises(ValidationFailedError, match="at most"):
        advisories.read_export(bomb)


def test_an_import_replaces_the_earlier_one_with_its_event(bank: Bank, tmp_path: Path) -> None:
    factories.grant(Role.OFFICER, to=bank.people["eve"])
    officer = bank.actor("eve")
    first = advisories.import_advisories(actor=officer, export=advisories.read_export(zip_of(tmp_path / "a.zip", HIGH)))
    newer = {**LOW, "modified": "2026-10-29T10:00:00Z"}
    second = advisories.import_advisories(
        actor=officer, export=advisories.read_export(zip_of(tmp_path / "b.zip", newer))
    )
    assert AdvisoryMirror.objects.get(replaced_at__isnull=True) == second
    assert [a["id"] for a in PackageAdvisories.objects.get().advisories] == ["GHSA-low"]
    events = Event.objects.filter(action="advisories.imported").count()
    assert events == 2
    with pytest.raises(ValidationFailedError, match="older"):
        advisories.import_advisories(actor=officer, export=advisories.read_export(tmp_path / "a.zip"))
    with pytest.raises(PermissionDeniedError):
        advisories.import_advisories(actor=bank.actor("priya"), export=advisories.read_export(tmp_path / "b.zip"))
    with pytest.raises(IntegrityError), transaction.atomic():
        PackageAdvisories.objects.update(advisories=[])
    assert first.pk != second.pk


def test_a_new_import_runs_the_check_again(bank: Bank, tmp_path: Path) -> None:
    factories.grant(Role.OFFICER, to=bank.people["eve"])
    officer = bank.actor("eve")
    request = ask(bank, "[{check: dependencies.vulnerabilities, params: {max_mirror_age_days: 365}}]")

    def result() -> tuple[str, str]:
        promotions.reevaluate(request.pk)
        run_due_checks()
        run = latest(request, "dependencies.vulnerabilities")
        return run.conclusion, run.findings[0]["code"] if run.findings else ""

    assert latest(request, "dependencies.vulnerabilities").status == "waiting_evidence"
    evidence.attach_stored(
        actor=bank.actor("priya"),
        version=request.version,
        kind=ENVIRONMENT_LOCK,
        filename="lock.txt",
        blob=bank.stored(b"lib==1.9\n"),
    )
    assert result() == ("action_required", "no_advisories")
    now = clock.now()
    for number, (fixed, expected) in enumerate([("1.5", ("success", "")), ("2.0", ("failure", "vulnerable"))]):
        one = record(("introduced", "0"), ("fixed", fixed), modified=(now + timedelta(seconds=number)).isoformat())
        export = advisories.read_export(zip_of(tmp_path / f"{number}.zip", one))
        advisories.import_advisories(actor=officer, export=export)
        assert result() == expected


def test_the_command_checks_an_export_without_an_account(tmp_path: Path) -> None:
    out = StringIO()
    call_command("import_advisories", str(zip_of(tmp_path / "a.zip", HIGH, LOW)), "--check", stdout=out)
    assert "2 advisories for 1 packages can be imported" in out.getvalue()
    with pytest.raises(CommandError, match="--as USER"):
        call_command("import_advisories", str(tmp_path / "a.zip"))


def test_the_check_runs_on_files_with_an_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fresh = {**HIGH, "affected": [{"package": {"ecosystem": "PyPI", "name": "numpy"}}]}
    lock = f"--evidence={ENVIRONMENT_LOCK}={EXAMPLES / 'requirements_lock.txt'}"
    params = "--params={max_mirror_age_days: 365}"
    export = f"--advisories={zip_of(tmp_path / 'a.zip', fresh)}"
    with pytest.raises(CommandError, match="failure"):
        call_command("run_check", "dependencies.vulnerabilities", lock, params, export)
    call_command(
        "run_check", "dependencies.vulnerabilities", lock, params, f"--advisories={zip_of(tmp_path / 'b.zip', LOW)}"
    )
    assert "10 packages without a vulnerability" in capsys.readouterr().out
