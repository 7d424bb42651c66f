"""A superuser's change of one event in the database: the pages and the verifier name it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.test import Client

from audit.models import Event
from governance.development.tamper import alter_event
from tests import factories
from tests.governance.signed_log import signed_tree, verified
from tests.personas import People


def test_an_event_that_a_superuser_changed_is_named_by_page_and_verifier(
    transactional_db: None, people: People, lifecycle: None, superuser: Callable[[], Any], tmp_path: Path
) -> None:
    model = factories.model(people.priya, "m")
    policy = signed_tree(tmp_path)

    def exported(name: str, *arguments: str) -> Path:
        call_command("export_audit", "--output", str(tmp_path / name), *arguments, stdout=io.StringIO())
        return tmp_path / name

    good = exported("good", "--tiles")
    trusted = good / "checkpoint"
    assert verified(good, policy, "--trusted", trusted, "--require", "leaves,tiles,openings")["status"] == "verified"
    part = exported("part", "--model", "m", "--without-private", "--trusted", str(trusted))
    assert verified(part, policy, "--trusted", trusted, "--require", "proofs,streams")["status"] == "verified"
    chosen = Event.objects.get(stream_id=f"model:{model.uid}", action="model.registered")

    session = superuser()
    try:
        index, event, _ = alter_event(session, str(chosen.event_id))
        with session, session.cursor() as cursor:
            cursor.execute(
                "SELECT every FROM (SELECT bool_and(tgenabled = 'A') AS every FROM pg_trigger "
                "WHERE tgrelid = 'audit_event'::regclass AND NOT tgisinternal) AS t"
            )
            assert cursor.fetchone() == (True,)
    finally:
        session.close()

    for name, arguments in (("complete", ()), ("selection", ("--model", "m"))):
        report = verified(exported(name, *arguments), policy, "--trusted", trusted)
        assert (report["status"], report["event"]) == ("failed", event), report
        assert report["index"] == index
    browser = Client()
    browser.force_login(people.ingrid)
    for address in ("/audit/", f"/audit/{event}/"):
        page = browser.get(address).content.decode()
        assert f"Event {index}" in page
        assert "is not as it was recorded" in page
