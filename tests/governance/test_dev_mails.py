"""The pages of the mails of a development installation, which other settings do not have."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.filebased import EmailBackend
from django.test import Client
from pytest_django import Settings

MODULES = ("governance.development.mails", "governance.development.urls")


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the modules be imported again, with the settings of the test."""
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_other_settings_cannot_import_them(forget: None, settings: Settings) -> None:
    settings.COUNTERSIGN_DEMO = False
    with pytest.raises(ImproperlyConfigured):
        importlib.import_module(MODULES[0])
    assert Client().get("/dev/mail/").status_code == 404


def test_mails_are_listed_and_their_html_runs_nothing(forget: None, settings: Settings, tmp_path: Path) -> None:
    settings.COUNTERSIGN_DEMO = True
    settings.EMAIL_FILE_PATH = tmp_path
    settings.ROOT_URLCONF = MODULES[1]
    assert b"No mail was written" in Client().get("/dev/mail/").content
    for subject in ("The first ✓", "The second"):
        sent = EmailMultiAlternatives(
            subject, "Open: https://bank.example/x\n" + "-" * 40, None, ["marta@bank.example"]
        )
        sent.attach_alternative("<script>alert(1)</script><b>Open</b>", "text/html")
        EmailBackend(file_path=str(tmp_path)).send_messages([sent])

    listed = Client().get("/dev/mail/").content.decode()
    assert "The first ✓" in listed
    address = listed.split('href="/dev/mail/')[1].split('"')[0]
    page = Client().get(f"/dev/mail/{address}")
    assert 'sandbox=""' in page.content.decode()
    assert '<a href="https://bank.example/x"' in page.content.decode()
    assert "alert(1)" not in page.content.decode()
    html = Client().get(f"/dev/mail/{address}html/")
    assert html["Content-Security-Policy"].endswith("sandbox")
    assert "script-src" not in html["Content-Security-Policy"]
    assert "<b>Open</b>" in html.content.decode()
    assert Client().get("/dev/mail/none/").status_code == 404
    assert Client().get("/dev/mail/", REMOTE_ADDR="10.1.1.1").status_code == 404
