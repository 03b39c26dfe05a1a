"""Reads what serving systems are told: always signed, whether a version serves or the fallback."""

from audits.statements import digest_of, sign
from training.errors import NothingReleased
from training.manifests import Served, stop_statement
from training.models import Model, ModelRelease, ModelVersion, Stop
from training.queries.registry import EVERYTHING, model_named, model_signer, scope_of
from training.states import VersionState
from training.summaries import Serving


def served(model: Model) -> Served:
    """Return a model as those who serve it are told of it."""
    return Served(model=model.name, purpose=model.purpose, fallback=model.fallback)


def serving(model_name: str) -> Serving:
    """Return the statement that is true of a model now.

    Under a stop, or when every version was withdrawn, it says so and names the fallback. Signing
    is deterministic, so the same situation gives the same bytes.
    """
    model = model_named(model_name)
    scopes = [EVERYTHING, scope_of(model.name)]
    stop = Stop.objects.filter(scope__in=scopes, lifted_at=None).order_by("raised_at").first()
    if stop is not None:
        return _signed_stop(model, why=f"a stop of {stop.scope} is down", withdrawn=None, stop=stop)
    release = (
        ModelRelease.objects.filter(version__model=model, version__state=VersionState.RELEASED)
        .order_by("-released_at")
        .first()
    )
    if release is not None:
        return Serving(envelope=release.envelope, digest=digest_of(release.envelope))
    withdrawn = (
        ModelVersion.objects.filter(model=model, release__isnull=False)
        .order_by("-withdrawn_at")
        .first()
    )
    if withdrawn is None:
        raise NothingReleased
    return _signed_stop(model, why="every version was withdrawn", withdrawn=withdrawn, stop=None)


def _signed_stop(
    model: Model, *, why: str, withdrawn: ModelVersion | None, stop: Stop | None
) -> Serving:
    since = stop.raised_at if stop else withdrawn.withdrawn_at if withdrawn else None
    envelope = sign(stop_statement(served(model), why=why, since=since), signer=model_signer())
    return Serving(envelope=envelope, digest=digest_of(envelope))
