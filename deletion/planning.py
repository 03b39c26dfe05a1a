"""Decides what a batch of requests has to touch, and by when. Pure: lineage in, plan out.

Every store that declares a column in a request's namespaces is searched, also when lineage knows of
nobody there. A model is retrained when somebody taints one of its living versions; behind a shield
it is not. The plan names requests, targets and counts, never a person.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256

from deletion.ancestry import models_before
from deletion.states import ObligationKind
from deletion.telling import TOLD_WHEN_ERASED
from lineage.identifiers import SubjectId
from lineage.places import StoreRef
from lineage.reach import Hop, Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What planning needs to know about one request."""

    request_id: str
    namespaces: frozenset[str]
    subjects: frozenset[SubjectId]  # none: lineage has never seen the person
    erase_by: datetime
    models_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LivingVersion:
    """A model version that is not destroyed; without `model_id`, no trainer of ours made it."""

    node_id: int
    model_id: int | None
    model: str
    number: str
    in_training: bool = False  # a run is still making it


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedShare:
    """One request's part in an obligation."""

    request_id: str
    expected: bool  # lineage says that the person is there
    shielded: str = ""  # the sentence, when nothing has to be done for this request


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedObligation:
    """One target to be freed of people by a date, and why."""

    kind: ObligationKind
    target_id: int
    target: str
    due_at: datetime
    because: str
    shares: tuple[PlannedShare, ...]
    after: tuple[int, ...] = ()  # the stores that must be clean before the model is trained again
    after_models: tuple[int, ...] = ()  # the models of this plan from which it came, likewise

    @property
    def open_shares(self) -> tuple[PlannedShare, ...]:
        """Return the parts for which something has to be done."""
        return tuple(share for share in self.shares if not share.shielded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spared:
    """A model version near the people that nothing happens to, and why."""

    model: str
    number: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedRecipient:
    """Somebody to whom data or a model was passed on that some of the people had reached."""

    recipient: str
    requests: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that a batch will touch."""

    obligations: tuple[PlannedObligation, ...]
    spared: tuple[Spared, ...] = ()
    unmanaged: tuple[str, ...] = ()  # tainted models that nobody here can retrain
    recipients: tuple[ReachedRecipient, ...] = ()  # each has to be told

    @cached_property
    def text(self) -> str:
        """Return the plan as JSON in one spelling."""
        said = {
            "v": 1,
            "obligations": [asdict(obligation) for obligation in self.obligations],
            "spared": [asdict(spared) for spared in self.spared],
            "unmanaged": list(self.unmanaged),
            "recipients": [asdict(one) | {"standing": TOLD_WHEN_ERASED} for one in self.recipients],
        }
        return json.dumps(said, sort_keys=True, separators=(",", ":"), default=_moment)

    @property
    def digest(self) -> str:
        """Return a name for exactly this plan, for an approver to repeat."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def requests(self) -> frozenset[str]:
        """Return the requests with any target; the others have nowhere to be looked for."""
        return frozenset(
            share.request_id for obligation in self.obligations for share in obligation.shares
        )


def make_plan(
    demands: Collection[Demand],
    *,
    stores: Sequence[StoreRef],
    reach: Reach,
    living: Collection[LivingVersion],
    shields: Mapping[int, str],
) -> Plan:
    """Plan a batch; `shields` maps the release nodes that shield now to the sentence why."""
    ordered = sorted(demands, key=lambda demand: demand.request_id)
    searches = [_search(store, ordered, reach) for store in sorted(stores, key=lambda s: s.id)]
    tainted = _tainted_by(ordered, reach, shields=frozenset(shields))
    plain = _tainted_by(ordered, reach, shields=frozenset())
    by_model: defaultdict[int, list[LivingVersion]] = defaultdict(list)
    for version in sorted(living, key=lambda version: version.node_id):
        if version.model_id is not None:
            by_model[version.model_id].append(version)
    retrains = [
        _retrain(
            versions,
            ordered,
            tainted=tainted,
            plain=plain,
            reach=reach,
            shields=shields,
            stores=stores,
        )
        for _, versions in sorted(by_model.items())
    ]
    working = [found for found in retrains if found is not None]
    touched = {node for nodes in plain.values() for node in nodes}
    return Plan(
        obligations=(
            *(found for found in searches if found is not None),
            *_in_order(working, by_model, reach),
        ),
        spared=tuple(
            Spared(
                model=version.model,
                number=version.number,
                why="measured on these people, never trained on them",
            )
            for version in sorted(living, key=lambda version: version.node_id)
            if version.node_id in reach.graph.nodes and version.node_id not in touched
        ),
        unmanaged=tuple(
            sorted(
                f"{version.model} {version.number}"
                for version in living
                if version.model_id is None
                and any(version.node_id in nodes for nodes in tainted.values())
            )
        ),
        recipients=_recipients_of(ordered, reach),
    )


def recipients_by_subject(reach: Reach) -> Mapping[SubjectId, frozenset[str]]:
    """Return, for each subject, the names of those to whom anything of theirs was passed on."""
    nodes = reach.graph.nodes
    return {
        subject: frozenset(nodes[node].name for node in found)
        for subject, found in reach.recipients_per_subject().items()
    }


def _recipients_of(demands: Sequence[Demand], reach: Reach) -> tuple[ReachedRecipient, ...]:
    by_subject = recipients_by_subject(reach)
    asking: defaultdict[str, list[str]] = defaultdict(list)
    for demand in demands:
        mine = (by_subject.get(subject, frozenset()) for subject in demand.subjects)
        for recipient in frozenset[str]().union(*mine):
            asking[recipient].append(demand.request_id)
    return tuple(
        ReachedRecipient(recipient=recipient, requests=tuple(requests))
        for recipient, requests in sorted(asking.items())
    )


def _search(store: StoreRef, demands: Sequence[Demand], reach: Reach) -> PlannedObligation | None:
    columns = {column.namespace: column.name for column in store.columns}
    asking = [demand for demand in demands if demand.namespaces & columns.keys()]
    if not asking:
        return None
    families = {family.id for family in store.families}
    present = {
        presence.subject
        for presence in reach.presences
        if presence.family_id in families and presence.to_seq is None
    }
    shares = tuple(
        PlannedShare(request_id=demand.request_id, expected=not present.isdisjoint(demand.subjects))
        for demand in asking
    )
    known = sum(share.expected for share in shares)
    named = ", ".join(sorted(columns.values()))
    return PlannedObligation(
        kind=ObligationKind.ERASE,
        target_id=store.id,
        target=store.name,
        due_at=min(demand.erase_by for demand in asking),
        because=f"column {named} names people; lineage knows {known} of {len(shares)} here",
        shares=shares,
    )


def _tainted_by(
    demands: Iterable[Demand], reach: Reach, *, shields: frozenset[int]
) -> dict[str, frozenset[int]]:
    by_subject = reach.per_subject(shields=shields)
    return {
        demand.request_id: frozenset[int]().union(
            *(by_subject.get(subject, frozenset()) for subject in demand.subjects)
        )
        for demand in demands
    }


def _retrain(  # noqa: PLR0913  # the two answers about taint are computed once for all models
    versions: Sequence[LivingVersion],
    demands: Sequence[Demand],
    *,
    tainted: Mapping[str, frozenset[int]],
    plain: Mapping[str, frozenset[int]],
    reach: Reach,
    shields: Mapping[int, str],
    stores: Sequence[StoreRef],
) -> PlannedObligation | None:
    nodes = {version.node_id for version in versions}
    shares: list[PlannedShare] = []
    sentences: dict[int, str] = {}  # most people of a batch are behind the same shields
    for demand in demands:
        if nodes & tainted[demand.request_id]:
            shares.append(PlannedShare(request_id=demand.request_id, expected=True))
        elif behind := nodes & plain[demand.request_id]:
            node = min(behind)
            if node not in sentences:
                sentences[node] = _sentence(node, reach, shields)
            shares.append(
                PlannedShare(request_id=demand.request_id, expected=True, shielded=sentences[node])
            )
    if not shares:
        return None
    working = {share.request_id for share in shares if not share.shielded}
    hit = sorted(nodes & frozenset[int]().union(*(tainted[request] for request in working)))
    shown = hit[0] if hit else min(nodes & frozenset[int]().union(*plain.values()))
    counted = [demand for demand in demands if demand.request_id in working] or list(demands)
    return PlannedObligation(
        kind=ObligationKind.RETRAIN,
        target_id=versions[0].model_id or 0,
        target=versions[0].model,
        due_at=min(demand.models_by for demand in counted),
        because=_in_words(reach.explain(shown, shields=shields if hit else ()), reach),
        shares=tuple(shares),
        after=_feeding(hit, reach, stores),
    )


def _in_order(
    retrains: Sequence[PlannedObligation],
    by_model: Mapping[int, Sequence[LivingVersion]],
    reach: Reach,
) -> Iterator[PlannedObligation]:
    """Let each model wait for those that it came from, as far as they are trained again."""
    made_by = {version.node_id: model for model, mine in by_model.items() for version in mine}
    before = models_before(made_by, reach.graph)
    at_work = {one.target_id for one in retrains if one.open_shares}
    for one in retrains:
        waits_for = before.get(one.target_id, frozenset()) if one.open_shares else frozenset()
        yield replace(one, after_models=tuple(sorted(waits_for & at_work)))


def _sentence(node: int, reach: Reach, shields: Mapping[int, str]) -> str:
    """Return the sentence of the shields that stand between the people and a model version."""
    between = sorted(
        shield
        for shield in shields
        if shield in reach.graph.nodes and node in reach.graph.carried_from([shield])
    )
    return "; ".join(dict.fromkeys(shields[shield] for shield in between))


def _feeding(nodes: Sequence[int], reach: Reach, stores: Sequence[StoreRef]) -> tuple[int, ...]:
    """Return the stores of the training sets from which somebody reached the nodes."""
    holding = frozenset[int]().union(*reach.holding().values())
    families = {
        reach.graph.nodes[start].family_id
        for start in holding
        if not reach.graph.carried_from([start]).isdisjoint(nodes)
    }
    return tuple(
        sorted(store.id for store in stores if families & {family.id for family in store.families})
    )


def _in_words(hops: Sequence[Hop], reach: Reach) -> str:
    """Write a way through the graph: `patients 3 → trained on → diagnosis 1`."""
    said: list[str] = []
    for hop in hops:
        node = reach.graph.nodes[hop.node]
        said += [hop.by.value] if hop.by is not None else []
        said.append(f"{node.name} {node.version}")
    return " → ".join(said)


def _moment(value: object) -> str:
    """Write a moment in UTC, so that a plan has one spelling wherever it is computed."""
    if not isinstance(value, datetime):
        raise TypeError(type(value).__name__)
    return value.astimezone(UTC).isoformat()
