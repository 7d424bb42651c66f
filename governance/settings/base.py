"""Settings that are the same everywhere. What differs comes from the environment, in the modules beside this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kombu import Queue

from governance.settings.rest import *  # noqa: F403
from registry.storage.bucket import S3Settings

BASE_DIR = Path(__file__).resolve().parents[2]

# --- what the product is made of ---

INSTALLED_APPS = [
    "audit",
    "registry",
    "governance",
    "governance.interfaces.web",
    "guardian",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "template_partials",
    # Without looking for admin modules: what the site shows stands in one table, governance.interfaces.admin.urls.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "governance.interfaces.web.middleware.RequestFacts",
    "governance.interfaces.web.middleware.Compression",
    "governance.interfaces.web.middleware.PermissionsPolicy",
    "django.middleware.security.SecurityMiddleware",
    "governance.interfaces.web.middleware.ContentPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "governance.interfaces.web.middleware.ReaderPreferences",
    "governance.interfaces.web.middleware.VisibleControls",
]

ROOT_URLCONF = "governance.urls"
WSGI_APPLICATION = "governance.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "governance.interfaces.web.context_processors.layout",
            ],
            "builtins": [
                f"governance.interfaces.web.templatetags.{library}" for library in ("ui", "times", "numbers", "charts")
            ],
        },
    },
]

# --- people ---

AUTH_USER_MODEL = "registry.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"

ANONYMOUS_USER_NAME = None
# guardian's own backend stays out: who may do what is asked of registry.access alone, never of has_perm().
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]

# --- language and time ---

LANGUAGE_CODE = "en-gb"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- what a browser is told ---

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    },
}
# Browser features that no page uses, of those that browsers know: an unknown one is an error on the console.
_UNUSED_FEATURES = (
    "accelerometer autoplay camera clipboard-read display-capture encrypted-media fullscreen gamepad geolocation "
    "gyroscope hid idle-detection magnetometer microphone midi payment picture-in-picture publickey-credentials-get "
    "screen-wake-lock serial usb xr-spatial-tracking"
)
COUNTERSIGN_PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES.split())
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 60 * 60
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "governance.interfaces.web.errors.form_outdated"

# --- bodies ---

# Files are streamed to storage by their own door; what Django reads into memory is forms and JSON.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# --- static files ---

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"

# --- Celery: a doorbell, not a letter. Rows in the database say what is due; the queue only says "look now". ---

CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 15 * 60
CELERY_TASK_SOFT_TIME_LIMIT = 14 * 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Copies of what lies at versions' sources take hours where checks take seconds, receivers of webhooks may be slow, and
# readers may request many PDF files: each has a queue of its own. A worker listens to all unless --queues limits it.
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_QUEUES = (Queue("celery"), Queue("copies"), Queue("documents"), Queue("webhooks"))
CELERY_TASK_ROUTES = {
    "governance.tasks.copy_source": {"queue": "copies"},
    "governance.tasks.deliver_webhook": {"queue": "webhooks"},
    "governance.tasks.draw_pdf": {"queue": "documents"},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# A check that runs while the broker goes away may finish: its claim is in the database, and a message that is delivered
# again finds nothing to claim.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# Longer than any task may run: a message that was not acknowledged by then is given to another worker.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
    "visibility_timeout": 2 * 60 * 60,
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
    "retry_on_timeout": True,
    # A publisher tries to connect once; without this it would try for ever.
    "max_retries": 0,
    "interval_start": 0,
}
# A request that rings while the broker is away must not wait for it: beat rings again.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True

# --- mail: none leaves unless the environment names a server (COUNTERSIGN_MAIL_URL) ---

EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
DEFAULT_FROM_EMAIL = "countersign@localhost"

# --- the product's own ---

COUNTERSIGN_PROVISION_URL = ""
COUNTERSIGN_DEMO = False
# "none": a new instance is set up with nothing protected, for trials. Read then and never again.
COUNTERSIGN_PROTECTED = "default"
COUNTERSIGN_TRUSTED_PROXIES = 0
# Where the admin site answers, and for how long a password given again opens it for changes.
COUNTERSIGN_ADMIN_PATH = "admin/"
COUNTERSIGN_ADMIN_CONFIRMED_SECONDS = 15 * 60

# Checks. A run without a sign of life for so many seconds is given up; the pauses are those before a retry; where
# checks must be kept from sockets and files (Landlock, seccomp) and the machine cannot, no check runs.
COUNTERSIGN_RING_AGAIN_SECONDS = 10.0
COUNTERSIGN_CHECK_LOST_AFTER = 45.0
COUNTERSIGN_CHECK_RETRY_PAUSES = (30.0, 120.0)
COUNTERSIGN_CHECKS_NEED_ISOLATION = False

# Where bytes are kept: "folder", in COUNTERSIGN_STORAGE_DIR; or "s3", in the bucket COUNTERSIGN_S3 tells of.
COUNTERSIGN_STORAGE = "folder"
COUNTERSIGN_S3: S3Settings | None = None
# Seconds without a sign of life after which the examination of an upload is given to another worker; how often it is
# tried; after how many days bytes that nothing refers to, and versions that were never completed, are given up.
COUNTERSIGN_UPLOAD_LOST_AFTER = 120.0
COUNTERSIGN_UPLOAD_ATTEMPTS = 5
COUNTERSIGN_RECOGNISE_SECONDS = 20.0
COUNTERSIGN_SWEEP_SECONDS = 60 * 60.0
COUNTERSIGN_ORPHANS_KEPT_DAYS = 7
COUNTERSIGN_ABANDONED_AFTER_DAYS = 14

# Where versions that were registered by their source alone may be copied from
# (see governance.integrations.source_sync.sources): only
# what an operator names here is ever asked. And the seconds before a second attempt.
COUNTERSIGN_SOURCES: list[Any] = []
COUNTERSIGN_COPY_RETRY_PAUSE = 30.0

# Hosts, or host:port, that webhooks may reach inside private networks and without TLS. And how often the log is looked
# through for what webhooks are to be told.
COUNTERSIGN_WEBHOOK_HOSTS: list[str] = []
COUNTERSIGN_WEBHOOK_SECONDS = 2.0

# What a version may consist of. The store needs the room, and every file is read again by the checks.
COUNTERSIGN_MAX_FILES = 1_000
COUNTERSIGN_MAX_FILE_BYTES = 10 * 1024**3
COUNTERSIGN_MAX_VERSION_BYTES = 50 * 1024**3
COUNTERSIGN_MAX_EVIDENCE_BYTES = 256 * 1024**2
