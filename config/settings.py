"""Django settings, read once from the environment and from mounted files (`NAME_FILE`).

Nothing secret has a default. All mistakes are reported at once, without any value.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import django_stubs_ext
from environs import FileAwareEnv

django_stubs_ext.monkeypatch()  # lets ModelAdmin[DeletionRequest] run

BASE_DIR = Path(__file__).resolve().parent.parent

env = FileAwareEnv(eager=False)


def secret(name: str) -> str:
    """Read a secret; a mounted file ends in a newline that is not part of it."""
    value: str | None = env.str(name)
    return (value or "").strip()


def key(name: str) -> bytes:
    """Read a 32-byte key written as 64 hexadecimal digits."""
    return bytes.fromhex(secret(name))


def database(url: str) -> dict[str, Any]:
    """Return Django's form of a PostgreSQL URL; `%2F` in the host is a unix socket's folder."""
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.removeprefix("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


SECRET_KEY = secret("SECRET_KEY")
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
DATABASES = {"default": database(secret("DATABASE_URL"))}
REDIS_URL = secret("REDIS_URL")

# Keys: distinct, outside the database. See docs/reference/settings.md for what each protects.
PSEUDONYM_KEY = key("PSEUDONYM_KEY")
SUPPRESSION_KEY = key("SUPPRESSION_KEY")
SHARD_KEY = key("SHARD_KEY")
REQUEST_KEY_ENCRYPTION_KEY = key("REQUEST_KEY_ENCRYPTION_KEY")
TRAIL_SIGNING_KEY = key("TRAIL_SIGNING_KEY")  # Ed25519 seed
MODEL_SIGNING_KEY = key("MODEL_SIGNING_KEY")  # Ed25519 seed

TRAIL_ORIGIN = env.str("TRAIL_ORIGIN", default="lethe.example/trail/1")
ARTEFACT_DIR = env.path("ARTEFACT_DIR", default=BASE_DIR / "var" / "artefacts")

# How the road is driven.
SWEEP_SECONDS = env.float("SWEEP_SECONDS", default=10.0)
SEAL_SECONDS = env.float("SEAL_SECONDS", default=1.0)
LEASE = timedelta(seconds=env.int("LEASE_SECONDS", default=120))
COALESCE = timedelta(seconds=env.int("COALESCE_SECONDS", default=24 * 3600))
ATTEMPTS = env.int("ATTEMPTS", default=5)
APPROVE_UP_TO = env.int("APPROVE_UP_TO", default=100)  # plans for more people wait for an officer

env.seal()

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "audits",
    "lineage",
    "privacy",
    "training",
    "deletion",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
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

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "var" / "static"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["audits.permissions.Deny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.api_errors.problem_response",
}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TIMEZONE = "UTC"
