"""Fits one shard of what was planned, and nothing else. Pure over what it reads."""

from dataclasses import replace

from lineage.sharding import HOLD_OUT, Shard
from training.columns import Feature
from training.descent import Parent, beginning_of, taught_by
from training.errors import ArtefactMismatch, DataRefused
from training.plans import PlannedShard, Recipe
from training.reading import ShardRows, Source, read_people
from training.releases import plan_of_release
from training.trainers.protocol import ReleaseData, Trainer


def fit_rows(  # noqa: PLR0913  # keyword-only: what was planned, and from where it goes on
    trainer: Trainer,
    rows: ShardRows,
    *,
    planned: PlannedShard,
    recipe: Recipe,
    before: bytes | None,
    parent: Parent | None = None,
) -> bytes:
    """Fit one shard's people, up to a slice; they must be those that the gates looked at.

    `before` is the snapshot of the slices before the planned one, if there is any. `parent` is what
    a fine-tuned or distilled model comes from.
    """
    if recipe.key_of_rows(rows, until=planned.slice) != planned.key:
        raise ArtefactMismatch("the shard holds other rows than those that the gates looked at")
    data = rows.data if recipe.slices == 1 else rows.data.until(planned.slice)
    if parent is not None:
        data = taught_by(parent, data)
        before = before or beginning_of(parent, planned.shard, trainer=trainer)
    return trainer.fit_shard(
        replace(data, fills=recipe.fills),
        parameters=recipe.parameters,
        seed=recipe.seed_of(planned.shard),
        before=before,
    )


def fit_release(
    trainer: Trainer, data: ReleaseData, *, planned: PlannedShard, recipe: Recipe
) -> bytes:
    """Make the one piece of a model that learns from a release."""
    (piece,) = plan_of_release(data, recipe).shards
    if piece.key != planned.key:
        raise ArtefactMismatch("the release says something else than when it was checked")
    return trainer.fit_shard(data, parameters=recipe.parameters, seed=recipe.seed_of(planned.shard))


def read_whole(
    source: Source, features: tuple[Feature, ...], *, planned: PlannedShard, recipe: Recipe
) -> ShardRows:
    """Read everybody whom training may see; they must be those that the gates looked at."""
    people = read_people(source, [feature.name for feature in features], features=features)
    if people.strangers or people.misplaced:
        raise DataRefused("somebody in the files is not a registered member of this version")
    rows = people.once(recipe.once).in_training()
    held_out = {mark.bytes for mark, place in source.members.items() if place == HOLD_OUT}
    if aside := held_out & set(rows.pseudonyms):
        raise DataRefused(f"{len(aside)} held-out people are among those to be fitted")
    if recipe.key_of_rows(rows) != planned.key:
        raise ArtefactMismatch("there are other rows than those that the gates looked at")
    return rows


def read_shard(
    source: Source,
    features: tuple[Feature, ...],
    shard: Shard,
    *,
    slices: int = 1,
    once: int | None = None,
) -> ShardRows:
    """Read the rows of one shard, or of the hold-out, and count who must not be among them."""
    names = [feature.name for feature in features]
    people = read_people(source, names, features=features, only=shard)
    if people.strangers or people.misplaced:
        raise DataRefused("somebody in the files is not a registered member of this version")
    rows = people.once(once).in_shard(shard, slices=slices)
    held_out = {mark.bytes for mark, place in source.members.items() if place == HOLD_OUT}
    aside = held_out & set(rows.pseudonyms)
    if len(aside) != (rows.people if shard == HOLD_OUT else 0):
        raise DataRefused(f"{len(aside)} held-out people are among those to be fitted")
    return rows
