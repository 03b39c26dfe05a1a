"""The built-in trainers: plain Python, no Django."""

from collections.abc import Mapping
from typing import Final

from training.errors import TrainerUnknown
from training.trainers.additive import AdditiveTrainer
from training.trainers.centroids import CentroidTrainer
from training.trainers.protocol import Trainer
from training.trainers.sharded import ShardedTrainer

TRAINERS: Final[Mapping[str, Trainer]] = {
    "sharded-sklearn": ShardedTrainer(),
    "exact-statistics": AdditiveTrainer(),
    "release-centroids": CentroidTrainer(),
}


def trainer_named(name: str) -> Trainer:
    """Return an installed trainer."""
    trainer = TRAINERS.get(name)
    if trainer is None:
        raise TrainerUnknown(f"installed are {', '.join(TRAINERS)}")
    return trainer
