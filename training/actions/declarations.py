"""Declaring models; the same again changes and records nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from audits.trail import Actor, audited
from lineage.errors import FamilyRetired, NodeUnknown
from lineage.models import DatasetFamily
from lineage.places import NAME
from lineage.queries import columns_of
from training.descent import Descent
from training.errors import ModelConflict, ModelUnknown, ParametersInvalid
from training.events import ModelRegistered
from training.models import Model
from training.outside.declared import OutsideTrainer
from training.plans import digest_of
from training.queries.trainers import trainer_named
from training.trainers.protocol import Material, Tunable

_ONE_DECLARATION: Final = 7501  # advisory locks 7500 to 7599 of the project's are this app's
_MOST_MARGIN: Final = 1000
_MOST_DAYS: Final = 3650


def register_model(  # noqa: PLR0913  # keyword-only, one a column
    *,
    name: str,
    purpose: str,
    trainer: str,
    parameters: Mapping[str, object],
    features: Sequence[str],
    family_id: int,
    margin_permille: int,
    fallback: Mapping[str, object],
    uses: Sequence[str] = (),
    qualified_days: int | None = None,
    parent: tuple[Descent, str] | None = None,
    actor: Actor,
    now: datetime,
) -> Model:
    """Declare a use of machine learning on one dataset family.

    `parent` names the model that it is fine-tuned or distilled from: from the version that serves
    when a training of this one begins.
    """
    trainer_named(trainer).check(parameters)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_DECLARATION])
        family = DatasetFamily.objects.filter(pk=family_id).first()
        if family is None:
            raise NodeUnknown("no such dataset family")
        _require_complete(name, purpose, features, family, margin_permille, fallback)
        _require_promise(uses, qualified_days)
        comes_from = _parent_of(trainer, parameters, parent) if parent else None
        said = {
            "purpose": purpose,
            "trainer": trainer,
            "parameters": dict(parameters),
            "features": list(features),
            "family_id": family_id,
            "margin_permille": margin_permille,
            "fallback": dict(fallback),
            "uses": list(uses),
            "qualified_days": qualified_days,
            "parent_id": comes_from.pk if comes_from else None,
            "descent": parent[0].value if parent else "",
        }
        known = Model.objects.filter(name=name).first()
        if known is not None:
            if differing := sorted(key for key in said if getattr(known, key) != said[key]):
                raise ModelConflict(
                    f"model {name} is registered already with another"
                    f" {', '.join(key.removesuffix('_id') for key in differing)}"
                )
            return known
        if family.retired_at is not None:
            raise FamilyRetired(family.name)
        with audited(actor=actor, now=now) as trail:
            model = Model.objects.create(name=name, registered_at=now, **said)
            trail.record(
                ModelRegistered(
                    model=name,
                    trainer=trainer,
                    family=family.name,
                    parameters_digest=digest_of(dict(parameters)),
                    features=tuple(features),
                    margin_permille=margin_permille,
                    uses=tuple(uses),
                    qualified_days=qualified_days,
                    descent=f"{parent[0]} {parent[1]}" if parent else "",
                ),
                about=f"model/{name}",
            )
    return model


def _parent_of(
    trainer: str, parameters: Mapping[str, object], parent: tuple[Descent, str]
) -> Model:
    """Return the model that another one comes from.

    It was registered before, and neither changes, so nothing is its own ancestor.
    """
    descent, name = parent
    found = Model.objects.filter(name=name).first()
    if found is None:
        raise ModelUnknown
    own, its = trainer_named(trainer), trainer_named(found.trainer)
    if isinstance(own, OutsideTrainer) or isinstance(its, OutsideTrainer):
        raise ParametersInvalid(f"{descent}: only between models of installed trainers")
    if own.material is not Material.PEOPLE:
        raise ParametersInvalid(f"{descent}: {trainer} does not learn from people's rows")
    if descent is Descent.FINE_TUNED:
        if found.trainer != trainer:
            raise ParametersInvalid(f"{descent}: {name} is made by {found.trainer}")
        if not isinstance(own, Tunable):
            raise ParametersInvalid(f"{descent}: {trainer} cannot go on from other weights")
        own.require_tunable(parameters, parent=found.parameters)
    return found


def _require_complete(  # noqa: PLR0913, PLR0917  # one check after the other
    name: str,
    purpose: str,
    features: Sequence[str],
    family: DatasetFamily,
    margin_permille: int,
    fallback: Mapping[str, object],
) -> None:
    if not NAME.fullmatch(name):
        raise ParametersInvalid("name: letters, digits, dot, hyphen and underscore, at most 64")
    if not purpose.strip():
        raise ParametersInvalid("purpose: say what the model is used for")
    if not family.label:
        raise ParametersInvalid(f"family: {family.name} declares no label to be learned")
    if not 1 <= margin_permille <= _MOST_MARGIN:
        raise ParametersInvalid(f"margin_permille: not a whole number from 1 to {_MOST_MARGIN}")
    if len(set(features)) < len(features):
        raise ParametersInvalid("features: a column stands twice")
    if family.label in features:
        raise ParametersInvalid(f"features: {family.label} is what the model shall say")
    for column in columns_of(family.store_id):
        if column.name in features:
            raise ParametersInvalid(f"features: {column.name} names people")
    if not isinstance(fallback.get("label", ""), str):
        raise ParametersInvalid("fallback: its label is a text")


def _require_promise(uses: Sequence[str], qualified_days: int | None) -> None:
    if len(set(uses)) < len(uses):
        raise ParametersInvalid("uses: a use stands twice")
    for use in uses:
        if not NAME.fullmatch(use):
            raise ParametersInvalid(
                "uses: letters, digits, dot, hyphen and underscore, at most 64 each"
            )
    if qualified_days is not None and not 1 <= qualified_days <= _MOST_DAYS:
        raise ParametersInvalid(f"qualified_days: not a whole number from 1 to {_MOST_DAYS}")
