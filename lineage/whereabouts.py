"""The answer to "where is this person", as far as Lethe can know it. Pure."""

from dataclasses import dataclass
from itertools import pairwise

from lineage.graph import EdgeKind
from lineage.reach import GraphNode, Reach
from lineage.sharding import HOLD_OUT, Shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A person is or was in a training set."""

    store: str
    family: str
    shard: Shard
    first: int  # the first version that holds the person
    last: int | None  # the last one; None: the newest still does

    @property
    def held_out(self) -> bool:
        """Say whether training must not have seen the person."""
        return self.shard == HOLD_OUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the way to a thing: what it came from, and how."""

    by: EdgeKind
    source: GraphNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Something that a person's records reached, and a shortest way to it."""

    node: GraphNode
    tainted: bool  # a model that would have to forget the person, if no policy shields it
    way: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Everything the index says about some subjects."""

    stays: tuple[Stay, ...]
    reach: Reach
    unscanned: tuple[str, ...]  # stores without an index: unknown, which is not "not there"
    forgotten: bool = False  # on the suppression list

    def reached(self) -> tuple[Reached, ...]:
        """Return what was made from the versions that hold somebody, oldest first."""
        nodes, tainted = self.reach.graph.nodes, self.reach.tainted()
        holding = frozenset[int]().union(*self.reach.holding().values())
        return tuple(
            Reached(
                node=nodes[id_],
                tainted=id_ in tainted,
                way=tuple(
                    Step(by=hop.by, source=nodes[before.node])
                    for before, hop in pairwise(self.reach.explain(id_))
                    if hop.by is not None
                ),
            )
            for id_ in sorted(self.reach.reached() - holding)
        )
