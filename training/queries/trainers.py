"""Finds trainers by name: the installed ones, and those that this installation declares."""

from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from training.calling.addresses import Policy
from training.errors import JobEnded, TrainerUnknown
from training.models import OutsideJob
from training.outside.command import CommandDriver, log_of
from training.outside.contract import Driver
from training.outside.declared import OutsideTrainer
from training.outside.webhook import WebhookDriver
from training.states import JobState
from training.trainers import TRAINERS, installed
from training.trainers import trainer_named as installed_trainer
from training.trainers.protocol import Trainer


def trainer_names() -> list[str]:
    """Return the names of all trainers."""
    return sorted({*installed(), *settings.TRAINERS})


def trainer_named(name: str) -> Trainer | OutsideTrainer:
    """Return a trainer; a built-in one is never replaced by a declared one of its name."""
    declared: OutsideTrainer | None = settings.TRAINERS.get(name)
    if declared is not None and name not in TRAINERS:
        return declared
    if name not in installed():
        raise TrainerUnknown(f"there are {', '.join(trainer_names())}")
    return installed_trainer(name)


def address_policy() -> Policy:
    """Return which addresses this installation calls."""
    return Policy(
        ports=settings.RECIPIENT_PORTS,
        networks=settings.RECIPIENT_NETWORKS,
        plain_http=settings.RECIPIENT_PLAIN_HTTP,
    )


def folder_of(job: OutsideJob) -> str:
    """Return the folder of a piece of work, below the folder of artefacts."""
    return f"{_jobs_of(job.run.model_id)}/{job.key}"


def place_of(job: OutsideJob) -> Path:
    """Return the folder of a piece of work."""
    return Path(settings.ARTEFACT_DIR) / folder_of(job)


def address_of_input(job: OutsideJob, name: str) -> str:
    """Return where a trainer that is a service reads a file."""
    return f"{settings.PUBLIC_URL}{reverse('training-run-input', args=[job.run_id, name])}"


def addresses_of(job: OutsideJob) -> dict[str, str]:
    """Return where a trainer that is a service brings what it made."""
    run = [job.run_id]
    return {
        "made": f"{settings.PUBLIC_URL}{reverse('training-run-output', args=run)}",
        "result": f"{settings.PUBLIC_URL}{reverse('training-run-result', args=run)}",
    }


def require_open(job: OutsideJob) -> None:
    """Raise `JobEnded` unless the work is under way: the token of any other is stale."""
    if job.state != JobState.RUNNING:
        raise JobEnded


def log_text(job: OutsideJob) -> str:
    """Return what a trainer has printed, while it is kept. It may quote people: personal data."""
    return "" if job.cleared_at else log_of(Path(settings.ARTEFACT_DIR) / folder_of(job))


def driver_of(trainer: OutsideTrainer, *, model_id: int) -> Driver:
    """Return what drives the work of a model's outside trainer."""
    if trainer.url:
        return WebhookDriver(
            name=trainer.name,
            url=trainer.url,
            root=Path(settings.ARTEFACT_DIR) / _jobs_of(model_id),
            policy=address_policy(),
            signing_key=settings.WEBHOOK_SIGNING_KEY,
            clock=timezone.now,  # noqa: TID251  # a signature is made when it is sent
        )
    return CommandDriver(
        argv=trainer.argv,
        limit_seconds=trainer.limit_seconds,
        environment=trainer.environment,
        root=Path(settings.ARTEFACT_DIR) / _jobs_of(model_id),
    )


def driver_to_cancel(job: OutsideJob) -> Driver:
    """Return what ends a piece of work, also of a trainer that is declared no more."""
    gone = OutsideTrainer(name="", code="", limit_seconds=1)
    declared: OutsideTrainer = settings.TRAINERS.get(job.run.model.trainer, gone)
    return driver_of(declared, model_id=job.run.model_id)


def _jobs_of(model_id: int) -> str:
    return f"{model_id}/jobs"
