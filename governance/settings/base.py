"""Settings that are the same everywhere. The modules beside this one add what differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kombu import Queue

from governance.settings.rest import *  # noqa: F403  # settings build on each other
from registry.storage.bucket import S3Settings

BASE_DIR = Path(__file__).resolve().parents[2]

# --- components ---

INSTALLED_APPS = [
    "audit",
    "registry",
    "governance",
    "governance.interfaces.html",
    "guardian",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "template_partials",
    # Without autodiscovery: the admin site's models are listed in governance.interfaces.admin.urls.
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
                f"governance.interfaces.html.templatetags.{library}"
                for library in ("ui", "times", "numbers", "charts", "timecharts", "checkcharts", "debts", "reporting")
            ],
        },
    },
]

# --- users ---

AUTH_USER_MODEL = "registry.User"
AUTHENTICATION_BACKENDS = ["registry.access.backend.RoleBackend"]
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
# guardian's backend is not used: RoleBackend answers has_perm() as registry.access decides.
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]

# --- language and time ---

LANGUAGE_CODE = "en-gb"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- response headers ---

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
# Browser features that no page uses, of those that browsers know: an unknown one is logged as an error on the console.
_UNUSED_FEATURES = (
    "accelerometer autoplay camera clipboard-read display-capture encrypted-media fullscreen gamepad geolocation "
    "gyroscope hid idle-detection magnetometer microphone midi payment picture-in-picture "
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
CSRF_FAILURE_VIEW = "governance.interfaces.html.errors.form_outdated"

# --- bodies ---

# Files are streamed to storage by their own views; Django reads only forms and JSON into memory.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# --- static files ---

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"

# --- Celery: due work is stored in the database; the queue only triggers workers ---

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
# Copies of sources and checks of large files take hours where other checks take seconds, webhook receivers may be slow,
# and readers may request many PDF files: each has its own queue. A worker serves all queues unless --queues limits it;
# one worker for checks-large, and others without it, keep large files from delaying the rest.
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_QUEUES = tuple(
    Queue(name) for name in ("celery", "checks", "checks-large", "copies", "documents", "webhooks")
)
CELERY_TASK_ROUTES = {
    "governance.tasks.copy_source": {"queue": "copies"},
    "governance.tasks.deliver_webhook": {"queue": "webhooks"},
    "governance.tasks.draw_pdf": {"queue": "documents"},
    "governance.tasks.replay_policy": {"queue": "documents"},
    "governance.tasks.run_check": {"queue": "checks"},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# A running check may finish while the broker is unavailable: its claim is in the database, and a redelivered message
# finds nothing to claim.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# Longer than the longest task: a message that was not acknowledged by then is given to another worker.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
    "visibility_timeout": 2 * 60 * 60,
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
    "retry_on_timeout": True,
    # A publisher tries to connect once; without this it would retry for ever.
    "max_retries": 0,
    "interval_start": 0,
}
# A request that enqueues while the broker is unavailable must not wait: beat enqueues again.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True

# --- mail: disabled unless the environment names a server (COUNTERSIGN_MAIL_URL) ---

EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
DEFAULT_FROM_EMAIL = "countersign@localhost"

# --- product settings ---

COUNTERSIGN_PROVISION_URL = ""
COUNTERSIGN_DEMO = False
# "none": a new instance is set up without protection, for trials. Read only at that time.
COUNTERSIGN_PROTECTED = "default"
COUNTERSIGN_TRUSTED_PROXIES = 0
# Path of the admin site, and seconds for which an entered password allows changes there.
COUNTERSIGN_ADMIN_PATH = "admin/"
COUNTERSIGN_ADMIN_CONFIRMED_SECONDS = 15 * 60

# Checks: seconds without a heartbeat after which a run is lost; pauses before retries; whether checks are refused on
# machines that cannot isolate them from sockets and files (Landlock, seccomp).
COUNTERSIGN_REQUEUE_SECONDS = 10.0
COUNTERSIGN_CHECK_LOST_AFTER = 45.0
COUNTERSIGN_CHECK_RETRY_PAUSES = (30.0, 120.0)
COUNTERSIGN_CHECKS_NEED_ISOLATION = False

# Where bytes are stored: "folder", in COUNTERSIGN_STORAGE_DIR; or "s3", in the bucket described by COUNTERSIGN_S3.
COUNTERSIGN_STORAGE = "folder"
COUNTERSIGN_S3: S3Settings | None = None
# Uploads: seconds without a heartbeat after which verification is given to another worker; maximum attempts; days after
# which unreferenced bytes and incomplete versions are given up.
COUNTERSIGN_UPLOAD_LOST_AFTER = 120.0
COUNTERSIGN_UPLOAD_ATTEMPTS = 5
COUNTERSIGN_RECOGNISE_SECONDS = 20.0
COUNTERSIGN_SWEEP_SECONDS = 60 * 60.0
COUNTERSIGN_ORPHANS_KEPT_DAYS = 7
COUNTERSIGN_ABANDONED_AFTER_DAYS = 14

# Stores from which versions registered by source may be copied (see governance.integrations.source_sync.sources); no
# other store is contacted. And the seconds before a second attempt.
COUNTERSIGN_SOURCES: list[Any] = []
COUNTERSIGN_COPY_RETRY_PAUSE = 30.0

# The audit log: folder of the signer (key and last signed head), folder for static files, places for checkpoints and
# the seconds between two, and how long the answer to a decision waits for its proof.
COUNTERSIGN_LOG_STATE_DIR: Path | None = None
COUNTERSIGN_LOG_PUBLISH_DIR: Path | None = None
COUNTERSIGN_LOG_ANCHORS: list[dict[str, Any]] = []
COUNTERSIGN_LOG_ANCHOR_SECONDS = 60.0
COUNTERSIGN_RECEIPT_SECONDS = 2.0

# Hosts, or host:port, that webhooks may use inside private networks and without TLS. And the seconds between two reads
# of the log for webhooks.
COUNTERSIGN_WEBHOOK_HOSTS: list[str] = []
COUNTERSIGN_REQUIRE_SECOND_FACTOR = False
COUNTERSIGN_SIGNING_ATTEMPTS = 5
# The private key that attests decision signatures, made at the first start; and the key that this must be, if any.
COUNTERSIGN_DECISION_KEY_PATH = BASE_DIR / "var" / "keys" / "decision.pem"
COUNTERSIGN_DECISION_KEY_FINGERPRINT = ""
COUNTERSIGN_WEBHOOK_SECONDS = 2.0

# Limits of a version. The store needs the space, and the checks read every file again.
COUNTERSIGN_MAX_FILES = 1_000
COUNTERSIGN_MAX_FILE_BYTES = 10 * 1024**3
COUNTERSIGN_MAX_VERSION_BYTES = 50 * 1024**3
COUNTERSIGN_MAX_EVIDENCE_BYTES = 256 * 1024**2
