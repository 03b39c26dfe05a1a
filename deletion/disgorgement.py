"""What an order to give data up takes with it, and what has become of that. Pure.

Such an order speaks of "any models or algorithms developed in whole or in part" of some data. So:
1. `EVALUATED_ON` carries nothing, for measuring changes no model. It is listed all the same.
2. Every other step carries: in part is enough, and a model that learnt from a model learnt from it.
3. A shield helps nobody. It bounds what one person's records did to a release; the order is about
   all of them together, and without them there would be no release.
4. Held-out people help nobody either: their records are part of the data.
5. A dataset version leads to its training set, that to its place and to all its versions, and a
   place to every training set in it: the same records under another name.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from audits.canonical import to_json
from deletion.errors import MoveNotAllowed
from lineage.graph import EdgeKind, NodeKind
from lineage.reach import Graph
from training.summaries import OpenTraining

DAYS: Final = 90  # what orders of the FTC give; a proposal says another number if its order does


class OrderState(StrEnum):
    """How far a disgorgement has come."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    CARRIED_OUT = "carried out"
    REFUSED = "refused"


MOVES: Final[Mapping[OrderState, frozenset[OrderState]]] = {
    OrderState.PROPOSED: frozenset({OrderState.APPROVED, OrderState.REFUSED}),
    OrderState.APPROVED: frozenset({OrderState.CARRIED_OUT}),
    OrderState.CARRIED_OUT: frozenset(),
    OrderState.REFUSED: frozenset(),
}


def require_order_move(current: OrderState, target: OrderState) -> None:
    """Raise `MoveNotAllowed` unless a disgorgement may go straight from one state to the other."""
    if target not in MOVES[current]:
        raise MoveNotAllowed(current, target)


class NamedBy(StrEnum):
    """What an order may name. A source is every version of what has that name in the graph."""

    FAMILY = "family"
    STORE = "store"
    SOURCE = "source"


class ItemKind(StrEnum):
    """What can be given up, in the order in which it is listed."""

    STORE = "store"
    FAMILY = "training set"
    DATASET = "dataset version"
    TRAINING = "training"
    MODEL = "model version"
    RELEASE = "anonymised release"
    RECIPIENT = "recipient"


_OF_NODES: Final = {
    NodeKind.DATASET_VERSION: ItemKind.DATASET,
    NodeKind.MODEL_VERSION: ItemKind.MODEL,
    NodeKind.RELEASE: ItemKind.RELEASE,
    NodeKind.RECIPIENT: ItemKind.RECIPIENT,
}
_ORDER: Final = {kind: place for place, kind in enumerate(ItemKind)}
_NAMED: Final = "named in the order"

Thing = tuple[ItemKind, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A training set and the place that holds its records."""

    family_id: int
    family: str
    store_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is known: a graph that is closed downstream, its training sets, what is in the making.

    `files` says what Lethe keeps of a version that it made, by node.
    """

    graph: Graph
    holdings: tuple[Holding, ...]
    stores: Mapping[int, str]
    trainings: tuple[OpenTraining, ...] = ()
    files: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to be given up, and by which way it was reached, a sentence a step."""

    kind: ItemKind
    id: int
    name: str
    way: tuple[str, ...]
    files: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return what people and the API call it."""
        return f"{self.kind}/{self.name}"

    def as_json(self) -> dict[str, Any]:
        """Return the item as it is stored in a plan."""
        return {
            "kind": self.kind.value,
            "id": self.id,
            "name": self.name,
            "way": list(self.way),
            "files": list(self.files),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Everything that goes with some data, and what was only measured on it."""

    items: tuple[Item, ...]
    measured: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Return the SHA-256 by which an approver repeats exactly this."""
        return sha256(to_json(self.as_json())).hexdigest()

    def ids(self, *kinds: ItemKind) -> frozenset[int]:
        """Return the numbers of the items of some kinds."""
        return frozenset(item.id for item in self.items if item.kind in kinds)

    @property
    def nodes(self) -> frozenset[int]:
        """Return the nodes of the graph that are in it."""
        return self.ids(*_OF_NODES.values())

    def as_json(self) -> dict[str, Any]:
        """Return the closure as a plan stores it."""
        return {
            "items": [item.as_json() for item in self.items],
            "measured": list(self.measured),
        }


def closure_from(plan: Mapping[str, Any]) -> Closure:
    """Return the closure that a plan stores."""
    return Closure(
        items=tuple(
            Item(
                kind=ItemKind(one["kind"]),
                id=one["id"],
                name=one["name"],
                way=tuple(one["way"]),
                files=tuple(one["files"]),
            )
            for one in plan["items"]
        ),
        measured=tuple(plan["measured"]),
    )


def closure_of(begun: Collection[Thing], world: World) -> Closure:
    """Return everything that some things lead to, these included, with a shortest way to each."""
    map_ = _Map(world)
    start: tuple[Thing | None, str] = (None, _NAMED)
    came_by = dict.fromkeys(sorted(begun, key=map_.place), start)
    waiting = deque(came_by)
    while waiting:
        here = waiting.popleft()
        for there, how in map_.steps(here):
            if there not in came_by:
                came_by[there] = (here, how)
                waiting.append(there)
    items = tuple(
        Item(
            kind=thing[0],
            id=thing[1],
            name=map_.name(thing),
            way=_way(thing, came_by, map_),
            files=world.files.get(thing[1], ()) if thing[0] is ItemKind.MODEL else (),
        )
        for thing in sorted(came_by, key=map_.place)
    )
    return Closure(items=items, measured=_measured(frozenset(came_by), map_))


def _way(
    thing: Thing, came_by: Mapping[Thing, tuple[Thing | None, str]], map_: "_Map"
) -> tuple[str, ...]:
    said: list[str] = []
    here: Thing | None = thing
    while here is not None:
        before, how = came_by[here]
        said.append(f"{map_.label(here)}: {how}")
        here = before
    return tuple(reversed(said))


def _measured(reached: frozenset[Thing], map_: "_Map") -> tuple[str, ...]:
    """Return what was measured on any of it and is not made of it."""
    return tuple(
        sorted(
            f"{map_.label(target)}: {edge.kind} {map_.label(source)}"
            for edge in map_.world.graph.edges
            if edge.kind is EdgeKind.EVALUATED_ON
            for source, target in [(map_.thing(edge.source), map_.thing(edge.target))]
            if source in reached and target not in reached
        )
    )


class _Map:
    """The steps from each thing to the next, in a stable order."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._edges = world.graph.steps_from()
        self._families = {one.family_id: one for one in world.holdings}
        self._in_store: defaultdict[int, list[Holding]] = defaultdict(list)
        for one in sorted(world.holdings, key=lambda holding: holding.family_id):
            self._in_store[one.store_id].append(one)
        self._versions: defaultdict[int, list[int]] = defaultdict(list)
        for node in sorted(world.graph.nodes):
            family = world.graph.nodes[node].family_id
            if family is not None:
                self._versions[family].append(node)
        self._models = {one.model_id: one.model for one in world.trainings}

    def thing(self, node: int) -> Thing:
        return _OF_NODES[self.world.graph.nodes[node].kind], node

    def name(self, thing: Thing) -> str:
        kind, id_ = thing
        match kind:
            case ItemKind.STORE:
                return self.world.stores[id_]
            case ItemKind.FAMILY:
                return self._families[id_].family
            case ItemKind.TRAINING:
                return self._models[id_]
            case _:
                node = self.world.graph.nodes[id_]
                return f"{node.name} {node.version}"

    def label(self, thing: Thing) -> str:
        return f"{thing[0]} {self.name(thing)}"

    def place(self, thing: Thing) -> tuple[int, str, int]:
        return _ORDER[thing[0]], self.name(thing), thing[1]

    def steps(self, thing: Thing) -> Iterator[tuple[Thing, str]]:
        kind, id_ = thing
        match kind:
            case ItemKind.STORE:
                for one in self._in_store[id_]:
                    yield (ItemKind.FAMILY, one.family_id), f"kept in {self.label(thing)}"
            case ItemKind.FAMILY:
                yield (
                    (ItemKind.STORE, self._families[id_].store_id),
                    f"holds the records of {self.label(thing)}",
                )
                for node in self._versions[id_]:
                    yield self.thing(node), f"a version of {self.label(thing)}"
            case ItemKind.TRAINING:
                return
            case _:
                yield from self._from_node(thing)

    def _from_node(self, thing: Thing) -> Iterator[tuple[Thing, str]]:
        family = self.world.graph.nodes[thing[1]].family_id
        if family is not None:
            yield (ItemKind.FAMILY, family), f"has {self.label(thing)} among its versions"
        for edge in self._edges.get(thing[1], ()):
            if edge.kind is not EdgeKind.EVALUATED_ON:
                yield self.thing(edge.target), f"{edge.kind} {self.label(thing)}"
        for one in self.world.trainings:
            if one.source_node_id == thing[1]:
                yield (ItemKind.TRAINING, one.model_id), f"learns from {self.label(thing)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Became:
    """What has become of one thing."""

    what: str
    is_settled: bool
    at: datetime | None = None
    evidence: str = ""  # a digest, or several


STILL_THERE: Final = Became(what="still there", is_settled=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One thing to be given up, and what has become of it."""

    item: Item
    became: Became
    is_late: bool = False  # it was not in the plan that was approved


def standings_of(
    planned: Closure, recomputed: Closure, facts: Mapping[Thing, Became]
) -> tuple[Standing, ...]:
    """Say of everything that was approved, or was reached since, what has become of it."""
    known = {(item.kind, item.id): item for item in planned.items}
    found = {(item.kind, item.id): item for item in recomputed.items}
    return tuple(
        Standing(
            item=known.get(thing) or found[thing],
            became=facts.get(thing, STILL_THERE),
            is_late=thing not in known,
        )
        for thing in sorted(known.keys() | found.keys(), key=lambda one: (_ORDER[one[0]], one[1]))
    )


def left_of(standings: Sequence[Standing]) -> tuple[Standing, ...]:
    """Return what is not given up yet."""
    return tuple(one for one in standings if not one.became.is_settled)
