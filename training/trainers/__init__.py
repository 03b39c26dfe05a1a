"""The trainers that fit shards in our own process: the built-in ones, and installed ones.

A package adds one by an entry point of the group `lethe.trainers`, whose object keeps the promises
of `Trainer`. What an operator installs is trusted as this service is: it runs in its workers.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from lineage.places import NAME
from training.errors import TrainerUnknown
from training.trainers.additive import AdditiveTrainer
from training.trainers.centroids import CentroidTrainer
from training.trainers.neighbours import NeighbourTrainer
from training.trainers.protocol import Trainer
from training.trainers.sharded import ShardedTrainer

GROUP: Final = "lethe.trainers"

TRAINERS: Final[Mapping[str, Trainer]] = {
    "sharded-sklearn": ShardedTrainer(),
    "exact-statistics": AdditiveTrainer(),
    "nearest-neighbours": NeighbourTrainer(),
    "release-centroids": CentroidTrainer(),
}


def installed() -> list[str]:
    """Return the names of the trainers that fit in our own process."""
    return sorted({*TRAINERS, *_offered()})


def trainer_named(name: str) -> Trainer:
    """Return an installed trainer; a built-in one is never replaced by another of its name."""
    if name in TRAINERS:
        return TRAINERS[name]
    offered = _offered().get(name)
    if offered is None:
        raise TrainerUnknown(f"installed are {', '.join(installed())}")
    return _loaded(offered)


def _offered() -> dict[str, EntryPoint]:
    return {found.name: found for found in entry_points(group=GROUP) if NAME.fullmatch(found.name)}


@cache
def _loaded(offered: EntryPoint) -> Trainer:
    made = offered.load()
    trainer = made() if isinstance(made, type) else made
    if not isinstance(trainer, Trainer):
        raise TrainerUnknown(f"the entry point {offered.name} is no trainer")
    return trainer
