"""`secrets.scan`: no shipped text contains a key, a token or a password."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, ClassVar

from pydantic import Field

from governance.checks.accepted_findings import AcceptedFinding, accepted_by_both, accepted_note
from governance.checks.base import (
    ARTIFACT_FILES,
    MAX_TEXT,
    Check,
    CheckOutcome,
    Conclusion,
    Context,
    File,
    Finding,
    Parameters,
    RequiredEvidence,
    Sandbox,
    Severity,
)
from governance.checks.secrets.forms import Secret, find_secrets
from governance.checks.secrets.texts import Text, Unread, read_texts

MAX_LISTED = 200
"""Secrets that are listed; when as many are found, the search ends."""
MAX_TEXT_BYTES = 4 << 30
"""Bytes of text that are searched."""

_REMEDY = "Revoke it where it was issued, remove it from the file, and register a version without it."


class SecretsScan(Check):
    """Searches texts, configuration, notebooks and archives of a version for keys, tokens and passwords."""

    slug = "secrets.scan"
    version = "1.0.0"
    title = "No secrets in files"
    category = "artifact"
    description = "No text, configuration file or notebook of the version contains a key, a token or a password."
    guide = """
The check reads every text file, the cells and outputs of notebooks, and the texts in zip, gzip, bzip2, xz and tar
archives. Binary files, such as weights, are not searched. It looks for

- tokens with the form of a provider: AWS, GitHub, GitLab, Slack, Google, Azure, OpenAI, Anthropic, Hugging Face, PyPI,
  npm, Stripe, SendGrid, Databricks, HashiCorp Vault, signed tokens (JWT), private keys, and tokens of Countersign;
- passwords in addresses (`postgresql://user:password@host/…`) and in netrc entries;
- with `names`: random values that are assigned to names such as `password`, `api_key` or `client_secret`.

Placeholders (`changeme`, `${TOKEN}`, `<your key>`, `AKIAIOSFODNN7EXAMPLE`) are not reported. A finding never contains
the secret: it shows the constant beginning of the form and the first digits of the SHA-256 of a token, so that its
owner can tell which one it is. For a password no digest is shown, because a short password could be found from it.

A secret that was uploaded is known to everyone who can read the version. Removing the file is not enough.

| finding | how to fix it |
| --- | --- |
| a token, key or password | Revoke it where it was issued. Remove it from the file. Register a new version. |
| `secret_value` | As above. If it is no secret, an officer can list the identifier of the finding in `ignore`. |
| `no_files` | Register the version with its files. |
| `not_searched` | Register the content of the archive as files, or repair the archive. |
"""
    needs = (RequiredEvidence(ARTIFACT_FILES, form="Every registered file; texts and archives are read."),)
    sandbox: ClassVar[Sandbox] = Sandbox(memory=2 << 30, cpu=600, wall=720)

    class Params(Parameters):
        """What is searched for."""

        names: Annotated[bool, Field(title="Judge random values assigned to names of secrets")] = True
        ignore: Annotated[
            tuple[AcceptedFinding, ...],
            Field(max_length=200, title="Accepted findings", description="by the identifier that the finding states"),
        ] = ()

    def combine(self, first: Any, second: Any) -> Any | None:
        """Search for what either set names, and accept what both accept."""
        return first.model_copy(
            update={
                "names": first.names or second.names,
                "ignore": accepted_by_both(first.ignore, second.ignore),
            }
        )

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if all texts were searched and contain no secret."""
        files = ctx.of(ARTIFACT_FILES)
        if not files:
            message = "The version has no registered files to search."
            return CheckOutcome(Conclusion.FAILURE, message, (Finding("no_files", "Register its files."),))
        accepted = {entry.id: entry for entry in params.ignore if entry.is_in_force(ctx.now)}
        secrets: list[Finding] = []
        notes: list[Finding] = []
        unread: list[Finding] = []
        searched = 0
        for file in files:
            if file.local is None:
                unread.append(_not_searched(Unread(file.path, "it is not in storage")))
                continue
            with file.local.open("rb") as stream:
                for part in read_texts(file.path, stream, file.size):
                    if isinstance(part, Unread):
                        unread.append(_not_searched(part))
                        continue
                    searched += len(part.own)
                    if searched > MAX_TEXT_BYTES:
                        unread.append(_not_searched(Unread(file.path, f"only {MAX_TEXT_BYTES >> 30} GiB are read")))
                        break
                    for secret in find_secrets(part.content, names=params.names):
                        if secret.start not in part.own:
                            continue
                        name = finding_id(file, part, secret)
                        if name in accepted:
                            notes.append(accepted_note(accepted[name], f"A {secret.kind}", _place(part, secret)))
                        else:
                            secrets.append(_found(part, secret, name))
                    if len(secrets) >= MAX_LISTED or len(unread) >= MAX_LISTED:
                        return _concluded(secrets, unread, notes, len(files), searched, complete=False)
        return _concluded(secrets, unread, notes, len(files), searched, complete=True)


def finding_id(file: File, part: Text, secret: Secret) -> str:
    """Return what identifies a finding: the file by its content and the place in it, not the secret."""
    place = f"{file.sha256}\n{part.where.removeprefix(file.path)}\n{part.offset + secret.start}"
    return hashlib.sha256(place.encode("utf-8", "replace")).hexdigest()[:16]


def _place(part: Text, secret: Secret) -> str:
    line = part.line + part.content.count(b"\n", 0, secret.start)
    return f"{part.where[:1500]}, line {line}"


def _found(part: Text, secret: Secret, name: str) -> Finding:
    shown = f" It begins with “{secret.shown}”." if secret.shown and secret.code != "private_key" else ""
    digest = f" Its SHA-256 begins with {secret.digest}." if secret.digest else ""
    kind = "A password" if secret.code == "password_in_url" else f"A {secret.kind}"
    if secret.kind[:1] in "aeioAEIO" and secret.code != "password_in_url":
        kind = f"An {secret.kind}"
    where = _place(part, secret)
    severity = Severity.HIGH if secret.code == "secret_value" else Severity.CRITICAL
    message = f"{kind} of {secret.length} characters.{shown}{digest} {_REMEDY} Identifier of the finding: {name}."
    return Finding(secret.code, message[:MAX_TEXT], severity, where)


def _not_searched(part: Unread) -> Finding:
    message = f"{part.where[:500]} was not searched: {part.reason}."
    return Finding("not_searched", message[:MAX_TEXT], Severity.HIGH, part.where[:1500])


def _concluded(
    secrets: list[Finding], unread: list[Finding], notes: list[Finding], files: int, searched: int, *, complete: bool
) -> CheckOutcome:
    kept = (*secrets[:MAX_LISTED], *unread[:MAX_LISTED], *notes[:50])
    measures = {"files": files, "text_bytes": searched, "secrets": len(secrets), "accepted": len(notes)}
    if secrets:
        count = f"{len(secrets)}{'' if complete else ' or more'}"
        noun = "secret" if count == "1" else "secrets"
        summary = f"{count} {noun} in shipped files; first: {secrets[0].where[:500]}."
        return CheckOutcome(Conclusion.FAILURE, summary, kept, measures)
    if unread:
        return CheckOutcome(Conclusion.ACTION_REQUIRED, unread[0].message, kept, measures)
    accepted = f" {len(notes)} findings are accepted by the policy." if notes else ""
    return CheckOutcome(
        Conclusion.SUCCESS, f"No secrets found in the texts of {files} files.{accepted}", kept, measures
    )
