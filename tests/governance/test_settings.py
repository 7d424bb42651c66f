"""Production takes everything from its environment, tells all faults at once, and does not start without a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from governance.settings.environment import Storage, database, read, secret
from governance.settings.logs import JsonFormatter, logging_for
from registry.storage import S3Settings

PROJECT = Path(__file__).resolve().parents[2]

COMPLETE = {
    "SECRET_KEY": "k3" + "abcdefghijklmnopqrstuvwxyz0123456789" * 2,
    "DATABASE_URL": "postgresql://countersign_app:se%3Acret@db.example:5433/countersign?sslmode=verify-full",
    "REDIS_URL": "rediss://:word@redis.example:6379/0",
    "PUBLIC_URL": "https://registry.example/",
    "ALLOWED_HOSTS": "registry.example, registry.internal",
    "COUNTERSIGN_STORAGE_DIR": "/srv/countersign",
    "COUNTERSIGN_LOG_ORIGIN": "registry.example/audit/1",
}


def faults_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(environ)
    return [line.strip() for line in str(refused.value).splitlines() if line.startswith("  ")]


def test_a_complete_environment_is_read_with_its_types() -> None:
    found = read(COMPLETE)

    assert found.public_url == "https://registry.example"
    assert found.allowed_hosts == ["registry.example", "registry.internal"]
    assert found.storage == Storage("folder", Path("/srv/countersign"))
    assert found.trusted_proxies == 0
    assert found.admin_path == "admin/"
    assert found.database["PASSWORD"] == "se:cret"
    assert found.database["OPTIONS"] == {"sslmode": "verify-full"}
    assert found.database["CONN_MAX_AGE"] is None
    assert found.database["CONN_HEALTH_CHECKS"] is True
    assert "OWNER_USER" not in found.database


def test_every_missing_variable_is_reported_at_once() -> None:
    assert faults_of({}) == [f"{name}: is missing" for name in COMPLETE]


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("SECRET_KEY", "short", "needs at least 50 random characters"),
        ("SECRET_KEY", "django-insecure-" + "abcdefgh" * 8, "needs at least 50 random characters"),
        ("DATABASE_URL", "sqlite:///countersign.db", "must be a postgresql:// URL"),
        ("DATABASE_URL", "postgresql://db.example", "must name a user and a database"),
        ("REDIS_URL", "amqp://broker.example", "must be a redis://"),
        ("PUBLIC_URL", "http://registry.example", "must be the https:// address"),
        ("PUBLIC_URL", "https://registry.example/path", "without a path"),
        ("ALLOWED_HOSTS", "*", "* would accept any"),
        ("COUNTERSIGN_STORAGE_DIR", "artifacts", "must be an absolute path"),
        ("COUNTERSIGN_STORAGE", "cloud", "must be folder or s3"),
        ("COUNTERSIGN_LOG_ORIGIN", "https://registry.example/audit", "schema-less"),
        ("COUNTERSIGN_TRUSTED_PROXIES", "-1", "must be a whole number"),
        ("COUNTERSIGN_ADMIN_PATH", "back office/", "must be a path of letters"),
        ("COUNTERSIGN_ADMIN_PATH", "/", "must be a path of letters"),
        ("COUNTERSIGN_ADMIN_PATH", "api/", "must be a path of letters"),
        ("COUNTERSIGN_LOG_LEVEL", "loud", "must be DEBUG, INFO, WARNING or ERROR"),
        ("COUNTERSIGN_CHECKS_NEED_ISOLATION", "maybe", "must be yes or no"),
        ("DATABASE_OWNER_URL", "postgresql://countersign_owner@db.example/other", "names another database"),
    ],
)
def test_a_wrong_value_is_reported_with_its_rule(name: str, value: str, fault: str) -> None:
    (told,) = faults_of({**COMPLETE, name: value})

    assert fault in told


BUCKET = {
    **{name: value for name, value in COMPLETE.items() if name != "COUNTERSIGN_STORAGE_DIR"},
    "COUNTERSIGN_STORAGE": "s3",
    "COUNTERSIGN_S3_BUCKET": "models",
}


def test_files_may_be_kept_in_a_bucket(tmp_path: Path) -> None:
    assert read(BUCKET).storage.bucket == S3Settings("models"), "credentials as botocore finds them"
    (tmp_path / "key").write_text("secret-words\n")
    found = read(
        {
            **BUCKET,
            "COUNTERSIGN_S3_PREFIX": "/registry/files/",
            "COUNTERSIGN_S3_ENDPOINT": "https://objects.example:9000/",
            "COUNTERSIGN_S3_REGION": "eu-central-1",
            "COUNTERSIGN_S3_ACCESS_KEY": "AKIA",
            "COUNTERSIGN_S3_SECRET_KEY_FILE": str(tmp_path / "key"),
            "COUNTERSIGN_S3_ENCRYPTION": "aws:kms",
            "COUNTERSIGN_S3_KMS_KEY": "alias/models",
        }
    ).storage.bucket
    assert found == S3Settings(
        "models", "registry/files/", "https://objects.example:9000", "", "eu-central-1", "AKIA", "secret-words",
        "aws:kms", "alias/models",
    )  # fmt: skip
    assert "secret-words" not in repr(found)


def test_every_fault_of_a_bucket_is_reported_at_once() -> None:
    wrong = {
        **BUCKET,
        "COUNTERSIGN_S3_BUCKET": "Models!",
        "COUNTERSIGN_S3_PREFIX": "a/../b",
        "COUNTERSIGN_S3_ENDPOINT": "objects.example",
        "COUNTERSIGN_S3_PUBLIC_ENDPOINT": "https://name:word@objects.example",
        "COUNTERSIGN_S3_ENCRYPTION": "rot13",
    }
    assert [fault.partition(":")[0] for fault in faults_of(wrong)] == [
        "COUNTERSIGN_S3_BUCKET",
        "COUNTERSIGN_S3_PREFIX",
        "COUNTERSIGN_S3_ENDPOINT",
        "COUNTERSIGN_S3_PUBLIC_ENDPOINT",
        "COUNTERSIGN_S3_ENCRYPTION",
    ]
    half = {
        **BUCKET,
        "COUNTERSIGN_S3_ACCESS_KEY": "AKIA",
        "COUNTERSIGN_S3_KMS_KEY": "alias/models",
        "COUNTERSIGN_S3_PUBLIC_ENDPOINT": "https://objects.example",
    }
    assert [fault.rpartition(": ")[2] for fault in faults_of(half)] == [
        "give both, or neither",
        "is for COUNTERSIGN_S3_ENCRYPTION=aws:kms",
        "is for a store with a COUNTERSIGN_S3_ENDPOINT",
    ]
    assert faults_of({k: v for k, v in BUCKET.items() if k != "COUNTERSIGN_S3_BUCKET"}) == [
        "COUNTERSIGN_S3_BUCKET: is missing"
    ]


def test_secrets_may_be_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(COMPLETE["SECRET_KEY"] + "\n")
    environ = {**COMPLETE, "SECRET_KEY_FILE": str(tmp_path / "key")}
    del environ["SECRET_KEY"]

    assert read(environ).secret_key == COMPLETE["SECRET_KEY"]


def test_a_secret_given_twice_or_in_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")

    assert faults_of({**COMPLETE, "SECRET_KEY_FILE": missing}) == [
        "SECRET_KEY: give SECRET_KEY or SECRET_KEY_FILE, not both"
    ]
    with pytest.raises(ValueError, match="No such file"):
        secret({"REDIS_URL_FILE": missing}, "REDIS_URL")


def test_the_owner_is_known_only_where_migrations_run() -> None:
    facts = database(
        "postgresql://countersign_app:a@db.example/countersign",
        "postgresql://countersign_owner:b@db.example/countersign",
    )

    assert (facts["USER"], facts["OWNER_USER"], facts["OWNER_PASSWORD"]) == (
        "countersign_app",
        "countersign_owner",
        "b",
    )


def production(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "governance.settings", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_does_not_start_without_its_secrets() -> None:
    outcome = production("-c", "import governance.wsgi")

    assert outcome.returncode != 0
    for name in COMPLETE:
        assert f"{name}: is missing" in outcome.stderr


def test_production_passes_the_deployment_checks() -> None:
    outcome = production("manage.py", "check", "--deploy", "--fail-level", "WARNING", **COMPLETE)

    assert outcome.returncode == 0, outcome.stderr


def test_reading_other_settings_reads_no_production_environment() -> None:
    outcome = production(
        "-c", "import governance.settings.base", DJANGO_SETTINGS_MODULE="governance.settings.development"
    )

    assert outcome.returncode == 0, outcome.stderr


def test_the_project_package_imports_nothing() -> None:
    outcome = production(
        "-c", "import sys; before = set(sys.modules); import governance; print(set(sys.modules) - before)"
    )

    assert outcome.stdout.strip() == "{'governance'}"


def test_log_lines_are_json_with_what_the_caller_added() -> None:
    import logging

    record = logging.LogRecord("governance.checks", logging.WARNING, __file__, 1, "run %s late", ("17",), None)
    record.request_id = "r-1"

    line = json.loads(JsonFormatter().format(record))

    assert line["event"] == "run 17 late"
    assert line["level"] == "warning"
    assert line["request_id"] == "r-1"
    assert logging_for("INFO", as_json=True)["root"]["level"] == "WARNING"
