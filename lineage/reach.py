"""How far people's records travelled, and which models they taint. Pure.

Rules of the taint algebra, in the order in which a step is asked about:
1. `EVALUATED_ON` carries nobody: measuring a model does not change it.
2. `TRAINED_ON` carries nobody out of a dataset version in which they are held out.
3. A shielding release lets nobody through, but is itself reached.
4. Every other step carries everybody who reached its source. When in doubt a model is tainted.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from lineage.graph import EdgeKind, NodeKind
from lineage.identifiers import SubjectId
from lineage.sharding import HOLD_OUT, Shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A subject was in a dataset family from one version to another, both included; None: still."""

    subject: SubjectId
    family_id: int
    shard: Shard
    from_seq: int
    to_seq: int | None

    @property
    def held_out(self) -> bool:
        """Say whether training must not have seen the subject."""
        return self.shard == HOLD_OUT


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNode:
    """A thing that records may have reached; `family_id` and `seq` are a dataset version's."""

    id: int
    kind: NodeKind
    name: str
    version: str
    family_id: int | None = None
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphEdge:
    """How `target` came from `source`."""

    source: int
    target: int
    kind: EdgeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A part of the lineage graph, closed downstream: every edge out of its nodes is in it."""

    nodes: Mapping[int, GraphNode]
    edges: frozenset[GraphEdge]

    def sorted_edges(self) -> list[GraphEdge]:
        """Return the edges in an order that is the same every time."""
        return sorted(self.edges, key=lambda edge: (edge.source, edge.target, edge.kind))

    def steps_from(self) -> Mapping[int, tuple[GraphEdge, ...]]:
        """Return the edges out of each node, in a stable order."""
        steps: defaultdict[int, list[GraphEdge]] = defaultdict(list)
        for edge in self.sorted_edges():
            steps[edge.source].append(edge)
        return {source: tuple(edges) for source, edges in steps.items()}

    def carried_from(self, nodes: Iterable[int]) -> frozenset[int]:
        """Return the nodes that whoever is wholly in these nodes reaches, these included."""
        starts = _Starts(whole=frozenset(nodes), aside=frozenset())
        return frozenset(_walk(starts, steps=self.steps_from(), shields=frozenset()).came_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One step of an explanation: how the walk came to `node`; `by` is None where it begins."""

    by: EdgeKind | None
    node: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Starts:
    """Dataset versions that hold somebody: for training (whole), or as hold-out only (aside)."""

    whole: frozenset[int]
    aside: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where some subjects are, and the graph downstream of every version that holds one of them."""

    presences: tuple[Presence, ...]
    graph: Graph

    def subjects(self) -> frozenset[SubjectId]:
        """Return the subjects that are in any dataset version."""
        return frozenset(presence.subject for presence in self.presences)

    def holding(self) -> Mapping[SubjectId, frozenset[int]]:
        """Return, for each subject, the dataset versions that hold them, or hold them out."""
        return {subject: starts.whole | starts.aside for subject, starts in self._starts().items()}

    def reached(self, *, shields: Collection[int] = ()) -> frozenset[int]:
        """Return every node that somebody reached, the versions that hold them included."""
        return frozenset(self._walk_all(shields).came_by)

    def tainted(self, *, shields: Collection[int] = ()) -> frozenset[int]:
        """Return the model versions that somebody reaches without passing a shielding release."""
        return self._models(self._walk_all(shields).came_by)

    def shielded(self, shields: Collection[int]) -> frozenset[int]:
        """Return the model versions that are reached only through shielding releases."""
        return self.tainted() - self.tainted(shields=shields)

    def per_subject(self, *, shields: Collection[int] = ()) -> Mapping[SubjectId, frozenset[int]]:
        """Return, for each subject, the model versions that this subject taints."""
        return self._answers(self._models, shields=self._blocking(shields))

    def recipients_per_subject(self) -> Mapping[SubjectId, frozenset[int]]:
        """Return, for each subject, to whom anything was passed on that this subject reached.

        A shield is no reason to leave anybody out: the release behind it was passed on as well.
        """
        return self._answers(self._recipients, shields=frozenset())

    def explain(self, node: int, *, shields: Collection[int] = ()) -> tuple[Hop, ...]:
        """Return a shortest way by which somebody reaches a node; empty if nobody does."""
        walk = self._walk_all(shields)
        hops: list[Hop] = []
        here: int | None = node if node in walk.came_by else None
        while here is not None:
            edge = walk.came_by[here]
            hops.append(Hop(by=edge.kind if edge else None, node=here))
            if here in walk.from_aside and edge:
                # The way began at the hold-out, even if the walk came back to that version later.
                hops.append(Hop(by=None, node=edge.source))
                break
            here = edge.source if edge else None
        return tuple(reversed(hops))

    def _answers(
        self, of: Callable[[Collection[int]], frozenset[int]], *, shields: frozenset[int]
    ) -> Mapping[SubjectId, frozenset[int]]:
        """Return, for each subject, what a function says of the nodes that this subject reached."""
        steps = self.graph.steps_from()
        # Kept by whereabouts: most people of a batch share theirs.
        answers: dict[_Starts, frozenset[int]] = {}
        found: dict[SubjectId, frozenset[int]] = {}
        for subject, starts in self._starts().items():
            if starts not in answers:
                answers[starts] = of(_walk(starts, steps=steps, shields=shields).came_by.keys())
            found[subject] = answers[starts]
        return found

    def _walk_all(self, shields: Collection[int]) -> "_Walk":
        every = list(self._starts().values())
        whole = frozenset[int]().union(*(starts.whole for starts in every))
        aside = frozenset[int]().union(*(starts.aside for starts in every))
        starts = _Starts(whole=whole, aside=aside - whole)
        return _walk(starts, steps=self.graph.steps_from(), shields=self._blocking(shields))

    def _starts(self) -> Mapping[SubjectId, _Starts]:
        numbers: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for node in self.graph.nodes.values():
            if node.family_id is not None and node.seq is not None:
                numbers[node.family_id].append((node.seq, node.id))
        whole: defaultdict[SubjectId, set[int]] = defaultdict(set)
        aside: defaultdict[SubjectId, set[int]] = defaultdict(set)
        for presence in self.presences:
            nodes = {
                node
                for seq, node in numbers[presence.family_id]
                if presence.from_seq <= seq and (presence.to_seq is None or seq <= presence.to_seq)
            }
            (aside if presence.held_out else whole)[presence.subject] |= nodes
        return {
            subject: _Starts(
                whole=frozenset(whole[subject]),
                aside=frozenset(aside[subject] - whole[subject]),
            )
            for subject in self.subjects()
        }

    def _blocking(self, shields: Collection[int]) -> frozenset[int]:
        """Keep the releases: another node, given by mistake, must not hide anything."""
        return frozenset(
            shield
            for shield in shields
            if shield in self.graph.nodes and self.graph.nodes[shield].kind is NodeKind.RELEASE
        )

    def _models(self, nodes: Iterable[int]) -> frozenset[int]:
        return frozenset(
            node for node in nodes if self.graph.nodes[node].kind is NodeKind.MODEL_VERSION
        )

    def _recipients(self, reached: Collection[int]) -> frozenset[int]:
        passed = {
            edge.target
            for edge in self.graph.edges
            if edge.kind is EdgeKind.PASSED_TO and edge.source in reached
        }
        named = {node for node in reached if self.graph.nodes[node].kind is NodeKind.RECIPIENT}
        return frozenset(passed | named)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """Every reached node with the edge by which it was reached first, None for the starts."""

    came_by: Mapping[int, GraphEdge | None]
    from_aside: frozenset[int]  # the nodes whose edge leaves a version that only holds somebody out


def _walk(
    starts: _Starts, *, steps: Mapping[int, tuple[GraphEdge, ...]], shields: frozenset[int]
) -> _Walk:
    came_by: dict[int, GraphEdge | None] = dict.fromkeys(sorted(starts.whole))
    for edge in _steps_of_the_held_out(starts.aside, steps):
        came_by.setdefault(edge.target, edge)
    from_aside = frozenset(came_by) - starts.whole
    waiting = deque(came_by)
    while waiting:
        node = waiting.popleft()
        if node in shields:
            continue
        for edge in steps.get(node, ()):
            if edge.kind is not EdgeKind.EVALUATED_ON and edge.target not in came_by:
                came_by[edge.target] = edge
                waiting.append(edge.target)
    for node in sorted(starts.aside):
        came_by.setdefault(node, None)
    return _Walk(came_by=came_by, from_aside=from_aside)


def _steps_of_the_held_out(
    aside: frozenset[int], steps: Mapping[int, tuple[GraphEdge, ...]]
) -> Iterator[GraphEdge]:
    return (
        edge
        for node in sorted(aside)
        for edge in steps.get(node, ())
        if edge.kind not in {EdgeKind.EVALUATED_ON, EdgeKind.TRAINED_ON}
    )
