"""Reads of models, their versions and the stops."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings

from audits.statements import Signer
from lineage.places import NAME
from training.errors import ModelUnknown
from training.models import Model, ModelVersion, Snapshot, Stop
from training.pools import ALWAYS, training_pool
from training.queries.jobs import doomed_jobs
from training.states import VersionState

EVERYTHING: Final = "everything"
_POOL: Final = "pool/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShown:
    """A model, its versions newest first, and the key that signs what is said about it."""

    model: Model
    stopped: bool
    verifier_key: str
    versions: list[ModelVersion]


def scope_of(model_name: str) -> str:
    """Return the scope of a stop for one model."""
    return f"model/{model_name}"


def scope_of_pool(pool: str) -> str:
    """Return the scope of a stop for one pool, by its full name."""
    return f"{_POOL}{pool}"


def scopes_over(model_name: str, *, pool: str) -> frozenset[str]:
    """Return the scopes whose stop keeps a model from being trained; `pool` is its short name."""
    return frozenset({EVERYTHING, scope_of(model_name), scope_of_pool(training_pool(pool))})


def pools() -> list[str]:
    """Return the full names of all pools, that of the erasures included."""
    of_models = Model.objects.values_list("pool", flat=True).distinct()
    return sorted(ALWAYS | {training_pool(pool) for pool in of_models})


def stopped(*scopes: str) -> bool:
    """Say whether a stop is down in one of the scopes."""
    return Stop.objects.filter(scope__in=scopes, lifted_at=None).exists()


def is_stopped(model_name: str) -> bool:
    """Say whether nothing may start for a model."""
    pool = Model.objects.filter(name=model_name).values_list("pool", flat=True).first()
    return stopped(*scopes_over(model_name, pool=pool or ""))


def stops(*, newest: int) -> list[Stop]:
    """Return the newest stops, lifted ones included."""
    return list(Stop.objects.order_by("-raised_at", "-pk")[:newest])


def models() -> list[Model]:
    """Return every registered model, by name."""
    return list(Model.objects.select_related("family").order_by("name"))


def model_named(name: str) -> Model:
    """Return a registered model."""
    # Looked at first: PostgreSQL refuses some texts that an address can hold.
    if not NAME.fullmatch(name):
        raise ModelUnknown
    model = Model.objects.select_related("family").filter(name=name).first()
    if model is None:
        raise ModelUnknown
    return model


def shown(name: str) -> ModelShown:
    """Return a model with all that is shown of it."""
    model = model_named(name)
    return ModelShown(
        model=model,
        stopped=is_stopped(model.name),
        verifier_key=model_signer().verifier_key.text,
        versions=versions_of(model.pk),
    )


def versions_of(model_id: int) -> list[ModelVersion]:
    """Return the versions of a model, newest first."""
    return list(
        ModelVersion.objects.filter(model_id=model_id)
        .select_related("qualification", "dataset_version", "run")
        .prefetch_related("run__verdicts")
        .order_by("-number")
    )


def champion_of(model_id: int) -> ModelVersion | None:
    """Return the version that serves."""
    return ModelVersion.objects.filter(model_id=model_id, state=VersionState.RELEASED).first()


def doomed_versions(model_id: int) -> list[ModelVersion]:
    """Return the versions of a model whose artefact has to be destroyed."""
    return list(
        ModelVersion.objects.filter(model_id=model_id, doomed_at__isnull=False, destroyed_at=None)
    )


def doomed_snapshots(model_id: int) -> list[Snapshot]:
    """Return the snapshots of a model that have to be destroyed."""
    return list(
        Snapshot.objects.filter(model_id=model_id, doomed_at__isnull=False, destroyed_at=None)
    )


def doomed_models(*, now: datetime) -> list[int]:
    """Return the models of which something has to be destroyed."""
    doomed = {"doomed_at__isnull": False, "destroyed_at": None}
    versions = ModelVersion.objects.filter(**doomed).values_list("model_id", flat=True)
    snapshots = Snapshot.objects.filter(**doomed).values_list("model_id", flat=True)
    jobs = doomed_jobs(now=now).values_list("run__model_id", flat=True)
    return sorted({*versions, *snapshots, *jobs})


def is_given_up(model_id: int) -> bool:
    """Say whether the training set of a model was given up: nobody writes files of it any more."""
    return Model.objects.filter(pk=model_id, family__retired_at__isnull=False).exists()


def known_files(model_id: int) -> set[str]:
    """Return the files that a model's rows name, those that are to be destroyed included."""
    versions = ModelVersion.objects.filter(model_id=model_id, destroyed_at=None)
    snapshots = Snapshot.objects.filter(model_id=model_id, destroyed_at=None)
    return {
        *versions.values_list("artefact", flat=True),
        *snapshots.values_list("file", flat=True),
    }


def model_signer() -> Signer:
    """Return the key that signs what serving systems are told, under a name of its own."""
    return Signer(name=f"{settings.TRAIL_ORIGIN}/models", seed=settings.MODEL_SIGNING_KEY)
