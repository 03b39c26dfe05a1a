"""Going back to the version that served before: a person decides, and the database looks again."""

from datetime import datetime

from django.db import IntegrityError, transaction

from audits.statements import digest_of as digest_of_envelope
from audits.trail import Actor, Trail, audited
from training.actions.endings import calm, doom_versions, withdraw_row
from training.actions.locks import lock_model
from training.errors import VersionNotServable, VersionUnknown
from training.events import VersionRolledBack, VersionStoodBy
from training.models import Model, ModelRelease, ModelVersion, RollBack
from training.queries import champion_of, model_named
from training.queries.serving import serving, unclean
from training.states import VersionState, require_version_move


def roll_back(
    *, model_name: str, version: int, reason: str, actor: Actor, now: datetime
) -> RollBack:
    """Let the version that served before serve again; the one that serves takes its place.

    The caller has checked that the actor may decide this. Refused unless the version stands by,
    is qualified still, and holds nobody who was or is being erased.
    """
    with audited(actor=actor, now=now) as trail:
        model = lock_model(model_named(model_name).pk)
        versions = ModelVersion.objects.select_for_update(no_key=True, of=("self",))
        back = (
            versions.select_related("model", "release").filter(model=model, number=version).first()
        )
        if back is None:
            raise VersionUnknown
        if back.state != VersionState.STANDBY or back.release.qualified_until <= now:
            raise VersionNotServable("it does not stand by, or is not qualified any more")
        champion = champion_of(model.pk)
        if champion is not None:
            stand_by(champion, because=f"rolled back to version {version}", trail=trail)
        _serve_again(back)
        decided = RollBack.objects.create(
            version=back, replaced=champion, reason=reason, decided_by=actor, decided_at=now
        )
        trail.record(
            VersionRolledBack(
                model=model.name,
                version=back.number,
                replaced=champion.number if champion else None,
                statement=digest_of_envelope(serving(model.name, now=now).envelope),
            ),
            about=f"model/{model.name}",
        )
        calm(model, version=back.number, actor=actor, now=now)
    return decided


def _serve_again(version: ModelVersion) -> None:
    require_version_move(VersionState(version.state), VersionState.RELEASED)
    version.state = VersionState.RELEASED
    try:
        with transaction.atomic():
            version.save(update_fields=["state"])
    except IntegrityError as refused:
        # The guard's words, and no others: they name no row.
        said = str(refused).partition("\n")[0]
        raise VersionNotServable(said) from None
    ModelRelease.objects.filter(version=version).update(withdrawn_at=None)


def stand_by(champion: ModelVersion, *, because: str, trail: Trail) -> None:
    """Take a version out of service, and keep it as the one to go back to if it is clean."""
    if unclean(champion) or champion.release.qualified_until <= trail.now:
        withdraw_row(champion, because=because, trail=trail)
        return
    require_version_move(VersionState(champion.state), VersionState.STANDBY)
    champion.state = VersionState.STANDBY
    champion.save(update_fields=["state"])
    ModelRelease.objects.filter(version=champion).update(withdrawn_at=trail.now)
    trail.record(
        VersionStoodBy(model=champion.model.name, version=champion.number, because=because),
        about=f"model/{champion.model.name}",
    )


def give_up_standby(model: Model, *, because: str, trail: Trail) -> None:
    """Withdraw the versions that stand by, and have them destroyed."""
    waiting = ModelVersion.objects.select_for_update(no_key=True, of=("self",)).filter(
        model=model, state=VersionState.STANDBY
    )
    rows = list(waiting.select_related("model").order_by("number"))
    doom_versions(model, rows, because=because, trail=trail)
