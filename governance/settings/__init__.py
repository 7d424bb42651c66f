"""Production settings. Everything that differs between installations comes from the environment; missing values prevent
the start.

This module is also the package of the other settings, so it reads the environment only if it is itself the settings
module in use.
"""

from __future__ import annotations

import os
from typing import Any

if os.environ.get("DJANGO_SETTINGS_MODULE") == __name__:
    from governance.settings.base import *  # noqa: F403  # settings build on each other
    from governance.settings.base import BASE_DIR
    from governance.settings.environment import read
    from governance.settings.logs import logging_for

    _found = read(os.environ)

    DEBUG = False
    SECRET_KEY = _found.secret_key
    SECRET_KEY_FALLBACKS = _found.secret_key_fallbacks
    DATABASES: dict[str, dict[str, Any]] = {"default": _found.database}
    REDIS_URL = _found.redis_url
    CELERY_BROKER_URL = _found.redis_url
    ALLOWED_HOSTS = _found.allowed_hosts
    PUBLIC_URL = _found.public_url
    CSRF_TRUSTED_ORIGINS = [_found.public_url]
    COUNTERSIGN_STORAGE = _found.storage.kind
    COUNTERSIGN_STORAGE_DIR = _found.storage.folder
    COUNTERSIGN_S3 = _found.storage.bucket
    COUNTERSIGN_LOG_ORIGIN = _found.log_origin
    COUNTERSIGN_LOG_STATE_DIR = _found.log_state_dir
    COUNTERSIGN_LOG_PUBLISH_DIR = _found.log_publish_dir
    COUNTERSIGN_LOG_ANCHORS = _found.log_anchors
    COUNTERSIGN_TRUSTED_PROXIES = _found.trusted_proxies
    COUNTERSIGN_PROTECTED = _found.protected
    COUNTERSIGN_CHECKS_NEED_ISOLATION = _found.checks_need_isolation
    COUNTERSIGN_ADMIN_PATH = _found.admin_path
    if _found.mail:
        globals().update(_found.mail)
        DEFAULT_FROM_EMAIL = _found.mail_from
    COUNTERSIGN_SOURCES = _found.sources
    COUNTERSIGN_WEBHOOK_HOSTS = _found.webhook_hosts
    COUNTERSIGN_REQUIRE_SECOND_FACTOR = _found.require_second_factor
    COUNTERSIGN_SIGNING_ATTEMPTS = _found.signing_attempts
    COUNTERSIGN_DECISION_KEY_PATH = _found.decision_key_path
    COUNTERSIGN_DECISION_KEY_FINGERPRINT = _found.decision_key_fingerprint
    LOGGING = logging_for(_found.log_level, as_json=True)

    # Monitoring uses plain HTTP from inside.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_SECURE = True
    CSRF_COOKIE_NAME = "__Host-csrf"
    if _found.trusted_proxies:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    STATIC_ROOT = BASE_DIR / "staticfiles"
