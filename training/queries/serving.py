"""Reads what serving systems are told: always signed, whether a version serves or the fallback."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import F, QuerySet

from audits.statements import digest_of, sign
from training.errors import NothingReleased
from training.manifests import (
    Promise,
    Served,
    release_statement,
    stop_statement,
    withdrawals_statement,
)
from training.models import Model, ModelRelease, ModelVersion, RollBack, Stop
from training.moments import newest as latest
from training.queries.registry import EVERYTHING, model_named, model_signer, scope_of
from training.states import VersionState
from training.summaries import Serving


def served(model: Model) -> Served:
    """Return a model as those who serve it are told of it."""
    return Served(model=model.name, purpose=model.purpose, uses=model.uses, fallback=model.fallback)


def serving(model_name: str, *, now: datetime) -> Serving:
    """Return the statement that is true of a model now.

    Under a stop, when what served was not qualified for longer, or when every version was
    withdrawn, it says so and names the fallback. Signing is deterministic, so the same situation
    gives the same bytes; each later situation has a greater sequence number.
    """
    model = model_named(model_name)
    releases = ModelRelease.objects.filter(version__model=model)
    scopes = [EVERYTHING, scope_of(model.name)]
    stop = Stop.objects.filter(scope__in=scopes, lifted_at=None).order_by("raised_at").first()
    as_of = _changed_at(releases, scopes, now=now)
    if stop is not None:
        return _signed_stop(
            model, why=f"a stop of {stop.scope} is down", since=stop.raised_at, as_of=as_of
        )
    release = (
        releases.filter(version__state=VersionState.RELEASED)
        .select_related("version__model", "version__qualification")
        .order_by("-released_at")
        .first()
    )
    if release is not None and release.qualified_until <= now:
        why = f"version {release.version.number} is not qualified any more"
        return _signed_stop(model, why=why, since=release.qualified_until, as_of=as_of)
    if release is not None:
        envelope = sign(statement_about(release, as_of=as_of), signer=model_signer())
        return Serving(
            envelope=envelope, digest=digest_of(envelope), ends_at=release.qualified_until
        )
    withdrawn = releases.order_by(F("withdrawn_at").desc(nulls_last=True)).first()
    if withdrawn is None:
        raise NothingReleased
    why = "every version was withdrawn"
    return _signed_stop(model, why=why, since=withdrawn.withdrawn_at, as_of=as_of)


def withdrawals(model_name: str, *, now: datetime) -> Serving:
    """Return the signed list of the versions of a model that nobody may load any more."""
    model = model_named(model_name)
    over = [VersionState.WITHDRAWN, VersionState.DESTROYED]
    # Trained again on the same data, a version can have the very bytes of one that is over.
    living = model.versions.exclude(state__in=over).values("artefact_digest")
    gone = model.versions.filter(state__in=over).exclude(artefact_digest__in=living)
    said = dict(gone.order_by("number").values_list("number", "artefact_digest"))
    releases = ModelRelease.objects.filter(version__model=model)
    as_of = _changed_at(releases, [EVERYTHING, scope_of(model.name)], now=now)
    statement = withdrawals_statement(served(model), said, as_of=as_of)
    envelope = sign(statement, signer=model_signer())
    return Serving(envelope=envelope, digest=digest_of(envelope))


def statement_about(release: ModelRelease, *, as_of: datetime | None) -> dict[str, object]:
    """Return what is said of a release, unsigned.

    It is made of the rows each time, so that a new key signs what an older one has signed before;
    the database lets nobody change what a version's artefact is.
    """
    version = release.version
    promise = Promise(
        version=version.number,
        artefact=version.artefact,
        artefact_digest=version.artefact_digest,
        manifest=version.manifest,
        metrics=version.metrics,
        tested=version.qualification.tested,
        judged_at=version.qualification.judged_at,
        released_at=release.released_at,
        qualified_until=release.qualified_until,
        as_of=as_of or release.released_at,
        keep=settings.RELEASE_KEEP,
    )
    return release_statement(served(version.model), promise)


def unclean(version: ModelVersion) -> str:
    """Say why a version may not serve again; empty if nobody in it was forgotten.

    It counts the people whom its data versions held against those whom the index still knows.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT training_unclean(%s)", [version.node_id])
        (why,) = cursor.fetchone()
    return why or ""


def roll_backs_of(model_name: str, *, newest: int) -> list[RollBack]:
    """Return the newest decisions to go back to an earlier version of a model."""
    found = RollBack.objects.filter(version__model=model_named(model_name))
    ordered = found.select_related("version", "replaced").order_by("-decided_at", "-pk")
    return list(ordered[:newest])


def releases_ending(*, before: datetime) -> list[int]:
    """Return the versions that serve, and are not qualified any more at a moment."""
    ending = ModelRelease.objects.filter(
        version__state=VersionState.RELEASED, qualified_until__lte=before
    )
    return list(ending.order_by("qualified_until", "pk").values_list("version_id", flat=True))


def qualified_for(model: Model) -> timedelta:
    """Return how long a version of a model may serve before it has to be measured again."""
    return timedelta(days=model.qualified_days or settings.RELEASE_DAYS)


def _changed_at(
    releases: QuerySet[ModelRelease], scopes: list[str], *, now: datetime
) -> datetime | None:
    """Return when what is said of a model last became another."""
    said = releases.values_list("released_at", "withdrawn_at", "qualified_until")
    stops = Stop.objects.filter(scope__in=scopes).values_list("raised_at", "lifted_at")
    backs = RollBack.objects.filter(version__release__in=releases).values_list("decided_at")
    moments = [moment for row in (*said, *stops, *backs) for moment in row]
    return latest(moment for moment in moments if moment is not None and moment <= now)


def _signed_stop(
    model: Model, *, why: str, since: datetime | None, as_of: datetime | None
) -> Serving:
    said = stop_statement(served(model), why=why, since=since, as_of=as_of)
    envelope = sign(said, signer=model_signer())
    return Serving(envelope=envelope, digest=digest_of(envelope))
