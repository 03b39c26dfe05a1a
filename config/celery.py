"""The Celery app and what beats. Rows are the queue; these messages only wake the workers."""

import logging.config
import os
from typing import Any, Final

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

SWEEPS: Final = (
    "deletion.tasks.sweep",
    "training.tasks.sweep",
    "privacy.tasks.sweep",
)
SEAL: Final = "audits.tasks.seal"
WATCH: Final = "deletion.tasks.watch_shields"

ORDERS: Final = "deletion.tasks.follow_disgorgements"

_HOUR: Final = 3600.0  # a shield ends on a day, and to look walks all that was made of releases

# Sweeps have a queue, and so a worker, of their own: behind a day of training no clock would tick.
ROUTES: Final = {name: {"queue": "sweep"} for name in (*SWEEPS, SEAL, WATCH, ORDERS)}

app = Celery("lethe")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def beats(*, sweep_seconds: float, seal_seconds: float) -> dict[str, dict[str, Any]]:
    """Return what is sent how often; a message that nobody took in time is dropped."""
    every = {
        **dict.fromkeys((*SWEEPS, ORDERS), sweep_seconds),
        SEAL: seal_seconds,
        WATCH: _HOUR,
    }
    return {
        name: {"task": name, "schedule": seconds, "options": {"expires": seconds}}
        for name, seconds in every.items()
    }


@setup_logging.connect
def use_the_services_log(**_said: Any) -> None:
    """Keep Celery from setting up a log of its own, which would show exceptions' texts."""
    logging.config.dictConfig(settings.LOGGING)
