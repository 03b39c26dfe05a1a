"""The answer to "where is this person", as far as Lethe can know it. Pure."""

from dataclasses import dataclass

from lineage.reach import Reach
from lineage.sharding import Shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A person is or was in a training set."""

    store: str
    family: str
    shard: Shard
    first: int  # the first version that holds the person
    last: int | None  # the last one; None: the newest still does


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Everything the index says about some subjects."""

    stays: tuple[Stay, ...]
    reach: Reach
    unscanned: tuple[str, ...]  # stores that were never scanned: unknown, which is not "not there"
    forgotten: bool = False  # on the suppression list
