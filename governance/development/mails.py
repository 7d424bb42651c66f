"""Pages under /dev/mail/ that show the mails of a development installation, which are files in var/mail.

Only `settings.development` has their URLs. With other settings this module cannot be imported: a mail contains
sign-in links.
"""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

if not settings.COUNTERSIGN_DEMO:
    raise ImproperlyConfigured("Mails are shown on pages with development settings only.")

SHOWN: Final = 200
"""The list shows so many of the newest mails."""
MARK: Final = re.compile(rb"^-{79}\r?\n", re.MULTILINE)
"""The line that Django's file backend writes after each mail of a file."""
LOCAL: Final = ("127.0.0.1", "::1")
HTML_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"
"""The policy of the HTML part: nothing is loaded or run, and only this site may show it in a frame."""
PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)


@dataclass(frozen=True)
class StoredMail:
    """One mail of a file: `name` identifies it in addresses."""

    name: str
    written_at: datetime
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "(no subject)")

    @property
    def recipients(self) -> str:
        return str(self.message["To"] or "")

    @property
    def plain(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body(preferencelist=(kind,))
        return str(part.get_content()) if part is not None else ""


@require_safe
def mail_list(request: HttpRequest) -> HttpResponse:
    """List the newest mails."""
    _require_local(request)
    return render(request, "development/mails.html", {"mails": read_mails()[:SHOWN], "folder": _folder()})


@require_safe
def mail_page(request: HttpRequest, name: str) -> HttpResponse:
    """Show a mail: its header, its plain part, and its HTML part in a frame."""
    _require_local(request)
    response = render(request, "development/mail.html", {"mail": _found(name)})
    response["Content-Security-Policy"] = PAGE_POLICY
    return response


@require_safe
def mail_html(request: HttpRequest, name: str) -> HttpResponse:
    """Return the HTML part alone, for the frame of its page."""
    _require_local(request)
    response = HttpResponse(_found(name).html)
    response["Content-Security-Policy"] = HTML_POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response


def read_mails() -> list[StoredMail]:
    """Return the mails of the folder, the newest first."""
    folder = _folder()
    files = sorted(folder.glob("*.log"), key=lambda file: file.stat().st_mtime) if folder.is_dir() else []
    found = [mail for file in files[-SHOWN:] for mail in _mails_of(file)]
    return found[::-1]


def _mails_of(file: Path) -> list[StoredMail]:
    written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return [
        StoredMail(
            f"{file.stem}-{number}",
            written,
            email.message_from_bytes(text, policy=email.policy.default),
        )
        for number, text in enumerate(MARK.split(file.read_bytes()))
        if text.strip()
    ]


def _found(name: str) -> StoredMail:
    for mail in read_mails():
        if mail.name == name:
            return mail
    raise Http404


def _folder() -> Path:
    return Path(getattr(settings, "EMAIL_FILE_PATH", "var/mail"))


def _require_local(request: HttpRequest) -> None:
    """Refuse other machines as if the page did not exist."""
    if request.META.get("REMOTE_ADDR") not in LOCAL:
        raise Http404
