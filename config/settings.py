"""Django settings, read once from the environment and from mounted files (`NAME_FILE`).

Nothing secret has a default. All mistakes are reported at once, without any value.
docs/reference/settings.md says what each of them is for.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured

from config.api_names import ENUM_NAMES
from config.celery import ROUTES, beats
from config.csp import STRICT
from config.environment import COUNT, LASTING, LIKELY, NOT_NEGATIVE, POSITIVE, Environment, one_of
from config.keys import KEYS
from config.unfold import LOOK
from config.version import VERSION
from training.calling.addresses import Network
from training.outside.declared import OutsideTrainer

django_stubs_ext.monkeypatch()  # lets ModelAdmin[DeletionRequest] run

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment()

# Secrets: distinct, outside the database.
SECRET_KEY = env.str("SECRET_KEY")
PSEUDONYM_KEY: bytes = env.key("PSEUDONYM_KEY")
SUPPRESSION_KEY: bytes = env.key("SUPPRESSION_KEY")
SHARD_KEY: bytes = env.key("SHARD_KEY")
REQUEST_KEY_ENCRYPTION_KEY: bytes = env.key("REQUEST_KEY_ENCRYPTION_KEY")
TRAIL_SIGNING_KEY: bytes = env.key("TRAIL_SIGNING_KEY")
MODEL_SIGNING_KEY: bytes = env.key("MODEL_SIGNING_KEY")
WEBHOOK_SIGNING_KEY: bytes = env.key("WEBHOOK_SIGNING_KEY")

# Where things are.
DATABASES: dict[str, dict[str, Any]] = {"default": env.database("DATABASE_URL")}
REDIS_URL = env.str("REDIS_URL")
ARTEFACT_DIR = env.path("ARTEFACT_DIR", default=BASE_DIR / "var" / "artefacts")
TRAIL_ORIGIN = env.str("TRAIL_ORIGIN", default="lethe.example/trail/1")

# A folder outside the database and its backups that keeps the newest checkpoint.
WITNESS_DIR: Path | None = env.path("WITNESS_DIR", default=None)

# Who may come in, and how.
DEBUG = env.bool("DEBUG", default=False)
HTTPS = env.bool("HTTPS", default=True)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", default=False)
TOKEN_DAYS = env.int("TOKEN_DAYS", default=30, validate=POSITIVE)
FAILED_LOGINS = env.int("FAILED_LOGINS_PER_MINUTE", default=10, validate=POSITIVE)
PROXIES = env.int("PROXIES", default=0, validate=COUNT)

# How the road is driven.
SWEEP_SECONDS = env.float("SWEEP_SECONDS", default=10.0, validate=POSITIVE)
SEAL_SECONDS = env.float("SEAL_SECONDS", default=1.0, validate=POSITIVE)
LEASE = env.timedelta("LEASE_SECONDS", default=timedelta(seconds=120), validate=LASTING)
COALESCE = env.timedelta("COALESCE_SECONDS", default=timedelta(days=1), validate=NOT_NEGATIVE)
LINKED_WAIT = env.timedelta("LINKED_WAIT_SECONDS", default=timedelta(days=1), validate=NOT_NEGATIVE)
ATTEMPTS = env.int("ATTEMPTS", default=5, validate=POSITIVE)
SAFE_QUANTILE = env.float("SAFE_QUANTILE", default=0.9998, validate=LIKELY)
POOL_SLOTS = env.int("POOL_SLOTS", default=8, validate=POSITIVE)
POOL_SLOTS_OF: dict[str, int] = env.slots("POOL_SLOTS_OF", default="")
PLAN_UP_TO = env.int("PLAN_UP_TO", default=1000, validate=POSITIVE)  # people in one plan
APPROVE_UP_TO = env.int("APPROVE_UP_TO", default=100)  # plans for more people wait for an officer
SUPPRESSION_DAYS = env.int("SUPPRESSION_DAYS", default=0, validate=COUNT)
PUBLIC_URL: str = env.base("PUBLIC_URL", default="")  # where those outside reach this service
RECIPIENT_PORTS: frozenset[int] = env.ports("RECIPIENT_PORTS", default="443,8443")
RECIPIENT_NETWORKS: tuple[Network, ...] = env.networks("RECIPIENT_NETWORKS", default="")
RECIPIENT_PLAIN_HTTP = env.bool("RECIPIENT_PLAIN_HTTP", default=False)
DRP_BUSINESS_ID = env.str("DRP_BUSINESS_ID", default="")  # empty: no agent is listened to
RELEASE_DAYS = env.int("RELEASE_DAYS", default=180, validate=POSITIVE)
RELEASE_NOTICE_DAYS = env.int("RELEASE_NOTICE_DAYS", default=14, validate=POSITIVE)
RELEASE_FRESH = env.timedelta(
    "RELEASE_FRESH_SECONDS", default=timedelta(seconds=60), validate=NOT_NEGATIVE
)
RELEASE_KEEP = env.timedelta(
    "RELEASE_KEEP_SECONDS", default=timedelta(days=1), validate=NOT_NEGATIVE
)
TRAINERS: dict[str, OutsideTrainer] = env.trainers("TRAINERS", default="")
SHIELD_NOTICE_DAYS = env.int("SHIELD_NOTICE_DAYS", default=14, validate=POSITIVE)

# How people are written to: only to confirm their address. Without a host nobody is.
EMAIL_HOST = env.str("EMAIL_HOST", default="")
EMAIL_PORT = env.int("EMAIL_PORT", default=587, validate=POSITIVE)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=True)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="lethe@localhost")
IDENTITY_DAYS = env.int("IDENTITY_DAYS", default=14, validate=POSITIVE)
EMAIL_TIMEOUT = 30  # seconds

# What is written down about it.
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO", validate=one_of("INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.str("LOG_FORMAT", default="plain", validate=one_of("plain", "json"))

env.seal()

if len({globals()[name] for name in KEYS}) < len(KEYS):
    raise ImproperlyConfigured("two of the keys are the same: each must be its own")

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "config.apps.OfficersAdmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "audits",
    "lineage",
    "privacy",
    "training",
    "deletion",
    "config.apps.ConfigConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.csp.ContentPolicy",
    "config.health.probes_first",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# What all processes of the service count together; nothing is lost if it is emptied.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        # Celery writes a unix socket's address in another way than the client library.
        "LOCATION": REDIS_URL.replace("redis+socket://", "unix://"),
        "KEY_PREFIX": "lethe",
        "OPTIONS": {"serializer": "config.caches.Json"},
    }
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # straight from the packages: no step in which to forget a file

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
UNFOLD = LOOK

SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]  # probes come from inside
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_SECURE = HTTPS
CONTENT_SECURITY_POLICY = {"DIRECTIVES": STRICT}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "config.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["audits.permissions.Deny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "config.openapi.ViewSchema",
    "EXCEPTION_HANDLER": "config.api_errors.problem_response",
    "DEFAULT_THROTTLE_RATES": {"failed-logins": f"{FAILED_LOGINS}/min"},
    "NUM_PROXIES": PROXIES,  # None, the default, would believe any X-Forwarded-For
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "URL_FORMAT_OVERRIDE": None,  # one way to ask for a format: the Accept header
}
REST_KNOX = {
    "TOKEN_TTL": timedelta(days=TOKEN_DAYS),
    "TOKEN_PREFIX": "lethe_",  # lets scanners find a token that leaked into code
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Lethe",
    "DESCRIPTION": "Makes an organisation, and every model it trained, forget a person on time.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": ENUM_NAMES,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.schema.add_problems",
    ],
}

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever: the broker comes back, and rows wait
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than any task may take: a message that comes back early would start it a second time.
    # Nothing rests on this, since each piece of work has a lease of its own in PostgreSQL.
    "visibility_timeout": 25 * 3600,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,  # by default only every tenth look really looks
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 3600
CELERY_TASK_ROUTES = ROUTES
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = beats(sweep_seconds=SWEEP_SECONDS, seal_seconds=SEAL_SECONDS)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"()": "config.logs.PlainLines"},
        "json": {"()": "config.logs.JsonLines"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own handlers would write a second line, and mail the text of exceptions.
        "django": {"handlers": [], "propagate": True},
        "django.db.backends": {"level": "INFO"},  # one level lower shows the values of queries
        # A line for each message of each beat says nothing.
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
