"""Development and demonstration, on this machine only: embedded servers, a generated secret, plain HTTP."""

from __future__ import annotations

import os
from pathlib import Path

from governance.settings.base import *  # noqa: F403  # settings build on each other
from governance.settings.base import BASE_DIR
from governance.settings.embedded_servers import kept_secret, servers
from governance.settings.environment import anchors, protected, storage, words
from governance.settings.logs import logging_for

VAR_DIR = Path(os.environ.get("COUNTERSIGN_VAR_DIR") or BASE_DIR / "var")

DEBUG = os.environ.get("COUNTERSIGN_DEBUG") == "1"
SECRET_KEY = kept_secret(VAR_DIR / "secret_key")
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
PUBLIC_URL = os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000")

_database, REDIS_URL, COUNTERSIGN_PROVISION_URL = servers(os.environ, VAR_DIR, "countersign")
DATABASES = {"default": _database}
CELERY_BROKER_URL = REDIS_URL

# The demonstration's password is random and long, and it makes many signatures: see the hasher.
PASSWORD_HASHERS = ["governance.development.demo.passwords.DevelopmentHasher"]

# Mails are files in this folder; nothing is sent.
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = VAR_DIR / "mail"
# The product, and pages under /dev/mail/ that show these files.
ROOT_URLCONF = "governance.development.urls"

COUNTERSIGN_DEMO = True
COUNTERSIGN_PROTECTED = protected(os.environ.get("COUNTERSIGN_PROTECTED", ""))
# The webhook of the demonstration fails: no program listens on the discard port of this machine.
COUNTERSIGN_WEBHOOK_HOSTS = words(os.environ.get("COUNTERSIGN_WEBHOOK_HOSTS", "127.0.0.1:9"))
_storage = storage(os.environ, VAR_DIR / "artifacts")
COUNTERSIGN_STORAGE = _storage.kind
COUNTERSIGN_STORAGE_DIR = _storage.folder
COUNTERSIGN_S3 = _storage.bucket
COUNTERSIGN_DECISION_KEY_PATH = VAR_DIR / "keys" / "decision.pem"
COUNTERSIGN_LOG_ORIGIN = os.environ.get("COUNTERSIGN_LOG_ORIGIN", "demo.invalid/audit/1")
COUNTERSIGN_LOG_STATE_DIR = Path(os.environ.get("COUNTERSIGN_LOG_STATE_DIR") or VAR_DIR / "log-state")
COUNTERSIGN_LOG_PUBLISH_DIR = Path(os.environ.get("COUNTERSIGN_LOG_PUBLISH_DIR") or VAR_DIR / "log-public")
# The witness of the demonstration is a folder on this machine; a real one belongs to another administrator.
COUNTERSIGN_LOG_ANCHORS = anchors(os.environ.get("COUNTERSIGN_LOG_ANCHORS", "[]"))

LOGGING = logging_for(os.environ.get("COUNTERSIGN_LOG_LEVEL", "INFO").upper(), as_json=False)

# Served from the source folders: no collectstatic.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
