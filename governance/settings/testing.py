"""Test settings: as development, with a database, a Redis database and a directory for each test worker."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from governance.settings.base import *  # noqa: F403  # settings build on each other
from governance.settings.base import BASE_DIR
from governance.settings.embedded_servers import servers
from governance.settings.environment import storage
from governance.settings.logs import logging_for
from governance.settings.test_databases import redis_database, take_slot

VAR_DIR = Path(os.environ.get("COUNTERSIGN_VAR_DIR") or BASE_DIR / "var")

DEBUG = False
SECRET_KEY = "tests-only-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PUBLIC_URL = "http://testserver"

_database, _redis, COUNTERSIGN_PROVISION_URL = servers(os.environ, VAR_DIR, "countersign")
_slot = take_slot(VAR_DIR)
_database["TEST"] = {"NAME": f"test_countersign_{_slot}"}
# Worker processes started by tests get their test database and Redis database from the environment.
_database["NAME"] = os.environ.get("COUNTERSIGN_TEST_DATABASE", _database["NAME"])
# No test loses power or kills PostgreSQL, so a commit need not wait for the disk: 0.07 ms instead of 5 ms.
_given = _database["OPTIONS"].get("options", "")
_database["OPTIONS"] = {**_database["OPTIONS"], "options": f"{_given} -c synchronous_commit=off".strip()}
REDIS_URL = os.environ.get("COUNTERSIGN_TEST_REDIS_URL") or redis_database(_redis, _slot)
DATABASES = {"default": _database}
CELERY_BROKER_URL = REDIS_URL

_storage = storage(
    os.environ, Path(os.environ.get("COUNTERSIGN_STORAGE_DIR") or tempfile.mkdtemp(prefix="countersign-tests-"))
)
COUNTERSIGN_STORAGE = _storage.kind
COUNTERSIGN_STORAGE_DIR = _storage.folder
COUNTERSIGN_S3 = _storage.bucket
COUNTERSIGN_DECISION_KEY_PATH = VAR_DIR / "keys" / "tests.pem"
COUNTERSIGN_LOG_ORIGIN = "test.invalid/audit/1"
# For sequencers that a test starts. No other test has one, so no answer waits for a proof.
if _state := os.environ.get("COUNTERSIGN_LOG_STATE_DIR"):
    COUNTERSIGN_LOG_STATE_DIR = Path(_state)
    COUNTERSIGN_LOG_PUBLISH_DIR = Path(os.environ["COUNTERSIGN_LOG_PUBLISH_DIR"])
COUNTERSIGN_RECEIPT_SECONDS = 0.0

# Sources for workers that a test starts.
COUNTERSIGN_SOURCES = json.loads(os.environ.get("COUNTERSIGN_TEST_SOURCES", "[]"))

# A port without a listener.
COUNTERSIGN_WEBHOOK_HOSTS = ["127.0.0.1:9"]

# For workers that a test kills: shorter times.
if os.environ.get("COUNTERSIGN_TEST_CLOCKWORK") == "fast":
    COUNTERSIGN_REQUEUE_SECONDS = 0.5
    COUNTERSIGN_CHECK_LOST_AFTER = 4.0
    COUNTERSIGN_CHECK_RETRY_PAUSES = (0.2, 0.2)

# Password hashing need not be slow in tests.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

LOGGING = logging_for("WARNING", as_json=False)

WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
