"""The production environment: read once, typed, with all errors reported together."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from registry.storage.bucket import ENCRYPTIONS, S3Settings

SECRET_LENGTH = 50
"""Minimum characters of a secret key, as in Django's own check."""


_NOWHERE = Path("/nonexistent")


@dataclass(frozen=True)
class Storage:
    """Where bytes are stored: `kind` is "folder" or "s3"; for "s3", `folder` is not used."""

    kind: str
    folder: Path
    bucket: S3Settings | None = None


@dataclass(frozen=True)
class Environment:
    """The configuration of a deployment. ``docs`` and ``.env.example`` describe each field."""

    secret_key: str
    secret_key_fallbacks: list[str]
    database: dict[str, Any]
    redis_url: str
    public_url: str
    allowed_hosts: list[str]
    storage: Storage
    log_origin: str
    log_state_dir: Path | None
    log_publish_dir: Path | None
    log_anchors: list[dict[str, Any]]
    trusted_proxies: int
    admin_path: str
    log_level: str
    protected: str
    checks_need_isolation: bool
    mail: dict[str, Any]
    mail_from: str
    sources: list[dict[str, str]]
    webhook_hosts: list[str]
    require_second_factor: bool
    signing_attempts: int
    decision_key_path: Path
    decision_key_fingerprint: str
    provision_url: str


def read(environ: Mapping[str, str]) -> Environment:
    """Read and validate the whole environment.

    Raises:
        ImproperlyConfigured: with one line for each variable that is missing or wrong.
    """
    reader = _Reader(environ)
    found = Environment(
        secret_key=reader.take("SECRET_KEY", _secret_key, is_secret=True),
        secret_key_fallbacks=reader.take("SECRET_KEY_FALLBACKS", words, default="", is_secret=True),
        database=reader.database(),
        redis_url=reader.take("REDIS_URL", _redis_url, is_secret=True),
        public_url=reader.take("PUBLIC_URL", _public_url),
        allowed_hosts=reader.take("ALLOWED_HOSTS", _hosts),
        storage=reader.storage(),
        log_origin=reader.take("COUNTERSIGN_LOG_ORIGIN", _origin),
        log_state_dir=reader.take("COUNTERSIGN_LOG_STATE_DIR", _directory_or_none, default=""),
        log_publish_dir=reader.take("COUNTERSIGN_LOG_PUBLISH_DIR", _directory_or_none, default=""),
        log_anchors=reader.take("COUNTERSIGN_LOG_ANCHORS", anchors, default="[]"),
        trusted_proxies=reader.take("COUNTERSIGN_TRUSTED_PROXIES", _count, default="0"),
        admin_path=reader.take("COUNTERSIGN_ADMIN_PATH", _admin_path, default="admin/"),
        log_level=reader.take("COUNTERSIGN_LOG_LEVEL", _level, default="INFO"),
        protected=reader.take("COUNTERSIGN_PROTECTED", protected, default="default"),
        checks_need_isolation=reader.take("COUNTERSIGN_CHECKS_NEED_ISOLATION", _yes_or_no, default="no"),
        mail=reader.take("COUNTERSIGN_MAIL_URL", mail, default="", is_secret=True),
        mail_from=reader.take("COUNTERSIGN_MAIL_FROM", _mail_from, default=""),
        sources=reader.take("COUNTERSIGN_SOURCES", _sources, default="[]", is_secret=True),
        webhook_hosts=reader.take("COUNTERSIGN_WEBHOOK_HOSTS", words, default=""),
        require_second_factor=reader.take("COUNTERSIGN_REQUIRE_SECOND_FACTOR", _yes_or_no, default="no"),
        signing_attempts=reader.take("COUNTERSIGN_SIGNING_ATTEMPTS", _attempts, default="5"),
        decision_key_path=reader.take("COUNTERSIGN_DECISION_KEY_PATH", _directory, default="/data/keys/decision.pem"),
        decision_key_fingerprint=reader.take("COUNTERSIGN_DECISION_KEY_FINGERPRINT", fingerprint, default=""),
        provision_url="",
    )
    if found.mail and not found.mail_from:
        reader.faults.append("COUNTERSIGN_MAIL_FROM: name the address mails come from")
    if reader.faults:
        raise ImproperlyConfigured(
            "the settings are not complete, so nothing was started:\n"
            + "\n".join(f"  {fault}" for fault in reader.faults)
            + "\nEach variable may also be given as a file, as NAME_FILE=/path. "
            "For development use `make run`, or DJANGO_SETTINGS_MODULE=governance.settings.development."
        )
    return found


def secret(environ: Mapping[str, str], name: str) -> str:
    """Return a variable, or the content of the file that ``NAME_FILE`` names; empty if neither is given.

    Raises:
        ValueError: both are given, or the file cannot be read.
    """
    value, path = environ.get(name, ""), environ.get(f"{name}_FILE", "")
    if value and path:
        raise ValueError(f"give {name} or {name}_FILE, not both")
    if not path:
        return value
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ValueError(f"{name}_FILE: {error.strerror}: {path}") from error


def database(url: str, owner_url: str = "") -> dict[str, Any]:
    """Convert ``postgresql://`` URLs into Django's settings for one database.

    Args:
        url: with the application role.
        owner_url: with the owner of the tables; only for migrations.

    Raises:
        ValueError: a URL is not for PostgreSQL, names no database, or the two name different ones.
    """
    parts = _postgres_parts(url)
    facts: dict[str, Any] = {
        "ENGINE": "governance.database",
        "NAME": parts["NAME"],
        "USER": parts["USER"],
        "PASSWORD": parts["PASSWORD"],
        "HOST": parts["HOST"],
        "PORT": parts["PORT"],
        "OPTIONS": parts["OPTIONS"],
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
    if owner_url:
        owner = _postgres_parts(owner_url)
        if any(owner[key] != parts[key] for key in ("NAME", "HOST", "PORT")):
            raise ValueError("DATABASE_OWNER_URL names another database than DATABASE_URL")
        facts |= {"OWNER_USER": owner["USER"], "OWNER_PASSWORD": owner["PASSWORD"]}
    return facts


def protected(raw: str) -> str:
    """Validate COUNTERSIGN_PROTECTED: "default", or "none" for a trial. Raises ValueError otherwise."""
    if raw not in {"", "default", "none"}:
        raise ValueError("must be default, or none for a trial in which nothing is protected")
    return raw or "default"


def _attempts(raw: str) -> int:
    """Validate a number of attempts. Raises ValueError unless it is 1 to 10, the number that sign-in allows."""
    number = _count(raw)
    if not 1 <= number <= 10:
        raise ValueError("must be 1 to 10")
    return number


def fingerprint(raw: str) -> str:
    """Validate the fingerprint of a public key, written as 64 hexadecimal digits; empty for none. Raises ValueError."""
    found = raw.lower().removeprefix("sha256:")
    if found and not re.fullmatch(r"[0-9a-f]{64}", found):
        raise ValueError("must be the 64 hexadecimal digits that `manage.py decision_key` prints")
    return found


def mail(url: str) -> dict[str, Any]:
    """Convert a mail server's URL into Django's settings; without a URL, none, and no mail is sent.

    Args:
        url: ``smtp://user:password@host:port`` (with STARTTLS) or ``smtps://`` (implicit TLS).

    Raises:
        ValueError: any other URL.
    """
    if not url:
        return {}
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError("must be an smtp:// or smtps:// URL with a host")
    implicit = parts.scheme == "smtps"
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if implicit else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": implicit,
        "EMAIL_USE_TLS": not implicit,
        "EMAIL_TIMEOUT": 10,
    }


def _mail_from(raw: str) -> str:
    if raw and not re.fullmatch(r"(?:[^<>\r\n]+ )?<?[^@\s<>]+@[^@\s<>]+>?", raw):
        raise ValueError("must be an address, such as Countersign <registry@bank.example>")
    return raw


def _postgres_parts(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError("must be a postgresql:// URL: the product's guards are PostgreSQL's own")
    name = unquote(parts.path.lstrip("/"))
    if not name or not parts.username:
        raise ValueError("must name a user and a database: postgresql://user:password@host/name")
    return {
        "NAME": name,
        "USER": unquote(parts.username),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": query,
    }


class _Reader:
    """Reads variables one by one and collects the errors."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.faults: list[str] = []

    def take(
        self, name: str, parse: Callable[[str], Any], *, default: str | None = None, is_secret: bool = False
    ) -> Any:
        try:
            raw = secret(self.environ, name) if is_secret else self.environ.get(name, "")
            if not raw and default is None:
                raise ValueError("is missing")
            return parse(raw or default or "")
        except ValueError as error:
            self.faults.append(f"{name}: {error}")
            return None

    def database(self) -> dict[str, Any]:
        owner = self.take("DATABASE_OWNER_URL", str, default="", is_secret=True)
        found = self.take("DATABASE_URL", lambda url: database(url, owner or ""), is_secret=True)
        return found or {}

    def storage(self) -> Storage:
        """Return the kind of store, and the folder or the bucket."""
        kind = self.take("COUNTERSIGN_STORAGE", _kind_of_storage, default="folder")
        if kind != "s3":
            return Storage("folder", self.take("COUNTERSIGN_STORAGE_DIR", _directory))
        before = len(self.faults)
        facts = {
            "name": self.take("COUNTERSIGN_S3_BUCKET", _bucket_name),
            "prefix": self.take("COUNTERSIGN_S3_PREFIX", _key_prefix, default=""),
            "endpoint": self.take("COUNTERSIGN_S3_ENDPOINT", _endpoint, default=""),
            "public_endpoint": self.take("COUNTERSIGN_S3_PUBLIC_ENDPOINT", _endpoint, default=""),
            "region": self.take("COUNTERSIGN_S3_REGION", str, default=""),
            "access_key": self.take("COUNTERSIGN_S3_ACCESS_KEY", str, default="", is_secret=True),
            "secret_key": self.take("COUNTERSIGN_S3_SECRET_KEY", str, default="", is_secret=True),
            "encryption": self.take("COUNTERSIGN_S3_ENCRYPTION", _encryption, default=""),
            "kms_key": self.take("COUNTERSIGN_S3_KMS_KEY", str, default=""),
        }
        if len(self.faults) > before:
            return Storage("s3", _NOWHERE)
        if bool(facts["access_key"]) != bool(facts["secret_key"]):
            self.faults.append("COUNTERSIGN_S3_ACCESS_KEY and COUNTERSIGN_S3_SECRET_KEY: give both, or neither")
        if facts["kms_key"] and facts["encryption"] != "aws:kms":
            self.faults.append("COUNTERSIGN_S3_KMS_KEY: is for COUNTERSIGN_S3_ENCRYPTION=aws:kms")
        if facts["public_endpoint"] and not facts["endpoint"]:
            self.faults.append("COUNTERSIGN_S3_PUBLIC_ENDPOINT: is for a store with a COUNTERSIGN_S3_ENDPOINT")
        return Storage("s3", _NOWHERE, S3Settings(**facts))


def storage(environ: Mapping[str, str], folder: Path) -> Storage:
    """Return the storage of development and tests: `folder` unless the environment differs.

    Raises:
        ImproperlyConfigured: with one line for each variable that is missing or wrong.
    """
    folder = Path(environ.get("COUNTERSIGN_STORAGE_DIR") or folder).absolute()
    reader = _Reader({**environ, "COUNTERSIGN_STORAGE_DIR": str(folder)})
    found = reader.storage()
    if reader.faults:
        raise ImproperlyConfigured("\n".join(reader.faults))
    return found


def _kind_of_storage(raw: str) -> str:
    if raw not in {"folder", "s3"}:
        raise ValueError("must be folder or s3")
    return raw


def _bucket_name(raw: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", raw):
        raise ValueError("must be the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens")
    return raw


def _key_prefix(raw: str) -> str:
    path = raw.strip("/")
    if path and not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)*", path, re.ASCII):
        raise ValueError(
            "must be folder names of letters, digits, dots, hyphens and underscores, begun by none of dot and hyphen"
        )
    return f"{path}/" if path else ""


def _endpoint(raw: str) -> str:
    parts = urlsplit(raw)
    if raw and (parts.scheme not in {"https", "http"} or not parts.hostname or parts.path not in {"", "/"}):
        raise ValueError("must be the https:// address of the store, without a path")
    if parts.username or parts.password or parts.query:
        raise ValueError("must hold no name, password or query")
    return raw.rstrip("/")


def _encryption(raw: str) -> str:
    if raw not in ENCRYPTIONS:
        raise ValueError("must be AES256, aws:kms, or empty for what the bucket does by itself")
    return raw


def _secret_key(raw: str) -> str:
    if len(raw) < SECRET_LENGTH or len(set(raw)) < 5 or raw.startswith("django-insecure-"):
        raise ValueError(f"needs at least {SECRET_LENGTH} random characters")
    return raw


def words(raw: str) -> list[str]:
    """Split text at commas and spaces."""
    return raw.replace(",", " ").split()


def _hosts(raw: str) -> list[str]:
    hosts = words(raw)
    if not hosts or "*" in hosts:
        raise ValueError("name the hosts this installation answers to; * would accept any")
    return hosts


def _redis_url(raw: str) -> str:
    if urlsplit(raw).scheme not in {"redis", "rediss", "redis+socket", "unix"}:
        raise ValueError("must be a redis://, rediss:// or redis+socket:// URL")
    return raw


def _public_url(raw: str) -> str:
    parts = urlsplit(raw)
    if parts.scheme != "https" or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise ValueError("must be the https:// address people use, without a path")
    return raw.rstrip("/")


def _directory(raw: str) -> Path:
    path = Path(raw)
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


def _directory_or_none(raw: str) -> Path | None:
    return _directory(raw) if raw else None


def anchors(raw: str) -> list[dict[str, Any]]:
    """Read COUNTERSIGN_LOG_ANCHORS; `audit.anchors` reads its entries. Raises ValueError unless it is a JSON list."""
    try:
        given = json.loads(raw)
    except ValueError as error:
        raise ValueError(f"must be a JSON list: {error}") from None
    if not isinstance(given, list) or not all(isinstance(entry, dict) and "kind" in entry for entry in given):
        raise ValueError("must be a JSON list of objects, each with its kind: folder, witness or git")
    return given


def _origin(raw: str) -> str:
    # The first line of a C2SP checkpoint: no spaces, no plus, no scheme.
    if any(character.isspace() or character == "+" for character in raw) or "://" in raw or "/" not in raw:
        raise ValueError("must be a schema-less URL that names this log for ever, such as registry.example/audit/1")
    return raw


def _count(raw: str) -> int:
    if not raw.isdigit():
        raise ValueError("must be a whole number, 0 or more")
    return int(raw)


def _yes_or_no(raw: str) -> bool:
    if raw not in {"", "no", "yes"}:
        raise ValueError("must be yes or no")
    return raw == "yes"


def _admin_path(raw: str) -> str:
    path = raw.strip("/")
    if not re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", path) or path.split("/")[0] in {"api", "static"}:
        raise ValueError("must be a path of letters, digits, hyphens and underscores, such as admin/")
    return f"{path}/"


def _sources(raw: str) -> list[dict[str, str]]:
    # governance.integrations.source_sync.sources defines and validates the entries.
    try:
        given = json.loads(raw)
    except ValueError as error:
        raise ValueError(f"must be a JSON list: {error}") from None
    if not isinstance(given, list) or not all(isinstance(entry, dict) and "kind" in entry for entry in given):
        raise ValueError("must be a JSON list of objects, each with its kind: folder, s3 or mlflow")
    return given


def _level(raw: str) -> str:
    if raw.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return raw.upper()
