#!/usr/bin/env python3
"""Countersign in a pipeline: register a version, attach evidence, request its promotion, wait for the verdict.

One file, standard library only, Python 3.9 or newer: copy it to a machine and run `python client.py --help`. With the
product it is installed as the command `countersign`; as a library it is :class:`Client`.

    COUNTERSIGN_URL         address of the server, such as https://registry.example
    COUNTERSIGN_TOKEN       an access token (cs_…); or
    COUNTERSIGN_TOKEN_FILE  a file that contains one
    COUNTERSIGN_CA_FILE     certificates (PEM) to trust in addition to those of the system

On a terminal the result is a table, otherwise JSON on standard output; progress is printed on standard error. If
GITHUB_STEP_SUMMARY and GITHUB_OUTPUT are set, the job's summary and outputs are written too.

Exit status: 0 done · 1 unexpected · 2 wrong usage or input · 3 not signed in or not permitted · 4 rejected, blocked or
closed without promotion · 5 still waiting · 6 conflict, stale or superseded · 7 cannot be promoted at all · 8 server
not reachable · 9 verification failed.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # Run as a file, its folder is first in the module search path: files there must not shadow the standard library.
    sys.path[:] = [place for place in sys.path if os.path.abspath(place) != os.path.dirname(os.path.abspath(__file__))]

import argparse
import base64
import contextlib
import csv
import fnmatch
import hashlib
import http.client
import importlib
import ipaddress
import json
import math
import random
import re
import socket
import ssl
import stat
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

__version__ = "0.1.0"

Json = dict[str, Any]
PREFIX = "/api/v1"
CHUNK = 1 << 20
MAX_RESPONSE_BYTES = 64 << 20
SIGNAL_FORMATS = ("countersign", "prometheus", "evidently", "nannyml", "mlflow", "sagemaker")
MAX_LONG_POLL_SECONDS = 25
"""Maximum seconds for which the server delays a response."""
MAX_BACKOFF_SECONDS = 60.0
AGAIN = frozenset({429, 500, 502, 503, 504})
"""Statuses after which the same request is sent again. Every request of this client can be repeated: GET changes
nothing, PUT stores the same bytes, and POST has an Idempotency-Key.
"""

DONE, UNEXPECTED, BAD_INPUT, NOT_PERMITTED, REJECTED, WAITING, CONFLICT, UNPROMOTABLE, UNREACHABLE, UNVERIFIED = range(
    10
)
INTERRUPTED = 130
EXIT_BY_STATE = {
    "promoted": DONE,
    "ready": DONE,
    "open": WAITING,
    "blocked": REJECTED,
    "rejected": REJECTED,
    "expired": REJECTED,
    "withdrawn": REJECTED,
    "superseded": CONFLICT,
}
"""Exit status by the state of a promotion request. `ready`: approved, waiting for manual release."""
_EXIT_BY_STATUS = {401: NOT_PERMITTED, 403: NOT_PERMITTED, 409: CONFLICT, 412: CONFLICT, 429: UNREACHABLE}
_EXIT_BY_CODE = {
    **dict.fromkeys(
        ("illegal_move", "no_policy", "policies_conflict", "model_incomplete", "model_archived"), UNPROMOTABLE
    ),
    **dict.fromkeys(
        ("rollback_never_approved", "rollback_not_available", "rollback_inputs_changed", "rollback_too_late"),
        UNPROMOTABLE,
    ),
    "version_registering": UNPROMOTABLE,
    "wrong_digest": UNVERIFIED,
    "wrong_size": UNVERIFIED,
}


class ClientError(Exception):
    """A request failed. The message says what and what to do; `exit_code` is the command line's exit status."""

    exit_code = UNEXPECTED


class UsageError(ClientError):
    """The input is invalid, whatever the server's state."""

    exit_code = BAD_INPUT


class ConnectionFailedError(ClientError):
    """No response, or not one of Countersign's."""

    exit_code = UNREACHABLE


class PendingError(ClientError):
    """The operation is in progress and not finished."""

    exit_code = WAITING


class VerificationError(ClientError):
    """Bytes differ from what was declared or recorded."""

    exit_code = UNVERIFIED


class ApiError(ClientError):
    """The server refused the request with an RFC 9457 problem: `document` is the problem, `code` its stable name."""

    def __init__(self, status: int, document: Json) -> None:
        super().__init__(str(document.get("detail") or document.get("title") or f"HTTP {status}"))
        self.status = status
        self.document = document
        self.code = str(document.get("code", ""))

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # a property, by the status of the answer
        """The exit status, by the problem code if it is more specific than the HTTP status."""
        codes = [self.code, *(str(fault.get("code")) for fault in _items(self.document, "errors"))]
        for code in codes:
            if code in _EXIT_BY_CODE:
                return _EXIT_BY_CODE[code]
        if self.code == "not_ready":
            failed = any(r.get("state") == "failed" for r in _items(self.document, "requirements"))
            return REJECTED if failed else WAITING
        return _EXIT_BY_STATUS.get(self.status, BAD_INPUT if self.status < 500 else UNREACHABLE)


@dataclass(frozen=True)
class LocalFile:
    """A file to send: local path, name in the version, digest and size."""

    path: Path
    name: str
    sha256: str
    size: int

    @classmethod
    def read(cls, path: str | Path, name: str = "") -> LocalFile:
        """Read a file's size and digest without keeping its content in memory.

        Symbolic links are not followed, because they may lead out of the intended folder.

        Raises:
            UsageError: it cannot be read, or is not a regular file.
        """
        path = Path(path)
        try:
            kind = path.lstat().st_mode
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
        if stat.S_ISLNK(kind):
            raise UsageError(
                f"{path} is a symbolic link to {_plain(os.readlink(path))}, and links are not followed: put the file "
                "itself in its place, name the file it leads to, or leave it out with --exclude."
            )
        if not stat.S_ISREG(kind):
            raise UsageError(f"{path} is {'a folder' if stat.S_ISDIR(kind) else 'no regular file'}: name a file.")
        return cls._digested(path, name or path.name)

    @classmethod
    def _digested(cls, path: Path, name: str) -> LocalFile:
        digest, size = hashlib.sha256(), 0
        try:
            with path.open("rb") as stream:
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
        return cls(path, name, digest.hexdigest(), size)

    def chunks(self, progress: Callable[[str, int, int], None]) -> Iterator[bytes]:
        """Yield exactly the bytes that were digested.

        Raises:
            VerificationError: the file is shorter now.
        """
        left = self.size
        try:
            with self.path.open("rb") as stream:
                while left:
                    chunk = stream.read(min(CHUNK, left))
                    if not chunk:
                        raise VerificationError(
                            f"{self.path} became shorter while it was sent. Nothing of it was kept."
                        )
                    left -= len(chunk)
                    yield chunk
                    progress(self.name, self.size - left, self.size)
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror or error}") from None


@dataclass(frozen=True)
class ApiResponse:
    """A response of the server."""

    status: int
    headers: Message
    document: Json


class Client:
    """A Countersign server, used with one token.

    Args:
        url: address of the server, without /api/v1.
        token: sent as a bearer token, never printed.
        timeout: socket timeout in seconds.
        attempts: maximum number of attempts of a request.
        backoff: seconds before the second attempt; doubled for each further one, with jitter.
        ca_file: certificates to trust in addition to the system's. Verification cannot be disabled.
        insecure_http: allow http:// to another machine, where the network can read the token.
        note: called with a message about each retry.
        progress: called while a file is sent with its name, the bytes sent, and its size.

    Raises:
        UsageError, ConnectionFailedError, VerificationError, PendingError, ApiError: every method may raise them.
    """

    patience = 3600.0
    """Maximum seconds to wait until workers have read the files of a version."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: float = 30.0,
        attempts: int = 5,
        backoff: float = 0.5,
        ca_file: str | None = None,
        insecure_http: bool = False,
        note: Callable[[str], None] = lambda text: None,
        progress: Callable[[str, int, int], None] = lambda name, sent, size: None,
    ) -> None:
        self._scheme, self._host, self._port, self._base = _address(url, insecure_http)
        if not re.fullmatch(r"[!-~]{8,4096}", token):
            raise UsageError("The access token is empty or malformed: it is cs_ and 46 letters and digits.")
        self._token = token
        self._timeout, self._attempts, self._backoff = timeout, max(1, attempts), backoff
        self._note, self._progress = note, progress
        self._ca_file, self._insecure_http = ca_file, insecure_http
        self._tls = _trust(ca_file) if self._scheme == "https" else None
        # Open, unused connections to the server with the proxy they use. Threads share the list; each takes one.
        self._kept: list[tuple[http.client.HTTPConnection, str]] = []

    def close(self) -> None:
        """Close idle connections. A further request opens a new one."""
        while self._kept:
            with contextlib.suppress(IndexError):
                self._kept.pop()[0].close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    @property
    def url(self) -> str:
        """The address of the server."""
        return _Where(self._scheme, self._host, self._port).url + self._base

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, **options: Any) -> Client:
        """Create a client from the environment; `options` are the arguments of the class."""
        environ = os.environ if environ is None else environ
        token, _ = _token_of(environ)
        if not environ.get("COUNTERSIGN_URL"):
            raise UsageError("Set COUNTERSIGN_URL to the address of the server, such as https://registry.example.")
        options.setdefault("ca_file", environ.get("COUNTERSIGN_CA_FILE") or None)
        return cls(environ["COUNTERSIGN_URL"], token, **options)

    # --- operations ---

    def whoami(self) -> Json:
        """Return the identity of the token: its person, scopes and limits."""
        return self._ask("GET", "/whoami").document

    def model(self, slug: str) -> Json:
        """Return a registered model."""
        return self._ask("GET", f"/models/{_segment(slug)}").document

    def ensure_model(self, slug: str, **facts: Any) -> Json:
        """Return the model of that name; register it with `facts` (title, purpose, risk_tier, team …) if it does
        not exist.
        """
        try:
            return self.model(slug)
        except ApiError as refusal:
            if refusal.status != 404:
                raise
        return self._ask("POST", "/models", body={"slug": slug, **facts}).document

    def assess(self, slug: str, answers: Mapping[str, str], *, rationale: str) -> Json:
        """Answer the current questionnaire for a model.

        Args:
            slug: the model.
            answers: answer ids by question id.
            rationale: the basis of the answers.

        Returns:
            The assessment, or the change proposal if the tier becomes less strict.
        """
        body = {"questionnaire": self.questionnaire()["revision"], "answers": dict(answers), "rationale": rationale}
        return self._ask("POST", f"/models/{_segment(slug)}/assessments", body=body).document

    def questionnaire(self) -> Json:
        """Return the current questionnaire with its questions. Raises UsageError if none is published."""
        newest = _items(self._ask("GET", "/questionnaires?limit=1").document, "items")
        if not newest:
            raise UsageError("No questionnaire is published: an officer must publish one.")
        return newest[0]

    def version(self, slug: str, number: int) -> Json:
        """Return a version with its files, metrics, card and evidence."""
        return self._ask("GET", _version(slug, number)).document

    def register(self, slug: str, files: Sequence[LocalFile], **facts: Any) -> Json:
        """Register a version by its files' digests, send missing files, and complete it.

        The same declaration by the same token returns the existing version.

        Args:
            slug: the model.
            files: files of the version.
            facts: further fields: card, metrics, datasets, parameters, code_commit …

        Returns:
            The version; `created` is false if it existed.
        """
        declared = [{"path": file.name, "sha256": file.sha256, "size": file.size} for file in files]
        answer = self._ask("POST", f"/models/{_segment(slug)}/versions", body={"artifacts": declared, **facts})
        version, created = answer.document, answer.status == 201
        if version["status"] != "registered":
            self._upload(slug, version, {file.name: file for file in files})
            version = self._ask("POST", f"{_version(slug, version['number'])}/complete").document
            version = self._registered(slug, version)
        return {**version, "created": created}

    def _upload(self, slug: str, version: Json, files: Mapping[str, LocalFile]) -> None:
        number = int(version["number"])
        try:
            orders = self._orders(slug, number)
        except ApiError as refusal:
            if refusal.code == "version_registered":
                return  # a parallel job completed the same declaration meanwhile
            raise
        for order in orders:
            if order["url"] is None:
                self._note(f"{order['path']} is {order['state']}: nothing to send.")
            elif order["with_token"]:
                if not self._upload_via_server(slug, number, files[order["path"]]):
                    return
            else:
                self._upload_presigned(slug, number, order, files[order["path"]])

    def _orders(self, slug: str, number: int, *paths: str) -> list[Json]:
        body = {"paths": list(paths)}
        return _items(self._ask("POST", f"{_version(slug, number)}/artifacts", body=body).document, "uploads")

    def _upload_via_server(self, slug: str, number: int, file: LocalFile) -> bool:
        """Send a file to the server; False if a parallel job completed the version meanwhile."""
        try:
            stored = self._ask("PUT", f"{_version(slug, number)}/artifacts/{quote(file.name)}", upload=file).document
        except ApiError as refusal:
            if refusal.code == "version_registered":
                return False
            if refusal.exit_code == UNVERIFIED:
                raise VerificationError(f"{file.path} changed while it was sent: {refusal}") from None
            raise
        if stored["sha256"] != file.sha256 or not stored["stored"]:
            raise VerificationError(
                f"The server stored {stored['sha256']} for {file.path}, whose SHA-256 is {file.sha256}."
            )
        return True

    def _upload_presigned(self, slug: str, number: int, order: Json, file: LocalFile) -> None:
        """Send a file to object storage with a presigned URL, without the token; each further attempt gets a new
        URL.
        """
        failure: ClientError = ConnectionFailedError("nothing was tried")
        for attempt in range(1, self._attempts + 1):
            try:
                status, reason = self._put(str(order["url"]), order["headers"], file)
                if status < 300:
                    return
                failure = ConnectionFailedError(f"The store of files refused {file.path} ({status} {reason}).")
                if reason in ("BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"):
                    raise VerificationError(
                        f"{file.path} changed while it was sent ({reason}). Nothing of it was kept."
                    )
                if status < 500 and status not in AGAIN and reason not in ("AccessDenied", "RequestTimeout"):
                    raise failure
            except _Lost as lost:
                failure = ConnectionFailedError(str(lost))
                if lost.for_good:
                    raise failure from None
            if attempt < self._attempts:
                self._pause(failure, attempt)
                order = self._orders(slug, number, file.name)[0]
                if order["url"] is None:
                    return  # a parallel job sent it meanwhile
        raise failure

    def _put(self, url: str, headers: Mapping[str, str], file: LocalFile) -> tuple[int, str]:
        """Send a file to another host; return the status and, if it was refused, the store's error code."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise ConnectionFailedError("The server returned an invalid upload address.") from None
        if parts.scheme not in ("http", "https") or not host:
            raise ConnectionFailedError("The server returned an invalid upload address.")
        if parts.scheme == "http" and not self._insecure_http and not _loopback(host):
            raise UsageError(
                f"Refused to send {file.path} to {host} over http://, where the network can read it. If that "
                "network is trusted, use --insecure-http."
            )
        if parts.scheme == "https" and self._tls is None:
            self._tls = _trust(self._ca_file)
        where = _Where(parts.scheme, host, port or {"http": 80, "https": 443}[parts.scheme])
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        sent = {"Host": parts.netloc, "Connection": "close", **headers, "Content-Length": str(file.size)}
        response, raw = self._exchange(where, "PUT", target, sent, file.chunks(self._progress), self._timeout)
        code = re.search(rb"<Code>([A-Za-z0-9.]{1,80})</Code>", raw[:10_000])
        return response.status, code[1].decode() if code else response.reason

    def _registered(self, slug: str, version: Json) -> Json:
        """Wait until workers have verified files sent to object storage, and the version is registered."""
        end, pause = time.monotonic() + self.patience, self._backoff
        while version["status"] != "registered":
            bad = [a for a in _items(version, "artifacts") if a.get("state") in ("refused", "failed")]
            if bad:
                raise VerificationError(" ".join(str(a.get("detail")) for a in bad))
            if time.monotonic() > end:
                raise PendingError(
                    f"Version {version['number']} of {slug} is still being read after {self.patience:.0f} s. It is "
                    "registered when that is done; the same command again waits for it."
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 10.0)
            version = self.version(slug, int(version["number"]))
        return version

    def attach_file(self, slug: str, number: int, file: LocalFile, reason: str = "") -> Json:
        """Add a file to a version that was registered by its source alone, as MLflow clients do.

        Each path can be added once, until the version is first promoted into a protected stage; repeating the same
        bytes changes nothing. If an import put the version in a protected place, the file opens a promotion request
        (`requests`) and is served only after its promotion.

        Args:
            slug: the model.
            number: the version.
            file: the file.
            reason: reason of that request; the server has a default.
        """
        where = f"{_version(slug, number)}/artifacts/{quote(file.name)}"
        try:
            query = {"sha256": file.sha256, **({"reason": reason} if reason else {})}
            stored = self._ask("PUT", where, query=query, upload=file).document
        except ApiError as refusal:
            if refusal.exit_code == UNVERIFIED:
                raise VerificationError(f"{file.path} changed while it was sent: {refusal}") from None
            raise
        if stored["sha256"] != file.sha256 or not stored["stored"]:
            raise VerificationError(
                f"The server stored {stored['sha256']} for {file.path}, whose SHA-256 is {file.sha256}."
            )
        return stored

    def put_card(self, slug: str, number: int, text: str) -> Json:
        """Write the version's model card; the same text again changes nothing."""
        return self._ask("PUT", f"{_version(slug, number)}/card", body={"text": text}).document

    def add_metrics(self, slug: str, number: int, metrics: Sequence[Mapping[str, Any]]) -> Json:
        """Add metrics, each with name and value, and optionally dataset and slice."""
        return self._ask("POST", f"{_version(slug, number)}/metrics", body={"metrics": list(metrics)}).document

    def add_evidence(self, slug: str, number: int, kind: str, file: LocalFile) -> Json:
        """Add an evidence file of a kind, such as evaluation.table. The newest of a kind counts."""
        where = f"{_version(slug, number)}/evidence/{_segment(kind)}"
        query = {"filename": file.name, "sha256": file.sha256}
        return self._ask("POST", where, query=query, upload=file).document

    def push_signals(
        self, slug: str, number: int, file: LocalFile, *, report_format: str = "countersign", **window: str
    ) -> Json:
        """Report production signals from a file.

        Args:
            slug: the model.
            number: the version.
            file: the report of a monitor.
            report_format: countersign, prometheus, evidently, nannyml, mlflow or sagemaker.
            window: source, from and to, for a report of another monitor that lacks them.

        Returns:
            The stored report: its findings, the health of the version, and the parts that were not stored.
        """
        where = f"{_version(slug, number)}/signals"
        if report_format == "countersign":
            return self._ask("POST", where, body=_document(str(file.path))).document
        return self._ask("POST", where, query={"format": report_format, **window}, upload=file).document

    def check_runs(self, slug: str, number: int, check: str) -> Json:
        """Return the newest reported runs of an external check, and `inputs_digest` of what a run would check now."""
        return self._ask("GET", f"{_version(slug, number)}/checks/{_segment(check)}/runs").document

    def report_check(
        self,
        slug: str,
        number: int,
        check: str,
        *,
        report: tuple[str, LocalFile] | None = None,
        inputs_digest: str | None = None,
        **facts: Any,
    ) -> Json:
        """Report a run of an external check: the unfinished one of this account, or else a new one.

        Args:
            slug: the model.
            number: the version.
            check: name of the check; the token must name it, too.
            report: the report of a tool: its format (sarif, junit, json) and the file.
            inputs_digest: digest of what was checked, from `check_runs`; the current one if None. It is refused if the
                version changed since.
            facts: status, progress, conclusion, summary, details_url, findings, measures.

        Returns:
            The run.
        """
        known = self.check_runs(slug, number, check)
        digest = inputs_digest or known["inputs_digest"]
        me = (self.whoami().get("person") or {}).get("id")
        run = next(
            (
                each
                for each in _items(known, "items")
                if each["status"] != "completed"
                and each["inputs_digest"] == digest
                and (each.get("reported_by") or {}).get("id") == me
            ),
            None,
        )
        if run is None:
            started = {"inputs_digest": digest, "status": "running" if facts.get("conclusion") else facts.get("status")}
            first = {name: value for name, value in started.items() if value}
            where = f"{_version(slug, number)}/checks/{_segment(check)}/runs"
            run = self._ask("POST", where, body=first).document
        where = f"/check-runs/{_segment(str(run['id']))}"
        if report is not None:
            form, file = report
            query = {"format": form, "filename": file.name}
            run = self._ask("PUT", f"{where}/attachment", query=query, upload=file).document
        rest = {name: value for name, value in facts.items() if value is not None}
        return self._ask("PATCH", where, body=rest).document if rest else run

    def request_promotion(
        self,
        slug: str,
        number: int,
        *,
        stage: str | None = None,
        alias: str | None = None,
        reason: str,
        kind: str = "ordinary",
    ) -> Json:
        """Request that a version enter a stage or get an alias; kind "rollback" takes the shorter path of the policy.

        If the same request is live, it is refused with code already_open, and `existing` has its number.
        """
        target = {name: value for name, value in (("stage", stage), ("alias", alias)) if value}
        body = {"model": slug, "version": number, "target": target, "reason": reason}
        body.update({"kind": kind} if kind != "ordinary" else {})
        return self._ask("POST", "/promotions", body=body).document

    def rollbacks(self, slug: str) -> list[Json]:
        """Return the versions that left each exclusive stage and protected alias, the last one first."""
        return _items(self._ask("GET", f"/models/{_segment(slug)}/rollbacks").document, "items")

    def simulate(
        self, slug: str, number: int, *, stage: str | None = None, alias: str | None = None, policy: str | None = None
    ) -> Json:
        """Return what would become of a promotion request, if it were made now. The server writes nothing.

        Args:
            slug: the model.
            number: the version.
            stage: the target stage; None for an alias.
            alias: the alias, without "@".
            policy: YAML of a draft, evaluated in place of the revision in force of its policy; for officers.
        """
        target = {name: value for name, value in (("stage", stage), ("alias", alias)) if value}
        body = {"model": slug, "version": number, "target": target, **({"policy": policy} if policy else {})}
        return self._ask("POST", "/simulate", body=body).document

    def promotion(self, number: int) -> Json:
        """Return a promotion request with every requirement."""
        return self._ask("GET", f"/promotions/{number}").document

    def gate(self, number: int) -> Json:
        """Return only the verdict on a request."""
        return self._ask("GET", f"/promotions/{number}/gate").document

    def follow(
        self,
        number: int,
        *,
        timeout: float,
        changed: Callable[[Json], None] = lambda document: None,
        done: Callable[[Json], bool] | None = None,
    ) -> Json:
        """Wait until a request is decided or blocked, at most `timeout` seconds.

        A temporarily unavailable server is tolerated.

        Args:
            number: the request.
            timeout: maximum seconds to wait.
            changed: called with every state, including the first.
            done: another condition to wait for.

        Returns:
            The request as of then.
        """
        end, done = time.monotonic() + timeout, done or settled
        answer = self._ask("GET", f"/promotions/{number}")
        changed(answer.document)
        away: ClientError | None = None
        while not done(answer.document) and (left := end - time.monotonic()) > 0:
            sent_at, hold = time.monotonic(), max(1, min(MAX_LONG_POLL_SECONDS, int(left)))
            try:
                response = self._ask(
                    "GET",
                    f"/promotions/{number}",
                    query={"wait": hold},
                    headers={"If-None-Match": answer.headers.get("ETag", "")},
                    timeout=hold + self._timeout,
                )
            except ClientError as failure:
                if failure.exit_code != UNREACHABLE:
                    raise
                away = failure
                self._note(f"{failure} Going on waiting for request #{number}.")
                time.sleep(
                    min(self._backoff * 2**self._attempts, MAX_BACKOFF_SECONDS, max(0.0, end - time.monotonic()))
                )
                continue
            away = None
            if response.status != 304:
                answer = response
                changed(answer.document)
            elif time.monotonic() - sent_at < 1:  # the server holds too many requests: retry at the time it gives
                time.sleep(min(_retry_after(response) or 2.0, max(0.0, end - time.monotonic())))
        if away is not None:
            raise away
        return answer.document

    def execute(self, number: int) -> Json:
        """Promote a request whose policy holds it when it is ready."""
        return self._as_read(number, "execute")

    def withdraw(self, number: int, reason: str) -> Json:
        """Withdraw a live request."""
        return self._as_read(number, "withdraw", {"reason": reason})

    def comment(self, number: int, text: str, thread: int | None = None) -> Json:
        """Comment on a promotion request, in a thread or in a new one."""
        body: Json = {"text": text} if thread is None else {"text": text, "thread": thread}
        return self._ask("POST", f"/promotions/{number}/comments", body=body).document

    def comments(self, number: int) -> list[Json]:
        """Return all comments on a promotion request, oldest first."""
        items: list[Json] = []
        query: dict[str, str] = {"limit": "100"}
        while True:
            document = self._ask("GET", f"/promotions/{number}/comments", query=query).document
            items += _items(document, "items")
            if not (cursor := str(document.get("next") or "")):
                return items
            query["cursor"] = cursor

    def notifications(self, *, unread: bool = True, reason: str | None = None, limit: int = 50) -> list[Json]:
        """Return at most `limit` notifications of the person behind the token, newest first."""
        query = {"state": "unread" if unread else "any", "limit": str(min(limit, 100))}
        if reason:
            query["reason"] = reason
        items: list[Json] = []
        while len(items) < limit:
            document = self._ask("GET", "/notifications", query=query).document
            items += _items(document, "items")
            if not (cursor := str(document.get("next") or "")):
                break
            query["cursor"] = cursor
        return items[:limit]

    def mark_notifications_read(self, ids: Sequence[str] | None = None) -> int:
        """Mark notifications as read, all of them if `ids` is None. Returns how many were unread."""
        body: Json = {"all": True} if ids is None else {"ids": list(ids)}
        return int(self._ask("POST", "/notifications/read", body=body).document["marked"])

    def _as_read(self, number: int, verb: str, body: Json | None = None) -> Json:
        tag = self._ask("GET", f"/promotions/{number}").headers.get("ETag", "")
        return self._ask("POST", f"/promotions/{number}/{verb}", body=body, headers={"If-Match": tag}).document

    def resolve(self, reference: str) -> Json:
        """Resolve a reference to a version: model/7, model@champion, model@latest, model/production."""
        return self._ask("GET", "/resolve", query={"ref": reference}).document

    def search(self, query: str, *, versions: bool = False, limit: int = 100) -> Json:
        """Search models or versions, over several pages up to the limit.

        Returns:
            {"items": […], "more": whether there are others}.
        """
        items: list[Json] = []
        cursor = ""
        while True:
            parameters = {"q": query, "limit": str(min(100, limit - len(items))), "cursor": cursor}
            answered = self._ask(
                "GET", "/versions" if versions else "/models", query={k: v for k, v in parameters.items() if v}
            ).document
            items += _items(answered, "items")
            cursor = str(answered.get("next") or "")
            if not cursor or len(items) >= limit:
                return {"items": items, "more": bool(cursor)}

    def export_events(self, file: Path, *, form: str = "jsonl", **filters: str) -> Json:
        """Write the events of the audit log that match the filters into a file.

        Args:
            file: the file; it appears when it is complete.
            form: csv or jsonl.
            filters: action, actor, thing, model, promotion, after, before and q, as for `GET /audit/events`.

        Returns:
            The last line of the file: filter, newest event of the log, number of events, SHA-256 of the lines before.

        Raises:
            VerificationError: the file was cut, or is not what its last line states.
        """
        part = file.with_name(f"{file.name}.part")
        try:
            self._download("/audit/export", {"format": form, **filters}, part)
            summary = summary_of_export(part, form)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        return summary

    # --- transport ---

    def _download(self, path: str, query: Mapping[str, str], file: Path) -> None:
        """Write the body of a response into a file, in pieces. An answer other than 200 is handled as by `_ask`."""
        where = _Where(self._scheme, self._host, self._port)
        address = f"{self._base}{PREFIX}{path}?{urlencode(query, quote_via=quote)}"
        connection, target, proxy = self._connection(where, address, self._timeout)
        headers = {"Authorization": f"Bearer {self._token}", "User-Agent": f"countersign-client/{__version__}"}
        try:
            connection.request("GET", target, headers={"Host": urlsplit(self.url).netloc, **headers})
            response = connection.getresponse()
            if response.status != 200:
                answer = self._read(response, response.read(MAX_RESPONSE_BYTES))
                raise ApiError(answer.status, answer.document)
            with file.open("wb") as stream:
                while piece := response.read(CHUNK):
                    stream.write(piece)
        except _Lost as lost:
            raise ConnectionFailedError(str(lost)) from None
        except http.client.HTTPException as error:
            raise ConnectionFailedError(f"{self.url} ended the file early ({type(error).__name__}).") from None
        except OSError as error:
            if isinstance(error, (ConnectionError, ssl.SSLError, socket.timeout, socket.gaierror, TimeoutError)):
                raise ConnectionFailedError(str(self._lost(error, self._timeout, where, proxy))) from None
            raise UsageError(f"{file} cannot be written: {error.strerror or error}.") from None
        finally:
            connection.close()

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Json | None = None,
        upload: LocalFile | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> ApiResponse:
        target = f"{self._base}{PREFIX}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        sent = {
            "Host": urlsplit(self.url).netloc,
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/json",
            "User-Agent": f"countersign-client/{__version__}",
            **(headers or {}),
        }
        payload = json.dumps(body, allow_nan=False).encode() if body is not None else b""
        if upload is not None:
            sent.update({"Content-Type": "application/octet-stream", "Content-Length": str(upload.size)})
        elif method != "GET":
            sent.update({"Content-Type": "application/json", "Content-Length": str(len(payload))})
        if method == "POST":
            sent["Idempotency-Key"] = str(uuid.uuid4())

        def chunks() -> Iterable[bytes]:
            return upload.chunks(self._progress) if upload is not None else [payload]

        for attempt in range(1, self._attempts + 1):
            retry_after = 0.0
            try:
                answer = self._once(method, target, sent, chunks, timeout or self._timeout)
                if answer.status < 400:
                    return answer
                failure: ClientError = ApiError(answer.status, answer.document)
                # Two requests with one key: the first is still running.
                if answer.status not in AGAIN and answer.document.get("code") != "idempotency_in_progress":
                    raise failure
                retry_after = _retry_after(answer)
            except _Lost as lost:
                failure = ConnectionFailedError(str(lost))
                if lost.for_good:
                    raise failure from None
            if attempt == self._attempts:
                break
            self._pause(failure, attempt, retry_after)
        raise failure

    def _pause(self, failure: ClientError, attempt: int, retry_after: float = 0.0) -> None:
        pause = self._backoff * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311 (spreads, hides nothing)
        pause = min(MAX_BACKOFF_SECONDS, max(retry_after, pause))
        self._note(f"{failure} Trying again in {pause:.1f} s ({attempt} of {self._attempts}).")
        time.sleep(pause)

    def _once(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        chunks: Callable[[], Iterable[bytes]],
        timeout: float,
    ) -> ApiResponse:
        """Send a request over an idle connection, or over a new one if the server closed that."""
        where = _Where(self._scheme, self._host, self._port)
        try:
            kept = self._kept.pop()
        except IndexError:
            kept = None
        if kept is not None:
            with contextlib.suppress(_Stale):
                return self._read(*self._exchange(where, method, target, headers, chunks(), timeout, kept=kept))
        return self._read(*self._exchange(where, method, target, headers, chunks(), timeout, keep=True))

    def _exchange(
        self,
        where: _Where,
        method: str,
        target: str,
        headers: Mapping[str, str],
        chunks: Iterable[bytes],
        timeout: float,
        *,
        keep: bool = False,
        kept: tuple[http.client.HTTPConnection, str] | None = None,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Send a request and read the response.

        Args:
            where: the server.
            method: the HTTP method.
            target: the request target.
            headers: the request headers.
            chunks: the request body.
            timeout: socket timeout in seconds.
            keep: whether the connection is kept for the next request, if the server allows it.
            kept: an idle connection to use.

        Raises:
            _Stale: the server has closed the idle connection.
        """
        connection, target, proxy = self._connection(where, target, timeout)
        if kept is not None:
            connection, proxy = kept
            connection.timeout = timeout
            if connection.sock is not None:
                connection.sock.settimeout(timeout)
        is_whole, is_answered, response = False, False, None
        try:
            connection.putrequest(method, target, skip_host=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            # If the server stops reading, it has responded already; the response says why.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for chunk in chunks:
                    connection.send(chunk)
                is_whole = True
            response = connection.getresponse()
            raw = response.read(MAX_RESPONSE_BYTES)
            is_answered = response.isclosed()
            return response, raw
        except (OSError, http.client.HTTPException) as error:
            if kept is not None and response is None and not isinstance(error, (socket.timeout, TimeoutError)):
                raise _Stale from None
            raise self._lost(error, timeout, where, proxy) from None
        finally:
            if (
                (keep or kept is not None)
                and is_whole
                and is_answered
                and response is not None
                and not response.will_close
            ):
                self._kept.append((connection, proxy))
            else:
                connection.close()

    def _connection(self, where: _Where, target: str, timeout: float) -> tuple[http.client.HTTPConnection, str, str]:
        """Return a connection, the request target and the proxy, if one is used.

        Other machines are contacted through the proxy in the environment (HTTPS_PROXY, NO_PROXY).
        """
        proxies = urllib.request.getproxies()
        proxy = proxies.get(where.scheme) or proxies.get("all") or ""
        if _loopback(where.host) or (proxy and urllib.request.proxy_bypass(f"{where.host}:{where.port}")):
            proxy = ""
        try:
            through = urlsplit(proxy if "//" in proxy else f"//{proxy}") if proxy else None
            host, port = (through.hostname or "", through.port or 8080) if through else (where.host, where.port)
        except ValueError:
            raise UsageError(
                f"The environment names a proxy for {where.scheme}:// that is not a valid address."
            ) from None
        named = f"{host}:{port}" if through else ""
        if where.scheme == "http":
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
            return connection, where.url + target if through else target, named
        secure = http.client.HTTPSConnection(host, port, timeout=timeout, context=self._tls)
        if through:
            name = unquote(through.netloc.rpartition("@")[0]).encode()
            basic = {"Proxy-Authorization": f"Basic {base64.b64encode(name).decode()}"} if name else {}
            secure.set_tunnel(where.host, where.port, basic)
        return secure, target, named

    def _lost(self, error: Exception, timeout: float, where: _Where, proxy: str) -> _Lost:
        url = self.url if where.host == self._host and where.port == self._port else where.url
        if proxy and (lost := self._lost_at_proxy(error, where, proxy)) is not None:
            return lost
        if isinstance(error, ssl.SSLCertVerificationError):
            return _Lost(
                f"The certificate of {url} is not trusted ({error.verify_message}). For a certificate authority "
                "of your own, set COUNTERSIGN_CA_FILE.",
                for_good=True,
            )
        if isinstance(error, ssl.SSLError):
            return _Lost(f"{url} does not respond with TLS as expected ({error.reason}): check the address.")
        if isinstance(error, socket.gaierror):
            return _Lost(f"There is no host {where.host} ({error.strerror}): check COUNTERSIGN_URL.")
        if isinstance(error, ConnectionRefusedError):
            return _Lost(f"Nothing listens at {url}: check that the server runs, and COUNTERSIGN_URL.")
        if isinstance(error, (socket.timeout, TimeoutError)):
            return _Lost(f"{url} did not answer within {timeout:.0f} s.")
        return _Lost(f"The connection to {url} failed ({str(error) or type(error).__name__}).")

    def _lost_at_proxy(self, error: Exception, where: _Where, proxy: str) -> _Lost | None:
        """Return what failed at the environment's proxy; None if the proxy is not the cause."""
        named = f"the proxy {proxy}, which the environment names ({where.scheme}_proxy or all_proxy)"
        way_out = f"Correct or unset it, or add {where.host} to NO_PROXY."
        if isinstance(error, socket.gaierror):
            return _Lost(f"There is no host of {named}. {way_out}")
        if isinstance(error, ConnectionRefusedError):
            return _Lost(f"Nothing listens at {named}. {way_out}")
        if str(error).startswith("Tunnel connection failed"):
            return _Lost(f"{named[0].upper()}{named[1:]}, refuses the connection to {where.host} ({error}). {way_out}")
        return None

    def _read(self, response: http.client.HTTPResponse, raw: bytes) -> ApiResponse:
        kind = response.headers.get_content_type()
        if response.status == 304:
            return ApiResponse(304, response.headers, {})
        if 300 <= response.status < 400:
            to = urlsplit(response.headers.get("Location", ""))
            raise _Lost(
                f"{self.url} redirects ({response.status}, to {to.scheme}://{to.netloc}{to.path}). The token is "
                "not sent to other addresses: set COUNTERSIGN_URL to the final address.",
                for_good=True,
            )
        try:
            document = json.loads(raw) if kind in ("application/json", "application/problem+json") else None
        except ValueError:
            document = None
        if isinstance(document, dict):
            return ApiResponse(response.status, response.headers, document)
        title = re.search(rb"(?is)<title[^<>]{0,200}>(.{1,200}?)</title>", raw[:100_000])
        shown = f" (“{_plain(title[1].decode('utf-8', 'replace'))}”)" if title else ""
        raise _Lost(
            f"{self.url} answered {response.status} with {kind}{shown} and not with JSON: a proxy, or something else "
            "than Countersign, answers there.",
            for_good=response.status not in AGAIN,
        )


def summary_of_export(file: Path, form: str) -> Json:
    """Return the last line of an export of the audit log, after the file was compared with its digest.

    Args:
        file: the export.
        form: csv or jsonl.

    Raises:
        VerificationError: there is no such line, or the lines before it have another digest.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        stream.seek(max(0, size - CHUNK))
        last = stream.read().rstrip(b"\r\n").rpartition(b"\n")[2]
        try:
            text = last.decode()
            if form == "csv":
                cells = next(csv.reader([text]), [])
                if cells[:1] != ["end of export"]:
                    raise ValueError
                pairs = [cell.partition(": ") for cell in cells[1:]]
                summary = {name: value if name == "sha256" else json.loads(value) for name, _, value in pairs}
            else:
                summary = json.loads(text)["export"]
            stated = str(summary["sha256"])
        except (ValueError, KeyError, TypeError):
            raise VerificationError("The export has no last line that states its digest: it was cut.") from None
        stream.seek(0)
        hashed, left = hashlib.sha256(), size - len(last) - (2 if form == "csv" else 1)
        while left > 0 and (piece := stream.read(min(CHUNK, left))):
            hashed.update(piece)
            left -= len(piece)
    if hashed.hexdigest() != stated:
        raise VerificationError("The lines of the export do not have the SHA-256 that its last line states.")
    return dict(summary)


@dataclass(frozen=True)
class _Where:
    """The address of a server."""

    scheme: str
    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == {"http": 80, "https": 443}[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


class _Stale(Exception):
    """The server closed the idle connection without responding to the request."""


class _Lost(Exception):
    """No response of Countersign. `for_good`: a retry would fail in the same way."""

    def __init__(self, message: str, for_good: bool = False) -> None:
        super().__init__(message)
        self.for_good = for_good


def _address(url: str, insecure_http: bool) -> tuple[str, str, int, str]:
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError("COUNTERSIGN_URL is not a valid address: write it as https://registry.example.") from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise UsageError("COUNTERSIGN_URL is not a valid address: write it as https://registry.example.")
    if parts.username or parts.password:
        raise UsageError("COUNTERSIGN_URL contains a user name or password: remove it, the token authenticates.")
    if parts.scheme == "http" and not insecure_http and not _loopback(host):
        raise UsageError(
            f"Refused to send a token to {host} over http://, where the network can read it: use https://. "
            "If that network is trusted, use --insecure-http."
        )
    base = parts.path.rstrip("/").removesuffix(PREFIX)
    return parts.scheme, host, port or {"http": 80, "https": 443}[parts.scheme], base


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _trust(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"COUNTERSIGN_CA_FILE: {ca_file} holds no certificates that can be read ({error})."
            ) from None
    return context


def _token_of(environ: Mapping[str, str], file: str = "") -> tuple[str, str]:
    """Return the token and its source. A file named on the command line precedes the environment."""
    if not file and environ.get("COUNTERSIGN_TOKEN"):
        return environ["COUNTERSIGN_TOKEN"].strip(), "COUNTERSIGN_TOKEN"
    file = file or environ.get("COUNTERSIGN_TOKEN_FILE", "")
    if not file:
        raise _NoToken(
            "Set COUNTERSIGN_TOKEN, or COUNTERSIGN_TOKEN_FILE to a file with an access token: create one on the page "
            "“Access tokens”."
        )
    try:
        return Path(file).read_text(encoding="utf-8").strip(), file
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The token file {file} cannot be read: {getattr(error, 'strerror', None) or error}") from None


class _NoToken(ClientError):
    exit_code = NOT_PERMITTED


def checks_run(document: Json) -> bool:
    """Return whether a check of the request is still running or queued, and not waiting for evidence."""
    return any(check.get("status") in ("expected", "queued", "running") for check in _items(document, "checks"))


def settled(document: Json) -> bool:
    """Return whether a request is decided, or blocked with every check completed, so that all problems are
    reported at once.
    """
    return bool(document["state"] != "open") and not (document["state"] == "blocked" and checks_run(document))


def _segment(text: str) -> str:
    return quote(text, safe="")


def _version(slug: str, number: int) -> str:
    return f"/models/{_segment(slug)}/versions/{int(number)}"


def _retry_after(answer: ApiResponse) -> float:
    """Return the seconds to wait; this server does not use the form with a date."""
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isdecimal() and len(given) < 6 else 0.0


def _items(document: Json, name: str) -> list[Json]:
    found = document.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


def _plain(text: object) -> str:
    """Return text on one line without control or invisible characters, safe for a terminal."""
    return _INVISIBLE.sub(" ", str(text)).strip()


# --- the command line ------------------------------------------------------------------------------------------------

_MARKS = {"met": "✓", "waived": "✓", "waiting": "…", "failed": "✗", "later": "·"}
_COLOURS = {"✓": "32", "…": "33", "✗": "31"}


class Console:
    """Prints results on standard output; progress and errors on standard error.

    Args:
        as_json: print results as JSON, not as tables.
        quiet: print only JSON results and errors.
        hidden: text that is never printed.
    """

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json, self.quiet, self.hidden = as_json, quiet, ""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a table without tick marks is better than an error

    def answer(self, document: Json, *lines: str) -> None:
        """Print the result of the command."""
        if self.as_json:
            self._write(sys.stdout, json.dumps(document, indent=2, ensure_ascii=False))
        elif not self.quiet:
            self._write(sys.stdout, *lines)

    def note(self, *lines: str) -> None:
        """Print progress."""
        if not self.quiet:
            self._write(sys.stderr, *lines)

    def fault(self, *lines: str) -> None:
        """Print an error."""
        self._write(sys.stderr, *lines)

    def uploading(self, name: str, sent: int, size: int) -> None:
        """Print the progress of a large file, on one line of a terminal."""
        if self.quiet or size < 8 * CHUNK or not sys.stderr.isatty():
            return
        end = "\n" if sent == size else "\r"
        print(f" … {_plain(name)}  {sent >> 20:,} of {size >> 20:,} MiB", end=end, file=sys.stderr, flush=True)

    def _write(self, stream: Any, *lines: str) -> None:
        text = "\n".join(lines)
        if self.hidden:
            text = text.replace(self.hidden, "cs_…")
        if stream.isatty() and not os.environ.get("NO_COLOR"):
            text = re.sub(r"(?m)^ ([✓…✗]) ", lambda m: f" \033[{_COLOURS[m[1]]}m{m[1]}\033[0m ", text)
        print(text, file=stream, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status."""
    options = _parser().parse_args(arguments)
    console = Console(as_json=options.json or not (options.table or sys.stdout.isatty()), quiet=options.quiet)
    client: Client | None = None
    try:
        client = None if options.command in (_scan, _decision) else _client(options, console)
        status: int = options.command(client, options, console)
        return status
    except ApiError as refusal:
        _explain(refusal, console, client, query=getattr(options, "query", ""))
        return refusal.exit_code
    except ClientError as failure:
        console.fault(f"countersign: {_plain(failure)}")
        if console.as_json:
            console.answer({"error": {"detail": _plain(failure)}})
        return failure.exit_code
    except KeyboardInterrupt:
        request = getattr(options, "following", None)
        going_on = f" Request #{request} stays as it is: countersign wait {request}" if request else ""
        console.fault(f"\ncountersign: interrupted.{going_on}")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the output closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    finally:
        if client is not None:
            client.close()


def _client(options: argparse.Namespace, console: Console) -> Client:
    token, source = _token_of(os.environ, options.token_file)
    console.hidden = token
    file = Path(source)
    if os.name == "posix" and source != "COUNTERSIGN_TOKEN" and file.is_file() and file.stat().st_mode & 0o077:
        console.note(f"countersign: others on this machine can read {source}: chmod 600 it.")
    url = options.url or os.environ.get("COUNTERSIGN_URL", "")
    if not url:
        raise UsageError(
            "Set COUNTERSIGN_URL, or use --url: the address of the server, such as https://registry.example."
        )
    return Client(
        url,
        token,
        attempts=options.attempts,
        ca_file=options.ca_file or os.environ.get("COUNTERSIGN_CA_FILE") or None,
        insecure_http=options.insecure_http,
        note=lambda text: console.note(f" … {_plain(text)}"),
        progress=console.uploading,
    )


def _explain(refusal: ApiError, console: Console, client: Client | None, *, query: str = "") -> None:
    document = refusal.document
    faults = _items(document, "errors")
    lines = [f"countersign: {_plain(document.get('title') or 'refused')} ({refusal.status} {_plain(refusal.code)})"]
    for fault in faults:
        lines += _marked(fault, query)
        lines.append(f"  {_plain(fault.get('pointer') or 'at the top')}: {_plain(fault.get('detail'))}")
    if not faults:
        lines.append(f"  {_plain(refusal)}")
    if document.get("rule"):
        lines.append(f"  rule: {_plain(document['rule'])}")
    if document.get("who_can"):
        lines.append(f"  who can help: {_names(document['who_can'])}")
    existing = document.get("existing")
    if isinstance(existing, dict) and existing.get("type") == "promotion":
        lines.append(f"  follow it: countersign wait {existing.get('id')}")
    console.fault(*lines, *requirement_lines(_items(document, "requirements")))
    if refusal.exit_code == NOT_PERMITTED and refusal.status != 401 and client is not None:
        with contextlib.suppress(ClientError):
            console.fault(*(f"  {line.strip()}" for line in _identity(client.whoami())))
    console.fault(f"  more: {_plain(document.get('type'))}  request id {_plain(document.get('request_id'))}")
    if console.as_json:
        console.answer({"error": document})


def _marked(fault: Json, query: str) -> list[str]:
    """Return the query with carets under the error."""
    offset, length = fault.get("offset"), fault.get("length")
    if not query or not isinstance(offset, int) or not isinstance(length, int):
        return []
    line = "".join(" " if _INVISIBLE.match(char) else char for char in query)
    return [f"  {line}", f"  {' ' * max(0, offset)}{'^' * max(1, min(length, 500))}"]


def requirement_lines(requirements: Iterable[Json], live: bool = True) -> list[str]:
    """Return a table of requirements: state of each; for unmet ones, how and by whom they can be fulfilled.

    Args:
        requirements: requirements of a request.
        live: whether they can still be fulfilled.
    """
    rows = list(requirements)
    width = min(48, max((len(_plain(r.get("title"))) for r in rows), default=0))
    lines = []
    for row in rows:
        state = str(row.get("state"))
        advisory = "" if row.get("required", True) else " (advisory)"
        title = f"{_plain(row.get('title')):<{width}}"
        lines.append(f" {_MARKS.get(state, '?')} {title}  {state + advisory:<8}  {_plain(row.get('detail'))}".rstrip())
        if live and state not in ("met", "waived"):
            how, who = _plain(row.get("how_to_fulfil") or ""), _names(row.get("who_can") or [])
            if how or who:
                lines.append(f"     → {how or 'can be given'}{f' (by {who})' if who else ''}")
    return lines


def _names(names: Iterable[Any]) -> str:
    return ", ".join(_plain(name) for name in names)


def _request_lines(document: Json) -> list[str]:
    return [
        f"Request #{document['id']}: {_subject(document)}",
        *requirement_lines(_items(document, "requirements"), document["live"]),
        _plain(document["headline"]),
        f"page: {_plain(document['page'])}",
    ]


def _subject(document: Json) -> str:
    target = document["target"]
    return _plain(f"{document['model']} version {document['version']} → {target['stage'] or '@' + target['alias']}")


def _identity(document: Json) -> list[str]:
    person, token = document.get("person") or {}, document.get("token") or {}
    scopes, models = document.get("scopes"), document.get("models")
    name, prefix, end = (_plain(token.get(part, "")) for part in ("name", "prefix", "expires_at"))
    return [
        f"signed in as  {_plain(person.get('name', 'nobody'))} ({_plain(person.get('username', ''))})",
        f"token         {name} ({prefix}…), until {end}",
        f"may           {_names(scopes) if scopes is not None else 'everything its person may'}",
        f"models        {_names(models) if models is not None else 'all its person sees'}",
    ]


# --- commands --------------------------------------------------------------------------------------------------------


def _whoami(client: Client, options: argparse.Namespace, console: Console) -> int:
    document = client.whoami()
    console.answer(document, *_identity(document), f"server        {client.url}")
    return DONE


def _scan(client: None, options: argparse.Namespace, console: Console) -> int:
    """Judge files of this machine; nothing is sent, so there is no client."""
    engine = _scan_engine()
    results = [engine.scan_path(path) for path in options.paths]
    if console.as_json:
        console.answer(results)  # type: ignore[arg-type]  # a list, which this command's output is
    else:
        console.answer({}, *_scan_lines(results))
    if unusable := [result for result in results if engine.is_unusable(result)]:
        console.fault(*(f"countersign: {_plain(result['findings'][0]['message'])}" for result in unusable))
        return UsageError.exit_code
    return DONE if all(result["verdict"] == "safe" for result in results) else UNEXPECTED


def _scan_lines(results: Iterable[Json]) -> list[str]:
    lines = []
    for result in results:
        mark = "✓" if result["verdict"] == "safe" else "✗"
        lines.append(f" {mark} {_plain(result['path'])}  {result['verdict']}  ({result['format']})")
        for finding in result["findings"]:
            where = f"{_plain(finding['where'])}: " if finding["where"] else ""
            lines.append(f"     {finding['severity']}  {finding['code']}  {where}{_plain(finding['message'])}")
    return lines


def _scan_engine() -> Any:
    """Import the scan engine of the installed package, or of the repository that contains this file."""
    if sys.version_info < (3, 11):
        raise UsageError("countersign scan needs Python 3.11 or newer; this is " + sys.version.split()[0] + ".")
    repository = Path(__file__).resolve().parents[1]
    if (repository / "governance" / "checks" / "scan").is_dir() and str(repository) not in sys.path:
        sys.path.append(str(repository))
    try:
        return importlib.import_module("governance.checks.scan.local_paths")
    except ImportError as error:
        raise UsageError(
            f"The scan engine cannot be imported ({error}). It is part of the package countersign: install it "
            "(pip install countersign), or run client.py from the repository with its dependencies installed."
        ) from None


def _register(client: Client, options: argparse.Namespace, console: Console) -> int:
    files, left_out = _chosen(options.files, options, console)
    facts = {**ci_facts(os.environ), **_facts_of(options)}
    evidence = [(kind, LocalFile.read(path)) for kind, path in options.evidence]
    if options.create:
        about = {n: getattr(options, n) for n in ("title", "purpose", "team", "risk_tier") if getattr(options, n)}
        client.ensure_model(options.model, **about)
    version = client.register(options.model, files, **facts)
    for kind, file in evidence:
        client.add_evidence(options.model, version["number"], kind, file)
    if evidence:
        version = {**client.version(options.model, version["number"]), "created": version["created"]}
    for text in version.get("unreadable") or []:
        console.note(f" ! {_plain(text['field'])} cannot be read: {_plain(text['detail'])}")
    console.answer(
        {**version, "left_out": left_out},
        f"{_plain(version['model'])} version {version['number']}: "
        f"{'registered' if version['created'] else 'was registered already'}, in {_plain(version['stage'])}",
        f"fingerprint  {_plain(version['fingerprint'])}",
        f"page: {_plain(version['page'])}",
    )
    _write_job_outputs({"version": version["number"], "digest": version["fingerprint"], "url": version["page"]})
    return DONE


def _assess(client: Client, options: argparse.Namespace, console: Console) -> int:
    """Without answers, print the questions; with them, submit the assessment."""
    answers = _answers_of(options)
    if not answers:
        document = client.questionnaire()
        console.answer(document, *_question_lines(document), f"answer: countersign assess {options.model} "
                       "--answer QUESTION=ANSWER … --rationale TEXT")  # fmt: skip
        return DONE
    if not options.rationale:
        raise UsageError("Give the basis of the answers with --rationale.")
    made = client.assess(options.model, answers, rationale=options.rationale)
    if "tier" in made:
        console.answer(made, f"{_plain(options.model)} is of tier {made['tier']}, with {made['points']} points")
    else:
        console.answer(made, "The tier would be less strict than the one in force, so a second person must confirm it.")
    return DONE


def _answers_of(options: argparse.Namespace) -> dict[str, str]:
    answers: dict[str, str] = {}
    if options.answers:
        given = _document(options.answers)
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            raise UsageError(f"{options.answers} must hold an object: the id of an answer by the id of its question.")
        answers.update(given)
    answers.update(options.answer)
    return answers


def _question_lines(document: Json) -> list[str]:
    lines = [f"{_plain(document['title'])}, revision {document['revision']}"]
    for question in _items(document["document"], "questions"):
        lines.append(f"{_plain(question.get('id'))}: {_plain(question.get('ask'))}")
        lines += [f"    {_plain(a.get('id'))}: {_plain(a.get('text'))}" for a in _items(question, "answers")]
    return lines


def _attach(client: Client, options: argparse.Namespace, console: Console) -> int:
    reference, paths = _reference_and_paths(options.version)
    slug, number = _which(client, reference)
    files, _ = _chosen(paths, options, console) if paths else ([], [])
    metrics, evidence = _metrics_of(options), [(kind, LocalFile.read(path)) for kind, path in options.evidence]
    if not (files or options.card or metrics or evidence):
        raise UsageError("Name what to attach: files, --card, --metric, --metrics or --evidence.")
    requests: list[int] = []
    for file in files:
        sent = client.attach_file(slug, number, file, reason=options.reason or "")
        requests = [int(url.rpartition("/")[2]) for url in sent.get("requests") or [] if isinstance(url, str)]
    if options.card:
        client.put_card(slug, number, _text(options.card))
    if metrics:
        client.add_metrics(slug, number, metrics)
    for kind, file in evidence:
        client.add_evidence(slug, number, kind, file)
    version = client.version(slug, number)
    kinds = [str(item["kind"]) for item in version["evidence"]]
    console.answer(
        version,
        f"{_plain(slug)} version {number}",
        f"files        {_names(a['path'] for a in version['artifacts']) or 'none'}",
        f"card         {'revision ' + str(version['card']['revision']) if version['card'] else 'none'}",
        f"metrics      {_names(m['name'] for m in version['metrics']) or 'none'}",
        f"evidence     {_names(kinds) or 'none'}",
        f"fingerprint  {_plain(version['fingerprint'])}",
        *_approval_lines(version),
        *(f"request      #{number} requests its approval again: countersign wait {number}" for number in requests),
    )
    return DONE


def _signals(client: Client, options: argparse.Namespace, console: Console) -> int:
    reference, paths = _reference_and_paths(options.version)
    if len(paths) != 1:
        raise UsageError("Name one report: countersign signals push MODEL/VERSION FILE.")
    window = {"source": options.source, "from": options.window_from, "to": options.window_to}
    given = {name: value for name, value in window.items() if value}
    if given and options.format == "countersign":
        raise UsageError("--source, --from and --to belong to reports of other monitors: give them in the file.")
    slug, number = _which(client, reference)
    made = client.push_signals(slug, number, LocalFile.read(paths[0]), report_format=options.format, **given)
    findings = ", ".join(f"#{finding}" for finding in made["findings"]) or "none"
    console.answer(
        made,
        f"{_plain(slug)} version {number}",
        f"signals      {made['signals']} from {_plain(made['source'])}, to {_plain(made['to'])}",
        f"not stored   {made['unread_total'] or 'nothing'}",
        *(f"             {_plain(part['where'])}: {_plain(part['reason'])}" for part in _items(made, "unread")[:10]),
        f"findings     {findings}",
        f"health       {_plain(made['health'])}",
    )
    return DONE


def _reference_and_paths(given: Sequence[str]) -> tuple[str, list[str]]:
    """Split MODEL NUMBER PATH…, as error messages write it, or MODEL/NUMBER PATH…."""
    first, *rest = given
    if "/" in first or "@" in first:
        return first, rest
    if not rest or not (rest[0].isascii() and rest[0].isdecimal()):
        raise UsageError(f"Name the version: {first} NUMBER, or {first}/NUMBER.")
    return f"{first}/{rest[0]}", rest[1:]


def _promote(client: Client, options: argparse.Namespace, console: Console) -> int:
    slug, number = _which(client, options.version)
    target = {"alias": options.to[1:]} if options.to.startswith("@") else {"stage": options.to}
    try:
        document = client.request_promotion(slug, number, reason=options.reason, **target)
    except ApiError as refusal:
        way = [str(stage) for stage in refusal.document.get("way") or []]
        if refusal.code == "illegal_move" and len(way) > 1:
            if not options.wait:
                raise _Way(refusal, f"countersign promote {slug}/{number} --to {way[0]} … or add --wait") from None
            return _promote_along(client, slug, number, way, options, console)
        if refusal.code == "already_there":
            console.answer({**refusal.document, "state": "promoted"}, _plain(refusal))
            return DONE
        if refusal.code != "already_open" or not options.follow_existing:
            raise
        document = client.promotion(refusal.document["existing"]["id"])
        console.note(f" … following request #{document['id']}, which requests the same")
    if options.wait:
        return _follow(client, document["id"], options, console)
    _print_request(document, console)
    # The request is open and nothing has failed yet; --wait waits for the verdict.
    return DONE if document["state"] == "open" else EXIT_BY_STATE.get(document["state"], UNEXPECTED)


def _rollback(client: Client, options: argparse.Namespace, console: Console) -> int:
    """Request the rollback of a place to the version that held it before, or to the version that is named."""
    kind, name = ("alias", options.to[1:]) if options.to.startswith("@") else ("stage", options.to)
    place = {kind: name}
    if "/" in options.model:
        slug, number = _which(client, options.model)
    else:
        slug = options.model
        rows = [row for row in client.rollbacks(slug) if row["target"][kind] == name]
        if not rows:
            console.fault(f"No version of {_plain(slug)} was approved in {_plain(options.to)} before.")
            return UNPROMOTABLE
        number = int(rows[0]["version"])
    document = client.request_promotion(slug, number, reason=options.reason, kind="rollback", **place)
    if options.wait:
        return _follow(client, document["id"], options, console)
    _print_request(document, console)
    return DONE if document["state"] == "open" else EXIT_BY_STATE.get(document["state"], UNEXPECTED)


EXIT_BY_OUTCOME = {
    "immediate": DONE,
    "passes": DONE,
    "missing": REJECTED,
    "unknown": WAITING,
    "unreachable": UNPROMOTABLE,
}
"""Exit status by the outcome of a simulation."""
_OUTCOMES = {
    "immediate": "it would be carried out at once",
    "passes": "every required check has passed; only approvals remain",
    "missing": "something has to be added or repaired first",
    "unknown": "required checks have no result on these inputs",
    "unreachable": "it is not reachable",
}


def _simulate(client: Client, options: argparse.Namespace, console: Console) -> int:
    slug, number = _which(client, options.version)
    target = {"alias": options.to[1:]} if options.to.startswith("@") else {"stage": options.to}
    draft = _text(options.policy) if options.policy else None
    document = client.simulate(slug, number, policy=draft, **target)
    outcome = str(document["outcome"])
    steps = [
        {**row, "id": row.get("title"), "how_to_fulfil": row.get("command") or ""}
        for row in _items(document, "steps")
        if row.get("check")
    ]
    groups = [
        f" {group['count']} of {_plain(group['group'])}: {_names(group['may_approve']) or 'no member may approve'}"
        for group in _items(document, "asked")
    ]
    console.answer(
        document,
        f"{_plain(document['model'])} version {document['version']} to {_plain(document['name'])}: "
        f"{_plain(outcome)}, {_OUTCOMES.get(outcome, 'unknown outcome')}",
        *(f" ✗ {_plain(why)}" for why in document["obstacles"]),
        *requirement_lines(steps),
        *(["who would be asked to approve:", *groups] if groups else []),
        *(
            f"policy    {_plain(one['slug'])}, {'the draft' if document['draft'] == one['slug'] else 'in force'}"
            for one in _items(document, "policies")
        ),
    )
    return EXIT_BY_OUTCOME.get(outcome, UNEXPECTED)


class _Way(ApiError):
    """There is no direct transition: the error with the command for the first step."""

    def __init__(self, refusal: ApiError, command: str) -> None:
        super().__init__(refusal.status, {**refusal.document, "detail": f"{refusal} First: {command}"})


def _promote_along(
    client: Client, slug: str, number: int, way: Sequence[str], options: argparse.Namespace, console: Console
) -> int:
    """Request each stage on the path to the target, and wait for each; stop if one is not promoted."""
    console.note(f" … there is no direct transition: {' → '.join(map(_plain, way))}")
    status = DONE
    for stage in way:
        step = argparse.Namespace(**{**vars(options), "to": stage, "version": f"{slug}/{number}"})
        status = _promote(client, step, console)
        if status != DONE:
            break
        if stage != way[-1] and client.version(slug, number)["stage"] != stage:
            return WAITING  # approved, waiting for manual release
    return status


def _wait(client: Client, options: argparse.Namespace, console: Console) -> int:
    return _follow(client, options.request, options, console)


def _follow(client: Client, number: int, options: argparse.Namespace, console: Console) -> int:
    options.following = number
    seen: dict[str, str] = {}

    def changed(document: Json) -> None:
        requirements = _items(document, "requirements")
        updated = [r for r in requirements if seen.get(str(r.get("id"))) != str((r.get("state"), r.get("detail")))]
        seen.update({str(r.get("id")): str((r.get("state"), r.get("detail"))) for r in requirements})
        console.note(*(requirement_lines(updated)))

    document = client.follow(number, timeout=options.timeout, changed=changed)
    _print_request(document, console)
    if not settled(document):
        console.note(f" … not decided within {options.timeout:.0f} s. Go on with: countersign wait {number}")
    return EXIT_BY_STATE.get(document["state"], UNEXPECTED)


def _check_report(client: Client, options: argparse.Namespace, console: Console) -> int:
    reports = [(form, path) for form in _REPORT_FORMS if (path := getattr(options, f"report_{form}"))]
    if len(reports) > 1:
        raise UsageError("Name one report: --sarif, --junit or --report-json.")
    if not options.conclusion and not (options.status or options.progress or reports):
        raise UsageError("Give the result with --conclusion, or the progress with --status or --progress.")
    document = client.report_check(
        options.model,
        options.version,
        options.check,
        report=(reports[0][0], LocalFile.read(reports[0][1])) if reports else None,
        inputs_digest=options.inputs,
        conclusion=options.conclusion,
        status=options.status,
        progress=options.progress,
        summary=options.summary,
        details_url=options.details_url,
    )
    if not document["required_by"]:
        console.note(f" … no policy in force requires {_plain(options.check)} as an external check")
    shown = document["conclusion"] or document["status"]
    console.answer(
        document,
        f"{_plain(document['check'])} on {_plain(document['model'])} version {document['version']}: {_plain(shown)}",
        *([f"summary   {_plain(document['summary'])}"] if document["summary"] else []),
        *(
            f" {_plain(finding.get('severity'))}  {_plain(finding.get('code'))}  {_plain(finding.get('message'))}"
            for finding in _items(document, "findings")[:20]
        ),
        f"inputs    {_plain(document['inputs_digest'])}",
    )
    return DONE


_REPORT_FORMS = ("sarif", "junit", "json")


def _gate(client: Client, options: argparse.Namespace, console: Console) -> int:
    document = client.gate(options.request)
    if document["live"]:
        document["requirements"] = client.promotion(options.request)["requirements"]
    unmet = [row for row in _items(document, "requirements") if row.get("state") not in ("met", "waived")]
    console.answer(document, _plain(document["state"]), *requirement_lines(unmet), f"page: {_plain(document['page'])}")
    return EXIT_BY_STATE.get(document["state"], UNEXPECTED)


def _execute(client: Client, options: argparse.Namespace, console: Console) -> int:
    document = client.execute(options.request)
    _print_request(document, console)
    return EXIT_BY_STATE.get(document["state"], UNEXPECTED)


def _withdraw(client: Client, options: argparse.Namespace, console: Console) -> int:
    _print_request(client.withdraw(options.request, options.reason), console)
    return DONE


def _comment(client: Client, options: argparse.Namespace, console: Console) -> int:
    text = sys.stdin.read() if options.text == "-" else options.text
    made = client.comment(options.request, text, options.thread)
    unknown = ", ".join(f"@{_plain(name)}" for name in made.get("unknown_mentions") or ())
    console.answer(
        made,
        f"comment {made['id']} in thread {made['thread']} of #{options.request}",
        *([f" ! no account that may see the model: {unknown}"] if unknown else []),
    )
    return DONE


def _comments(client: Client, options: argparse.Namespace, console: Console) -> int:
    found = client.comments(options.request)
    console.answer({"items": found}, *(line for one in found for line in _comment_lines(one)))
    return DONE


def _comment_lines(comment: Json) -> list[str]:
    """Return a comment as lines: who and when, then the text, indented."""
    marks = " (withdrawn)" if comment.get("withdrawn_at") else " (edited)" if comment.get("earlier") else ""
    head = (
        f"{_plain(comment['author']['name'])}, {_plain(comment['posted_at'])[:16]}, thread {comment['thread']}{marks}"
    )
    return [head, *(f"    {_plain(line)}" for line in str(comment["text"]).splitlines())]


def _notifications(client: Client, options: argparse.Namespace, console: Console) -> int:
    found = client.notifications(unread=not options.all, reason=options.reason, limit=options.limit)
    lines = []
    for one in found:
        mark = "  " if one.get("read_at") else " •"
        lines += [
            f"{mark} {_plain(one['created_at'])[:16]}  {_plain(one['title'])}",
            f"     {_plain(one['because'])} {_plain(one['page'])}",
        ]
    console.answer({"items": found}, *(lines or ["no notifications" if options.all else "no unread notifications"]))
    if options.mark_read and found:
        client.mark_notifications_read([str(one["id"]) for one in found if not one.get("read_at")])
    return DONE


def _resolve(client: Client, options: argparse.Namespace, console: Console) -> int:
    document = client.resolve(options.reference)
    verified = verify(document, Path(options.verify)) if options.verify else 0
    console.answer(
        document,
        f"{_plain(document['model'])} version {document['version']}, in {_plain(document['stage'])}"
        + "".join(f", @{_plain(alias)}" for alias in document["aliases"]),
        f"fingerprint  {_plain(document['fingerprint'])}",
        *_approval_lines(document),
        *(f" {_plain(a['sha256'])}  {a['size']:>14,}  {_plain(a['path'])}" for a in document["artifacts"]),
        *(f" ✗ not approved: {_plain(a['path'])}" for a in _items(document, "unapproved_files")),
        *([f" ✓ {verified} files below {options.verify} are these, byte for byte"] if options.verify else []),
    )
    approved = document.get("approved_fingerprint") or ""
    _write_job_outputs({"version": document["version"], "digest": document["fingerprint"], "approved-digest": approved})
    return DONE


def _approval_lines(document: Json) -> list[str]:
    """Return what was approved of a version in the protected places it holds, and what was added since."""
    lines = []
    for place in _items(document, "places"):
        name = _plain(place.get("stage") or f"@{place.get('alias')}")
        request = _plain(str(place.get("request")).rpartition("/")[2])
        approved = place.get("approved_fingerprint")
        lines.append(
            f"approved     {_plain(approved)} for {name} by request #{request}"
            if approved
            else f"approved     by no review here: in {name} since before governance, request #{request}"
        )
        if not place.get("deviates"):
            continue
        lines.append(f" ✗ {name}: added to since, so its fingerprint is not the one on record")
        for added in _items(place, "later_additions"):
            adder = added.get("added_by")
            by = _plain(adder.get("name")) if isinstance(adder, dict) else ""
            what = f"{_plain(added.get('kind'))} {_plain(added.get('what'))}"
            lines.append(f"     {what}  {_plain(added.get('added_at'))}, {by}")
        again = place.get("reapproval")
        if again:
            lines.append(f"     request #{_plain(str(again).rpartition('/')[2])} asks to approve it there again")
        else:
            lines.append(f"     → approve it there again: countersign promote … --to {name} --reason …")
    return lines


def _search(client: Client, options: argparse.Namespace, console: Console) -> int:
    found = client.search(options.query, versions=options.versions, limit=options.limit)
    items = _items(found, "items")
    if options.versions:
        rows = [
            (f"{i['model']}/{i['number']}", _plain(i["stage"]), " ".join(f"@{_plain(a)}" for a in i["aliases"]))
            for i in items
        ]
    else:
        rows = [
            (i["slug"], f"tier {i['risk_tier'] or '-'}", f"v{i['latest_version'] or '-'}  {_plain(i['title'])}")
            for i in items
        ]
    wide = [min(60, max((len(_plain(row[n])) for row in rows), default=0)) for n in (0, 1)]
    console.answer(
        found,
        *(f"{_plain(a):{wide[0]}}  {b:{wide[1]}}  {c}".rstrip() for a, b, c in rows),
        *([] if rows else ["nothing you can see fits"]),
        *(["… and more: --limit shows them"] if found["more"] else []),
    )
    return DONE


def verify(resolved: Json, folder: Path) -> int:
    """Compare the files below a folder with a version's digests.

    Args:
        resolved: the resolved version.
        folder: the folder.

    Returns:
        The number of files.

    Raises:
        VerificationError: a file is missing, different, or not part of the version.
        UsageError: it is not a folder.
    """
    recorded = {str(a["path"]): str(a["sha256"]) for a in resolved["artifacts"]}
    # Every file, links included: nothing in the folder is skipped.
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.")
    below = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    files = [LocalFile.read(path.resolve(), path.relative_to(folder).as_posix()) for path in below]
    present = {file.name: file.sha256 for file in files}
    wrong = [f"{path} is missing" for path in sorted(recorded.keys() - present.keys())]
    wrong += [f"{path} is not the version's" for path in sorted(present.keys() - recorded.keys())]
    wrong += [
        f"{path} has SHA-256 {present[path]} and not {recorded[path]}"
        for path in sorted(recorded.keys() & present.keys())
        if present[path] != recorded[path]
    ]
    if wrong:
        raise VerificationError(
            f"{folder} does not hold {resolved['model']} version {resolved['version']}: {'; '.join(wrong)}."
        )
    return len(present)


# --- decision signatures: verified with the standard library alone ---

DECISION_FORMAT = "countersign.decision/1"
DECISION_PREDICATE = "urn:countersign:decision:1"
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_MAX_DECISION_BYTES = 1 << 20
_ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")
_P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_RSA_OID = bytes.fromhex("300d06092a864886f70d0101010500")
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
ATTESTED = (
    "The holder of the decision key states that this person was authenticated again and signed this statement. It does "
    "not prove it against the holder of that key."
)
SIGNED_BY_PASSKEY = (
    "A device with the private key of this passkey verified its user and signed this statement. The server cannot make "
    "that signature. The decision key states whose passkey it is."
)


def verify_decision(
    document: Any, keys: Iterable[bytes], *, packet: bytes | None = None, passkeys: Iterable[bytes] = ()
) -> Json:
    """Verify the file of a decision signature (docs/decision-signatures.md) without the server.

    Args:
        document: the parsed file.
        keys: trusted decision keys, as SubjectPublicKeyInfo in DER. Keys in the file are not trusted.
        packet: bytes of the evidence package; its digest is compared with the signed one.
        passkeys: trusted public keys of passkeys in the same form; empty: the attestation says whose passkey it is.

    Returns:
        `proof` ("passkey" or "attestation"), `proves`, `statement`, `decision_key` and `passkey` (key ids).

    Raises:
        VerificationError: it does not hold; the message says why.
    """
    if not isinstance(document, dict) or document.get("format") != DECISION_FORMAT:
        raise VerificationError(f"This is no file of a decision signature of the format {DECISION_FORMAT}.")
    raw = _decoded_member(document, "statement")
    statement = _canonical_statement(raw)
    predicate = statement["predicate"]
    method, signed = predicate.get("method"), statement["subject"][0]["digest"]["sha256"]
    if packet is not None and hashlib.sha256(packet).hexdigest() != signed:
        raise VerificationError(f"The evidence package is not the one that was signed, which has the SHA-256 {signed}.")
    comment = document.get("comment")
    if not isinstance(comment, str) or _sha256_of(comment) != predicate.get("comment_sha256"):
        raise VerificationError("The comment is not the one that was signed.")
    attesting = _attesting_key(_object_member(document, "attestation"), raw, keys)
    found: Json = {"statement": statement, "decision_key": hashlib.sha256(attesting).hexdigest(), "passkey": None}
    assertion = document.get("assertion")
    if (method == "passkey") != (assertion is not None):
        raise VerificationError("The method of the statement is passkey if and only if the file has an assertion.")
    if assertion is None:
        return {"proof": "attestation", "proves": ATTESTED, **found}
    found["passkey"] = _asserting_key(assertion, raw, predicate.get("passkeys"), list(passkeys))
    return {"proof": "passkey", "proves": SIGNED_BY_PASSKEY, **found}


def _canonical_statement(raw: bytes) -> Json:
    try:
        statement = json.loads(raw)
        written = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        is_statement = (
            written.encode() == raw
            and statement["_type"] == "https://in-toto.io/Statement/v1"
            and statement["predicateType"] == DECISION_PREDICATE
            and isinstance(statement["predicate"], dict)
            and len(statement["subject"]) == 1
            and re.fullmatch("[0-9a-f]{64}", statement["subject"][0]["digest"]["sha256"]) is not None
        )
    except (ValueError, LookupError, TypeError, RecursionError):
        is_statement = False
    if not is_statement:
        raise VerificationError("The statement is not a statement of a decision in canonical JSON.")
    return dict(statement)


def _attesting_key(envelope: Json, raw: bytes, keys: Iterable[bytes]) -> bytes:
    """Return the trusted key that signed the DSSE envelope over the statement."""
    if envelope.get("payloadType") != _PAYLOAD_TYPE or _decoded_member(envelope, "payload") != raw:
        raise VerificationError("The attestation is of another statement.")
    message = b"DSSEv1 %d %b %d %b" % (len(_PAYLOAD_TYPE), _PAYLOAD_TYPE.encode(), len(raw), raw)
    signatures = envelope.get("signatures")
    given = [_decoded_member(one, "sig") for one in signatures[:20]] if isinstance(signatures, list) else []
    for key in keys:
        if any(is_signature(key, signature, message) for signature in given):
            return key
    raise VerificationError(
        "No trusted decision key made this attestation. The file names the key "
        + ", ".join(_plain(one.get("keyid")) for one in (signatures or ())[:20] if isinstance(one, dict))
        + "."
    )


def _asserting_key(assertion: Any, raw: bytes, stated: Any, trusted: Sequence[bytes]) -> str:
    """Return the key id of the passkey whose assertion is over the statement (Web Authentication, 7.2)."""
    if not isinstance(assertion, dict):
        raise VerificationError("The assertion is not an object.")
    key = read_spki(str(assertion.get("public_key")))
    key_id = hashlib.sha256(key).hexdigest()
    if not isinstance(stated, list) or key_id not in stated:
        raise VerificationError("The statement does not name the passkey of the assertion.")
    if trusted and key not in trusted:
        raise VerificationError("The assertion is by another passkey than the trusted ones.")
    authenticator, client = _decoded_member(assertion, "authenticator_data"), _decoded_member(assertion, "client_data")
    try:
        client_data = json.loads(client)
        kind, challenge, origin = client_data["type"], client_data["challenge"], client_data["origin"]
    except (ValueError, LookupError, TypeError):
        raise VerificationError("The client data of the assertion are not JSON with type, challenge, origin.") from None
    expected = base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=").decode()
    if kind != "webauthn.get" or challenge != expected:
        raise VerificationError("The passkey signed another challenge than the SHA-256 of the statement.")
    if origin != assertion.get("origin"):
        raise VerificationError("The assertion was made for another origin than the file names.")
    if len(authenticator) < 37 or authenticator[:32].hex() != _sha256_of(str(assertion.get("rp_id"))):
        raise VerificationError("The assertion was made for another relying party than the file names.")
    if authenticator[32] & 0b101 != 0b101:
        raise VerificationError("The device did not verify its user (flags UP and UV).")
    if not is_signature(key, _decoded_member(assertion, "signature"), authenticator + hashlib.sha256(client).digest()):
        raise VerificationError("The signature of the passkey is wrong.")
    return key_id


def _object_member(document: Json, name: str) -> Json:
    found = document.get(name)
    if not isinstance(found, dict):
        raise VerificationError(f"The file has no object “{name}”.")
    return found


def _decoded_member(document: Any, name: str) -> bytes:
    try:
        return base64.b64decode(document[name], validate=True)
    except (ValueError, LookupError, TypeError):
        raise VerificationError(f"The member “{name}” is missing or is not Base64.") from None


def _sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_spki(pem: str) -> bytes:
    """Return the SubjectPublicKeyInfo in DER of one PUBLIC KEY in PEM. Raises VerificationError if it is none."""
    found = re.fullmatch(
        r"\s*-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]{1,4000})-----END PUBLIC KEY-----\s*", pem[:5000]
    )
    try:
        if found is not None:
            return base64.b64decode("".join(found[1].split()), validate=True)
    except ValueError:
        pass
    raise VerificationError("A public key is not a “PUBLIC KEY” in PEM.")


def is_signature(key: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether a signature over the message was made with the private half of a key.

    Args:
        key: SubjectPublicKeyInfo in DER: Ed25519, ECDSA on P-256 with SHA-256, or RSA with PKCS #1 v1.5 and SHA-256.
        signature: 64 bytes for Ed25519, DER for ECDSA, as many bytes as the modulus for RSA.
        message: the signed bytes.
    """
    if len(key) == 44 and key.startswith(_ED25519_SPKI):
        return _ed25519(key[12:], signature, message)
    if len(key) == 91 and key.startswith(_P256_SPKI):
        return _ecdsa_p256(key[27:], signature, message)
    return _rsa(key, signature, message)


_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_Point = tuple[int, int, int, int]


def _ed25519(key: bytes, signature: bytes, message: bytes) -> bool:
    """Source: RFC 8032, 5.1.7, and its appendix A, without the cofactor."""
    public, s = _ed_point(key), int.from_bytes(signature[32:], "little")
    if public is None or len(signature) != 64 or s >= _L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % _L
    base = _ed_point(bytes.fromhex("58" + "66" * 31))
    assert base is not None
    x, y, z, t = _ed_times(h, public)
    computed = _ed_sum(_ed_times(s, base), (-x % _P, y, z, -t % _P))
    inverse = pow(computed[2], _P - 2, _P)
    x, y = computed[0] * inverse % _P, computed[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


def _ed_point(encoded: bytes) -> _Point | None:
    """Return a point in extended coordinates; None if it is none, or of small order."""
    value = int.from_bytes(encoded, "little")
    y, sign = value & ((1 << 255) - 1), value >> 255
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else -x % _P
    point = (x, y, 1, x * y % _P)
    eight = _ed_times(8, point)
    return None if eight[0] == 0 and eight[1] == eight[2] else point


def _ed_sum(p: _Point, q: _Point) -> _Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _ed_times(number: int, point: _Point) -> _Point:
    total: _Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = _ed_sum(total, point)
        point, number = _ed_sum(point, point), number >> 1
    return total


_Q = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    1,
)


def _ecdsa_p256(key: bytes, signature: bytes, message: bytes) -> bool:
    """Source: FIPS 186-5, 6.4.2; SP 800-186 for the curve."""
    x, y = int.from_bytes(key[:32], "big"), int.from_bytes(key[32:], "big")
    numbers = _der_integers(signature)
    if x >= _Q or y >= _Q or (y * y - x * x * x + 3 * x - _B) % _Q or numbers is None or len(numbers) != 2:
        return False
    r, s = numbers
    if not (0 < r < _N and 0 < s < _N):
        return False
    inverse = pow(s, _N - 2, _N)
    e = int.from_bytes(hashlib.sha256(message).digest(), "big")
    total = _ec_sum(_ec_times(e * inverse % _N, _G), _ec_times(r * inverse % _N, (x, y, 1)))
    if total[2] == 0:
        return False
    return total[0] * pow(total[2], -2 % (_Q - 1), _Q) % _Q % _N == r


def _ec_sum(p: tuple[int, int, int], q: tuple[int, int, int]) -> tuple[int, int, int]:
    """Add two points of P-256 in Jacobian coordinates; z is 0 at infinity."""
    if p[2] == 0 or q[2] == 0:
        return q if p[2] == 0 else p
    a, b = p[2] * p[2] % _Q, q[2] * q[2] % _Q
    u, v = p[0] * b % _Q, q[0] * a % _Q
    s, t = p[1] * b * q[2] % _Q, q[1] * a * p[2] % _Q
    if u == v:
        if s != t or p[1] == 0:
            return (1, 1, 0)
        m = 3 * (p[0] - a) * (p[0] + a) % _Q
        w = 4 * p[0] * p[1] * p[1] % _Q
        x = (m * m - 2 * w) % _Q
        return (x, (m * (w - x) - 8 * pow(p[1], 4, _Q)) % _Q, 2 * p[1] * p[2] % _Q)
    h, r = v - u, t - s
    x = (r * r - h * h * h - 2 * u * h * h) % _Q
    return (x, (r * (u * h * h - x) - s * h * h * h) % _Q, h * p[2] * q[2] % _Q)


def _ec_times(number: int, point: tuple[int, int, int]) -> tuple[int, int, int]:
    total = (1, 1, 0)
    while number:
        if number & 1:
            total = _ec_sum(total, point)
        point, number = _ec_sum(point, point), number >> 1
    return total


def _rsa(key: bytes, signature: bytes, message: bytes) -> bool:
    """Source: RFC 8017, 8.2.2: the expected block is compared as a whole."""
    outer = _der_content(key, 0x30)
    bits = _der_content(outer[len(_RSA_OID) :], 0x03) if outer and outer.startswith(_RSA_OID) else None
    numbers = _der_integers(bits[1:]) if bits and bits[0] == 0 else None
    if numbers is None or len(numbers) != 2:
        return False
    modulus, exponent = numbers
    size = (modulus.bit_length() + 7) // 8
    if not 2048 <= modulus.bit_length() <= 8192 or not 3 <= exponent < 2**33 or len(signature) != size:
        return False
    block = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    tail = _SHA256_INFO + hashlib.sha256(message).digest()
    return block == b"\x00\x01" + b"\xff" * (size - len(tail) - 3) + b"\x00" + tail


def _der_content(encoded: bytes, tag: int) -> bytes | None:
    """Return the content of one DER value that fills the bytes; None if it is none."""
    if len(encoded) < 2 or encoded[0] != tag:
        return None
    length, begin = encoded[1], 2
    if length > 0x82 or length == 0x80:
        return None
    if length > 0x80:
        begin += length - 0x80
        length = int.from_bytes(encoded[2:begin], "big")
    return encoded[begin:] if len(encoded) == begin + length else None


def _der_integers(encoded: bytes) -> list[int] | None:
    """Return the positive integers of a DER sequence of integers."""
    rest, found = _der_content(encoded, 0x30), []
    while rest:
        long_form = len(rest) > 1 and rest[1] > 0x80
        head = 2 + (rest[1] - 0x80 if long_form and rest[1] <= 0x82 else 0)
        size = int.from_bytes(rest[2:head], "big") if long_form else rest[1] if len(rest) > 1 else 0
        content = _der_content(rest[: head + size], 0x02)
        if not content or content[0] & 0x80 or (len(content) > 1 and content[0] == 0 and not content[1] & 0x80):
            return None
        found.append(int.from_bytes(content, "big"))
        rest = rest[head + size :]
    return found


def _keys_in(path: str) -> list[bytes]:
    """Return the public keys of a PEM file, one or more."""
    blocks = re.findall(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", _text(path)[:100_000], re.DOTALL)
    if not blocks:
        raise UsageError(f"{path} has no “PUBLIC KEY” in PEM.")
    return [read_spki(block) for block in blocks]


def _decision(client: None, options: argparse.Namespace, console: Console) -> int:
    """Verify the file of a decision signature; no server is asked."""
    if os.path.exists(options.file) and os.path.getsize(options.file) > _MAX_DECISION_BYTES:
        raise UsageError(f"{options.file} is larger than the file of a decision signature can be.")
    packet = None
    if options.packet:
        try:
            packet = Path(options.packet).read_bytes()
        except OSError as error:
            raise UsageError(f"{options.packet} cannot be read: {error.strerror or error}") from None
    found = verify_decision(
        _document(options.file),
        _keys_in(options.key),
        packet=packet,
        passkeys=_keys_in(options.passkey) if options.passkey else (),
    )
    console.answer({"verified": True, **found}, *decision_lines(found, packet_verified=packet is not None))
    return DONE


def decision_lines(found: Json, *, packet_verified: bool) -> list[str]:
    """Describe a verified decision signature, one line each fact."""
    statement = found["statement"]
    p, digest = statement["predicate"], statement["subject"][0]["digest"]["sha256"]
    signer = p.get("signer") if isinstance(p.get("signer"), dict) else {}
    place = f" in the place of {_plain(p['on_behalf_of'])}" if p.get("on_behalf_of") else ""
    proof = (
        f"signed with the passkey {found['passkey'][:12]}"
        if found["proof"] == "passkey"
        else f"attested by the decision key {found['decision_key'][:12]}; authenticated by {_plain(p.get('method'))}"
    )
    return [
        f" ✓ Verified: {proof}",
        f"   {_plain(signer.get('name'))} ({_plain(signer.get('uid'))}){place}: {_plain(p.get('outcome'))}",
        f"   request #{_plain(p.get('request'))}, {_plain(p.get('model'))} version {_plain(p.get('version'))}",
        f"   “{_plain(p.get('meaning'))}” at {_plain(p.get('signed_at'))}",
        f"   evidence package {digest}" + (" (compared)" if packet_verified else " (not given: --packet FILE)"),
        f"   {found['proves']}",
    ]


LEFT_OUT = (
    *(".git", ".hg", ".svn", ".env", ".env.*", ".netrc", ".pypirc", ".aws", ".ssh", ".venv", "__pycache__", "*.pyc"),
    *(
        ".ipynb_checkpoints",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".DS_Store",
        "Thumbs.db",
        ".countersignignore",
    ),
)
"""Patterns of files that are never part of a version, unless a pattern that begins with ! includes them."""
IGNORE_FILE = ".countersignignore"


class Selection:
    """Selects the files of a folder that are sent: all but those excluded by a pattern.

    A pattern is compared with the name of each file and folder, or, if it contains a slash, with the path in the
    folder; `*` and `?` are wildcards. A pattern that begins with `!` includes again what an earlier one excludes.

    Args:
        patterns: applied after those of LEFT_OUT and of the folder's .countersignignore.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._patterns = tuple(patterns)
        self.left_out: list[str] = []

    def files(self, folder: Path) -> list[LocalFile]:
        """Return the files of a folder, by their path in it; add excluded ones to `left_out`. Raises UsageError."""
        patterns = [*LEFT_OUT, *_lines_of(folder / IGNORE_FILE), *self._patterns]
        found: list[LocalFile] = []
        waiting = [folder]
        while waiting:
            here = waiting.pop()
            try:
                entries = sorted(here.iterdir())
            except OSError as error:
                raise UsageError(f"{here} cannot be read: {error.strerror or error}") from None
            for path in entries:
                name = path.relative_to(folder).as_posix()
                is_folder = path.is_dir() and not path.is_symlink()
                if _is_left_out(name, patterns):
                    self.left_out.append(f"{name}/" if is_folder else name)
                elif is_folder:
                    waiting.append(path)
                else:
                    found.append(LocalFile.read(path, name))
        return sorted(found, key=lambda file: file.name)


def _is_left_out(name: str, patterns: Iterable[str]) -> bool:
    left_out = False
    for given in patterns:
        takes_back = given.startswith("!")
        pattern = given[1:] if takes_back else given
        pattern = pattern.rstrip("/")
        compared = name if "/" in pattern else name.rpartition("/")[2]
        if fnmatch.fnmatchcase(compared, pattern.lstrip("/")):
            left_out = not takes_back
    return left_out


def _lines_of(file: Path) -> list[str]:
    """Return the patterns of a file, one per line; none if the file is missing."""
    if not file.is_file():
        return []
    lines = [line.strip() for line in _text(str(file)).splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def local_files(given: Iterable[str], selection: Selection | None = None) -> list[LocalFile]:
    """Return files by name; of a folder, the selected files below it, by their path in it.

    Raises:
        UsageError: a file cannot be read or is a symbolic link, a name occurs twice, or a folder has no file to send.
    """
    selection = selection or Selection()
    found: dict[str, LocalFile] = {}
    for name in given:
        path = Path(name)
        if path.is_dir() and not path.is_symlink():
            files = selection.files(path)
            if not files:
                why = f": {_some(selection.left_out)} left out" if selection.left_out else ""
                raise UsageError(f"The folder {path} contains no file to send{why}.")
        else:
            files = [LocalFile.read(path)]
        for file in files:
            if file.name in found:
                raise UsageError(f"{found[file.name].path} and {file.path} would both be “{file.name}” in the version.")
            found[file.name] = file
    return list(found.values())


def _some(names: Sequence[str]) -> str:
    """Join at most ten names for a line of text."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{', '.join(map(_plain, names[:10]))}{more}"


def _chosen(given: Iterable[str], options: argparse.Namespace, console: Console) -> tuple[list[LocalFile], list[str]]:
    """Return the files given to a command and the names of those that are left out, and print the latter."""
    selection = Selection(options.exclude)
    files = local_files(given, selection)
    if selection.left_out:
        console.note(f" … left out: {_some(selection.left_out)}")
    console.note(f" … {len(files)} files, {sum(file.size for file in files):,} bytes")
    return files, selection.left_out


def ci_facts(environ: Mapping[str, str]) -> Json:
    """Return the origin of the code from the environment of GitHub Actions or GitLab CI."""
    if environ.get("GITHUB_ACTIONS") == "true":
        repository = f"{environ.get('GITHUB_SERVER_URL', '')}/{environ.get('GITHUB_REPOSITORY', '')}"
        run = environ.get("GITHUB_RUN_ID", "")
        facts = {
            "code_repository": repository,
            "code_commit": environ.get("GITHUB_SHA", ""),
            "run_id": run,
            "run_link": f"{repository}/actions/runs/{run}" if run else "",
        }
    elif environ.get("GITLAB_CI") == "true":
        facts = {
            "code_repository": environ.get("CI_PROJECT_URL", ""),
            "code_commit": environ.get("CI_COMMIT_SHA", ""),
            "run_id": environ.get("CI_PIPELINE_ID", ""),
            "run_link": environ.get("CI_JOB_URL", ""),
        }
    else:
        facts = {}
    return {name: value for name, value in facts.items() if value}


def _facts_of(options: argparse.Namespace) -> Json:
    facts: Json = {}
    if options.facts:
        facts = _document(options.facts)
        if not isinstance(facts, dict):
            raise UsageError(f'{options.facts} must hold a JSON object, such as {{"parameters": {{"seed": 1}}}}.')
        for name in ("datasets", "metrics", "parents"):
            _require_objects(options.facts, name, facts.get(name))
    given = {
        "card": _text(options.card) if options.card else "",
        "metrics": _metrics_of(options),
        "environment_lock": _text(options.environment_lock) if options.environment_lock else "",
        "code_repository": options.repository,
        "code_commit": options.commit,
        "trained_by": options.trained_by,
        "description": options.description,
        "licence": options.licence,
        "datasets": [*(facts.get("datasets") or []), *map(_dataset, options.dataset)],
    }
    return {**facts, **{name: value for name, value in given.items() if value}}


def _require_objects(path: str, name: str, value: Any) -> None:
    """Refuse a field of the facts that is not a list as the API requires it."""
    members = str if name == "parents" else dict
    if value is not None and not (isinstance(value, list) and all(isinstance(member, members) for member in value)):
        what = "references such as “model/3”" if name == "parents" else "objects as POST …/versions takes them"
        raise UsageError(f"{path}: “{name}” must be a list of {what}.")


def _metrics_of(options: argparse.Namespace) -> list[Json]:
    """Return the metrics of options and file: an object of names and numbers, or a list as the API requires it."""
    metrics: list[Json] = list(options.metric)
    if options.metrics:
        document = _document(options.metrics)
        if isinstance(document, dict):
            document = [{"name": name, "value": value} for name, value in document.items()]
        if not isinstance(document, list) or not all(isinstance(item, dict) for item in document):
            raise UsageError(f"{options.metrics} must hold an object of names and numbers, or a list of metrics.")
        metrics += document
    return metrics


_ROLES = ("training", "validation", "evaluation")
_DVC_FILES = (".dvc", "dvc.lock")
_SCHEMES = {"lakefs://": "lakefs", "s3://": "s3", "git+": "git", "pachyderm://": "pachyderm"}


def _dataset(given: str) -> Json:
    """Convert ROLE=WHAT into the form of the API.

    WHAT is a local file (its SHA-256 is used; a .dvc file or a dvc.lock is sent itself, followed by :PATH if it
    describes several outputs), a URI such as lakefs://… or s3://…?versionId=…, or FORM:TEXT.
    """
    role, _, what = given.partition("=")
    if role not in _ROLES or not what:
        raise UsageError(f"--dataset {given}: write {'|'.join(_ROLES)}=WHAT.")
    for scheme, form in _SCHEMES.items():
        if what.startswith(scheme):
            return {"role": role, "form": form, "text": what}
    described, mark, name = what.rpartition(":")
    if mark and described.endswith(_DVC_FILES) and os.path.isfile(described):
        return {"role": role, "form": "dvc", "text": _text(described), "name": name}
    if os.path.isfile(what):
        if what.endswith(_DVC_FILES):
            return {"role": role, "form": "dvc", "text": _text(what)}
        read = LocalFile.read(what)
        return {"role": role, "name": read.name, "digest_algorithm": "sha256", "digest": read.sha256}
    form, mark, text = what.partition(":")
    if not mark:
        raise UsageError(f"--dataset {given}: there is no file {what}; or write FORM:TEXT, such as sha256:9f86….")
    return {"role": role, "form": form, "text": text}


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte {error.start}).") from None


def _document(path: str) -> Any:
    def constant(name: str) -> Any:
        raise ValueError(f"{name} is not a JSON number")

    def members(pairs: list[tuple[str, Any]]) -> Json:
        names = [name for name, _ in pairs]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"the member “{_plain(twice[0])}” occurs twice")
        return dict(pairs)

    try:
        read = json.loads(_text(path), parse_constant=constant, object_pairs_hook=members)
        json.dumps(read, allow_nan=False)
        return read
    except RecursionError:
        raise UsageError(f"{path} is not read: its JSON is nested too deep.") from None
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}") from None


def _which(client: Client, reference: str) -> tuple[str, int]:
    """Return MODEL/NUMBER directly; resolve any other reference."""
    slug, _, number = reference.partition("/")
    if slug and "@" not in slug and number.isascii() and number.isdecimal() and len(number) < 10:
        return slug, int(number)
    resolved = client.resolve(reference)
    return str(resolved["model"]), int(resolved["version"])


def _print_request(document: Json, console: Console) -> None:
    """Print a promotion request, and write it to the outputs and summary of the CI job."""
    console.answer(document, *_request_lines(document))
    _write_job_outputs({"promotion-id": document["id"], "url": document["page"], "state": document["state"],
               "version": document["version"], "digest": document["fingerprint"]})  # fmt: skip
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with contextlib.suppress(OSError), open(summary, "a", encoding="utf-8") as stream:
            stream.write(job_summary(document))


def _write_job_outputs(outputs: Mapping[str, Any]) -> None:
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        with contextlib.suppress(OSError), open(path, "a", encoding="utf-8") as stream:
            stream.writelines(f"{name}={_plain(value)}\n" for name, value in outputs.items())


def job_summary(document: Json) -> str:
    """Return a promotion request as Markdown, for the page of a CI job."""
    lines = [
        f"### {_markdown(_subject(document))}: {_markdown(document['state'])}",
        "",
        f"{_markdown(document['headline'])} [Request #{document['id']}]({_plain(document['page'])})",
        "",
        "| | Requirement | State | Detail | Left to do |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in _items(document, "requirements"):
        state = str(row.get("state"))
        left = "" if state in ("met", "waived") or not document["live"] else row.get("how_to_fulfil") or ""
        who = _names(row.get("who_can") or []) if left else ""
        cells = (row.get("title"), state, row.get("detail"), f"{left} ({who})" if who else left)
        lines.append(f"| {_MARKS.get(state, '?')} | " + " | ".join(_markdown(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n\n"


def _markdown(text: object) -> str:
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~@&-])", r"\\\1", _plain(text))


# --- options ---------------------------------------------------------------------------------------------------------


_EXPORT_FILTERS = ("action", "actor", "thing", "model", "promotion", "after", "before", "q")


def _audit(client: Client, options: argparse.Namespace, console: Console) -> int:
    file = Path(options.output)
    form = options.format or ("csv" if file.suffix == ".csv" else "jsonl")
    filters = {name: value for name in _EXPORT_FILTERS if (value := getattr(options, name))}
    summary = client.export_events(file, form=form, **filters)
    as_of = summary.get("as_of") or {}
    console.answer(
        {"file": str(file), **summary},
        f"{summary['events']} events in {file}",
        f"as of    event {_plain(as_of.get('event', 'none'))}, {_plain(as_of.get('at', ''))}",
        f"sha256   {_plain(summary['sha256'])} of all lines but the last",
    )
    return DONE


def _add_audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action_of_audit", choices=("export",), metavar="export", help="write events into a file")
    parser.add_argument("--output", required=True, metavar="FILE", help="the file; .csv for a spreadsheet")
    parser.add_argument("--format", choices=("csv", "jsonl"), help="by the name of the file, if not given")
    parser.add_argument("--action", help="exact name of the action, such as promotion.promoted")
    parser.add_argument("--actor", metavar="ID", help="usr_…, tok_… or a process")
    parser.add_argument("--thing", metavar="TYPE:ID", help="the object of the events")
    parser.add_argument("--model", metavar="NAME", help="events of the model itself")
    parser.add_argument("--promotion", metavar="NUMBER", help="events of a promotion request")
    parser.add_argument("--after", metavar="TIME", help="such as 2026-01-01T00:00:00Z; inclusive")
    parser.add_argument("--before", metavar="TIME", help="exclusive")
    parser.add_argument("--q", metavar="TEXT", help="#63, a model, a version or text, as in the search of the page")


def _parser() -> argparse.ArgumentParser:
    about = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(
        prog="countersign",
        description=about[0],
        epilog="\n\n".join(about[2:]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"countersign {__version__}")
    always = argparse.ArgumentParser(add_help=False)
    server = always.add_argument_group("server")
    server.add_argument("--url", help="address of the server; overrides COUNTERSIGN_URL")
    server.add_argument(
        "--token-file", default="", metavar="FILE", help="contains the token; overrides the environment"
    )
    server.add_argument("--ca-file", metavar="FILE", help="certificates to trust in addition to the system's")
    server.add_argument("--insecure-http", action="store_true", help="allow http:// to another machine")
    server.add_argument("--attempts", type=int, default=5, metavar="N", help="maximum attempts (default: 5)")
    form = always.add_argument_group("output").add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON, also on a terminal")
    form.add_argument("--table", action="store_true", help="a table, also where there is no terminal")
    always.add_argument("--quiet", action="store_true", help="print only JSON and errors")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[..., int], about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, parents=[always], help=about, description=about)
        added.set_defaults(command=run)
        return added

    command("whoami", _whoami, "show the identity and scopes of the token")
    _add_register(command("register", _register, "register a version: its files and metadata"))

    _add_assess(command("assess", _assess, "answer the risk questionnaire for a model, or show its questions"))
    command("scan", _scan, "judge what loading files would do; nothing is loaded or sent").add_argument(
        "paths", nargs="+", metavar="PATH", help="a file, or a folder, which is one artifact"
    )

    attach = command("attach", _attach, "add files, a card, metrics or evidence to a version")
    attach.add_argument(
        "version",
        nargs="+",
        metavar="MODEL/VERSION [PATH …]",
        help="credit-risk-pd/7, credit-risk-pd 7 or credit-risk-pd@latest; then files and folders, for a version that "
        "was registered by its source alone",
    )
    _add_evidence(attach)
    attach.add_argument(
        "--reason", help="of the request that files open for a version that an import put in a protected place"
    )

    _add_signals(command("signals", _signals, "report production signals of a version"))

    _add_check_report(command("check", _check_report, "report the result of a check that this job ran"))

    _add_promote(command("promote", _promote, "request that a version enter a stage or get an alias"))
    _add_rollback(command("rollback", _rollback, "request that a stage or alias return to a version approved before"))

    simulate = command(
        "simulate",
        _simulate,
        "evaluate a promotion before it is requested; nothing is written. Exit status 0: it passes, 4: something is "
        "missing, 5: checks have not run, 7: not reachable",
    )
    _add_simulate(simulate)

    wait = command("wait", _wait, "wait until a request is decided, and show what is missing")
    _add_timeout(wait)
    gate = command("gate", _gate, "show the verdict on a request; exit status 0 only if it is approved or promoted")
    execute = command("execute", _execute, "promote a request that its policy holds when ready")
    withdraw = command("withdraw", _withdraw, "withdraw a request")
    comment = command("comment", _comment, "comment on a request; needs the scope comments:write")
    comments = command("comments", _comments, "list the comments on a request")
    for parser_of in (wait, gate, execute, withdraw, comment, comments):
        parser_of.add_argument("request", type=_number, metavar="NUMBER", help="the request's number")
    withdraw.add_argument("--reason", required=True, help="why")
    _add_comment(comment)

    _add_notifications(command("notifications", _notifications, "list your unread notifications, or mark them as read"))

    resolve = command("resolve", _resolve, "resolve a reference to a version, with the digests of its files")
    resolve.add_argument("reference", help="model/7, model@champion, model@latest or model/production")
    resolve.add_argument("--verify", metavar="FOLDER", help="compare the files below it with the digests")

    _add_decision(command("decision", _decision, "verify the file of a decision signature; no server is asked"))
    _add_audit(command("audit", _audit, "export the audit log; needs the scope audit:read"))
    _add_search(command("search", _search, "find models or versions; the page /search/help/ lists all terms"))
    return parser


def _add_decision(decision: argparse.ArgumentParser) -> None:
    decision.add_argument("action", choices=["verify"], help="verify: exit status 0 only if it holds, otherwise 9")
    decision.add_argument("file", metavar="FILE", help="downloaded from the page of the decision")
    decision.add_argument("--key", required=True, metavar="FILE", help="trusted decision keys (PEM), kept elsewhere")
    decision.add_argument("--packet", metavar="FILE", help="the evidence package, to compare its digest")
    decision.add_argument("--passkey", metavar="FILE", help="public keys (PEM) of passkeys that are trusted as well")


def _add_simulate(simulate: argparse.ArgumentParser) -> None:
    simulate.add_argument("version", metavar="MODEL/VERSION", help="credit-risk-pd/7, or credit-risk-pd@latest")
    simulate.add_argument("--to", required=True, metavar="TARGET", help="a stage, such as production; or @alias")
    simulate.add_argument("--policy", metavar="FILE", help="a draft of a policy, for officers")


def _add_comment(comment: argparse.ArgumentParser) -> None:
    comment.add_argument("text", help="Markdown; - reads standard input; @ and a user name mention a person")
    comment.add_argument("--thread", type=_number, metavar="NUMBER", help="answer in this thread")


def _add_notifications(notified: argparse.ArgumentParser) -> None:
    notified.add_argument("--all", action="store_true", help="also those that were read")
    notified.add_argument("--reason", metavar="REASON", help="only of this reason, such as review_requested")
    notified.add_argument("--limit", type=_many, default=50, metavar="N", help="maximum number (default: 50)")
    notified.add_argument(
        "--mark-read", action="store_true", help="mark those that are listed as read; needs notifications:write"
    )


def _add_search(search: argparse.ArgumentParser) -> None:
    search.add_argument(
        "query",
        help="such as: 'tier:1 stage:production metric.auc>0.9'; a query that begins with a minus must follow --",
    )
    search.add_argument("--versions", action="store_true", help="list versions, not models")
    search.add_argument("--limit", type=_many, default=100, metavar="N", help="maximum number (default: 100)")


def _add_register(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="the model's name")
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a file, or a folder, whose files are sent except those that --exclude names; symbolic links are refused",
    )
    _add_evidence(parser)
    parser.add_argument("--facts", metavar="FILE", help="JSON: datasets, parameters, signature, parents, tags …")
    parser.add_argument(
        "--dataset", metavar="ROLE=WHAT", action="append", default=[],
        help="training, validation or evaluation data: a file (a .dvc file or dvc.lock[:PATH] too), lakefs://…, "
        "s3://…?versionId=…, git+https://…@…, or FORM:TEXT; may be repeated",
    )  # fmt: skip
    parser.add_argument("--environment-lock", metavar="FILE", help="the lock file it was trained with")
    parser.add_argument("--repository", help="of the code; set automatically in GitHub and GitLab jobs")
    parser.add_argument("--commit", help="of the code; set automatically in GitHub and GitLab jobs")
    parser.add_argument("--trained-by", metavar="USERNAME", help="who trained it, if not the owner of the token")
    parser.add_argument("--description", help="description of the version")
    parser.add_argument("--licence", help="SPDX expression")
    model = parser.add_argument_group("the model, where it is not registered yet")
    model.add_argument("--create", action="store_true", help="register it")
    model.add_argument("--title")
    model.add_argument("--purpose")
    model.add_argument("--team")
    model.add_argument("--risk-tier", type=int, choices=(1, 2, 3))


def _add_assess(assess: argparse.ArgumentParser) -> None:
    assess.add_argument("model", help="the model's name")
    assess.add_argument(
        "--answer", type=_question_and_answer, action="append", default=[], metavar="QUESTION=ANSWER",
        help="by their ids; one for each question",
    )  # fmt: skip
    assess.add_argument("--answers", metavar="FILE", help="JSON: the id of an answer by the id of its question")
    assess.add_argument("--rationale", default="", help="basis of the answers")


def _add_signals(signals: argparse.ArgumentParser) -> None:
    signals.add_argument("action", choices=["push"], help="push: send a report")
    signals.add_argument(
        "version", nargs="+", metavar="MODEL/VERSION FILE", help="churn/3, churn 3 or churn@champion; then the report"
    )
    signals.add_argument(
        "--format", choices=SIGNAL_FORMATS, default="countersign", help="of the report (default: countersign)"
    )
    signals.add_argument("--source", help="name of the monitor; the format if omitted")
    signals.add_argument("--from", dest="window_from", metavar="TIME", help="beginning of the window, RFC 3339")
    signals.add_argument("--to", dest="window_to", metavar="TIME", help="end of the window; that of the report, or now")


def _add_evidence(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--card", metavar="FILE", help="model card: YAML front matter and Markdown")
    parser.add_argument(
        "--metric", type=_metric, action="append", default=[], metavar="NAME=VALUE[@DATASET]", help="may be repeated"
    )
    parser.add_argument("--metrics", metavar="FILE", help="JSON: an object of names and numbers, or a list of metrics")
    parser.add_argument(
        "--evidence", type=_kind_and_file, action="append", default=[], metavar="KIND=FILE",
        help="; ".join(f"{kind}: {about}" for kind, about in EVIDENCE_KINDS.items())
        + "; a check of a plug-in may read others. May be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="PATTERN",
        help="leave out files and folders of this name, or of this path if it contains a slash; applied after those "
        "of the folder's .countersignignore. !PATTERN includes again. Left out by default: "
        + " ".join(LEFT_OUT).replace("%", "%%"),
    )  # fmt: skip


EVIDENCE_KINDS = {
    "evaluation.table": "a CSV file of the rows the model was judged on, with label and prediction or score",
    "training.ids": "a CSV file with the ids of the training examples",
    "reference.scores": "a CSV file with scores from training or an earlier period",
    "current.scores": "a CSV file with recent scores",
    "signature.bundle": "a signature over the files, by the model-signing tool",
    "provenance.slsa": "a signed SLSA provenance statement",
    "bom.cyclonedx": "a bill of materials, CycloneDX 1.6 or 1.7 as JSON",
    "environment.lock": "the pinned packages that the model needs",
    "docs.regulatory": "the answers to the points of a regulatory template, as YAML",
    "explanation.global": "the contributions of the features, as JSON or CSV",
    "privacy.review": "the conclusion of a privacy review, as YAML",
    "document.NAME": "what people read, such as document.validation_report or document.approval_memo",
}
"""Kinds of evidence that every server accepts; an error of the server lists its own kinds."""


def _add_promote(promote: argparse.ArgumentParser) -> None:
    promote.add_argument("version", metavar="MODEL/VERSION", help="credit-risk-pd/7, or credit-risk-pd@latest")
    promote.add_argument("--to", required=True, metavar="TARGET", help="a stage, such as production; or @alias")
    promote.add_argument("--reason", required=True, help="why; the approvers sign it")
    promote.add_argument("--wait", action="store_true", help="wait until it is decided")
    promote.add_argument("--follow-existing", action="store_true", help="if the same request is open, follow it")
    _add_timeout(promote)


def _add_rollback(rollback: argparse.ArgumentParser) -> None:
    rollback.add_argument("model", metavar="MODEL[/VERSION]", help="credit-risk-pd: the version that was there before")
    rollback.add_argument("--to", required=True, metavar="TARGET", help="a stage, such as production; or @alias")
    rollback.add_argument("--reason", required=True, help="why; the approvers sign it")
    rollback.add_argument("--wait", action="store_true", help="wait until it is decided")
    _add_timeout(rollback)


def _add_check_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("report",), help="report: progress or a result")
    parser.add_argument("model", metavar="MODEL", help="the model's name")
    parser.add_argument("version", type=_number, metavar="VERSION", help="the version's number")
    parser.add_argument("check", metavar="NAME", help="the check, such as acme.robustness; the token names it, too")
    parser.add_argument(
        "--conclusion",
        choices=("success", "failure", "action_required", "neutral"),
        help="the result; completes the run. The exit status is that of reporting, not of the check",
    )
    parser.add_argument("--status", choices=("queued", "running"), help="begin a run, before the check")
    parser.add_argument("--progress", metavar="TEXT", help="one line about an unfinished run")
    parser.add_argument("--summary", metavar="TEXT", help="the result in one sentence")
    parser.add_argument("--details-url", metavar="URL", help="page of this job (https)")
    parser.add_argument("--sarif", dest="report_sarif", metavar="FILE", help="SARIF 2.1.0 report; becomes findings")
    parser.add_argument("--junit", dest="report_junit", metavar="FILE", help="JUnit XML report; becomes findings")
    parser.add_argument(
        "--report-json", dest="report_json", metavar="FILE", help="JSON with the members findings and measures"
    )
    parser.add_argument(
        "--inputs", metavar="DIGEST", help="inputs_digest of what was checked; refused if the version changed since"
    )


def _add_timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout", type=_duration, default=3600.0, metavar="TIME", help="such as 90, 15m or 2h (default: 1h)"
    )


def _duration(text: str) -> float:
    found = re.fullmatch(r"(\d{1,6})([smh]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time: write 90, 15m or 2h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def _number(text: str) -> int:
    found = re.fullmatch(r"#?([1-9]\d{0,8})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a request")
    return int(found[1])


def _many(text: str) -> int:
    if text.isascii() and text.isdecimal() and 0 < int(text) <= 100_000:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100,000")


def _metric(text: str) -> Json:
    name, mark, rest = text.partition("=")
    value, _, dataset = rest.partition("@")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not mark or not name or not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r}: write NAME=VALUE, with a finite number")
    return {"name": name, "value": number, **({"dataset": dataset} if dataset else {})}


def _kind_and_file(text: str) -> tuple[str, str]:
    kind, mark, path = text.partition("=")
    if not mark or not kind or not path:
        raise argparse.ArgumentTypeError(f"{text!r}: write KIND=FILE, such as evaluation.table=scores.csv")
    return kind, path


def _question_and_answer(text: str) -> tuple[str, str]:
    question, mark, answer = text.partition("=")
    if not mark or not question or not answer:
        raise argparse.ArgumentTypeError(f"{text!r}: write QUESTION=ANSWER, such as materiality=severe")
    return question, answer


if __name__ == "__main__":
    sys.exit(main())
