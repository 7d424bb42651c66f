"""`manage.py issue_token`: for whom it makes a token, where the secret goes, what the log says of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from audit.models import Event
from registry.actions import TOKEN_ISSUED
from registry.models import AccessToken, AccountControl
from registry.services import tokens
from tests.personas import People


def issue(*arguments: object) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("issue_token", *(str(a) for a in arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_service_account_gets_a_token_and_the_log_says_which_process_gave_it(people: People) -> None:
    robot = people.ci_retail

    assert people.priya

    out, err = issue(
        *("ci-retail", "--holder", "priya", "--scopes", "models:read,versions:write", "--days", 7),
        *("--models", "credit-risk-pd"),
    )

    actor = tokens.authenticate(out.strip())
    assert actor is not None
    assert (actor.person, actor.scopes) == (robot.uid, frozenset({"models:read", "versions:write"}))
    assert actor.models == frozenset({"credit-risk-pd"})
    assert out.strip() not in err
    event = Event.objects.get(action=TOKEN_ISSUED)
    assert event.body["actor"] == {"type": "process", "id": "issue-token", "auth": "process"}
    assert out.strip() not in bytes(event.leaf).decode()


def test_the_person_who_gets_the_secret_is_on_record(people: People) -> None:
    robot = people.ci_retail
    with pytest.raises(CommandError, match="--holder"):
        issue("ci-retail")
    with pytest.raises(CommandError, match="no account"):
        issue("ci-retail", "--holder", "nobody")
    assert not AccessToken.objects.exists()

    assert people.priya
    issue("ci-retail", "--holder", "priya")

    held = AccountControl.objects.get(account=robot)
    assert (held.person, held.kind, held.token) == (people.priya, "token_received", AccessToken.objects.get())
    assert Event.objects.get(action=TOKEN_ISSUED).body["data"]["received_by"] == people.priya.uid


def test_people_make_their_own(people: People) -> None:
    assert people.priya

    with pytest.raises(CommandError, match="people issue their own"):
        issue("priya")

    assert not AccessToken.objects.exists()


def test_in_a_demonstration_people_get_one_and_the_log_says_how(people: People, settings: Settings) -> None:
    settings.COUNTERSIGN_DEMO = True

    out, _ = issue(people.priya.username)

    assert tokens.authenticate(out.strip()) is not None
    event = Event.objects.get(action=TOKEN_ISSUED)
    assert event.body["actor"] == {"type": "person", "id": people.priya.uid, "auth": "command"}


def test_into_a_file_that_its_owner_alone_reads(people: People, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("an older one")
    file.chmod(0o644)

    out, err = issue(people.ci_retail.username, "--holder", people.priya.username, "--file", file)

    secret = file.read_text().strip()
    assert tokens.authenticate(secret) is not None
    assert file.stat().st_mode & 0o777 == 0o600
    assert out == ""
    assert secret not in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nobody"], "no account"),
        (["ci-retail", "--scopes", "everything"], "no scope everything"),
        (["ci-retail", "--days", "400"], "at most 366"),
        (["ci-retail", "--days", "0"], "at most 366"),
        (["ci-retail", "--days", "nan"], "at most 366"),
    ],
)
def test_what_it_does_not_make(people: People, arguments: list[str], expected: str) -> None:
    assert people.ci_retail
    assert people.priya

    with pytest.raises(CommandError, match=expected):
        issue(*arguments, "--holder", "priya")

    assert not AccessToken.objects.exists()
