"""What planning and the final check need to know, read in one place."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from audits.models import Alert
from deletion.closure import Remains, remains_of
from deletion.errors import BatchUnknown
from deletion.models import Batch, DeletionRequest, RequestIdentifier
from deletion.planning import Demand, LivingVersion, Plan, make_plan
from deletion.queries.links import is_undoable
from deletion.queries.merging import merged_into
from deletion.states import Outcome, RequestState
from deletion.trainings import living_of, with_trainings
from lineage.graph import NodeKind
from lineage.identifiers import SubjectId
from lineage.models import DatasetFamily, IdentifierColumn, Namespace, Pseudonym
from lineage.queries import reach_of, resolve, stores_of
from lineage.reach import Graph, Presence, Reach
from privacy.queries import shields
from privacy.shielding import Shield
from training.models import ModelVersion
from training.queries import attestations_of, loose_snapshots, open_trainings
from training.states import VersionState

NOWHERE: Final = "nowhere-to-look"
"""The alert about a request of whose namespaces no store declares a column."""


def awaiting_plan(*, limit: int, now: datetime) -> list[UUID]:
    """Return requests that nobody has planned yet and can be looked for, the most urgent first.

    Those with linked identifiers wait until an officer had time to undo a wrong link.
    """
    found = _received().filter(_is_somewhere(), ~is_undoable(now=now)).order_by("erase_by", "pk")
    return list(found.values_list("pk", flat=True)[:limit])


def nowhere_to_look(*, limit: int) -> list[UUID]:
    """Return requests that no store can be searched for, and that nobody was told of yet."""
    # Few namespaces have no column anywhere: from there the search begins, not at all who wait.
    unknown = list(Namespace.objects.exclude(pk__in=_declared()).values_list("pk", flat=True))
    if not unknown:
        return []
    asking = RequestIdentifier.objects.filter(namespace__in=unknown).values("request")
    about = Concat(Value("request/"), Cast(OuterRef("pk"), TextField()))
    told = Alert.objects.filter(kind=NOWHERE, about=about, resolved_at=None)
    found = _received().filter(pk__in=asking).exclude(_is_somewhere()).exclude(Exists(told))
    return list(found.order_by("erase_by", "pk").values_list("pk", flat=True)[:limit])


def nowhere_to_look_for(request_id: UUID) -> bool:
    """Say whether no store can be searched for one request that nobody has planned yet."""
    return _received().filter(pk=request_id).exclude(_is_somewhere()).exists()


def _received() -> QuerySet[DeletionRequest]:
    return DeletionRequest.objects.filter(state=RequestState.RECEIVED, behind=None)


def _is_somewhere() -> Exists | Q:
    """Return the condition that some store declares a column for a request, or lineage knows it."""
    mine = RequestIdentifier.objects.filter(request=OuterRef("pk"))
    known = Pseudonym.objects.filter(value=OuterRef("pseudonym"))
    return Exists(mine.filter(Q(namespace__in=_declared()) | Exists(known)))


def _declared() -> list[str]:
    """Return the namespaces of which some store has a column."""
    return list(IdentifierColumn.objects.values_list("namespace_id", flat=True).distinct())


def awaiting_approval(*, limit: int) -> list[int]:
    """Return batches whose plan nobody has approved or dissolved, those looked at last coming last.

    A new one comes first: policy may approve it at once.
    """
    found = Batch.objects.filter(approved_at=None, dissolved_at=None)
    ordered = found.order_by(F("looked_at").asc(nulls_first=True), "pk")
    return list(ordered.values_list("pk", flat=True)[:limit])


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSeen:
    """A plan as an approver sees it."""

    digest: str
    requests: tuple[UUID, ...]

    @property
    def people(self) -> int:
        """Return for how many people it is."""
        return len(self.requests)


def batch_seen(batch_id: int) -> BatchSeen:
    """Return the plan of a batch that waits for an answer."""
    batch = Batch.objects.filter(pk=batch_id, approved_at=None, dissolved_at=None).first()
    if batch is None:
        raise BatchUnknown
    requests = batch.requests.order_by("pk").values_list("pk", flat=True)
    return BatchSeen(digest=batch.digest, requests=tuple(requests))


def plan_for(requests: Collection[UUID], *, now: datetime) -> Plan:
    """Plan some requests from what lineage, privacy and training say at this moment."""
    demands = _demands(requests)
    reach, living = _reach_of(
        frozenset[SubjectId]().union(*(demand.subjects for demand in demands))
    )
    return make_plan(
        demands,
        stores=stores_of(frozenset[str]().union(*(demand.namespaces for demand in demands))),
        reach=reach,
        living=living,
        shields=shields_in(reach.graph, requests=requests, now=now),
    )


def remains(request_id: UUID, *, now: datetime) -> Remains:
    """Return where the person of a request still is, as far as lineage and training know."""
    return remains_of_each([request_id], now=now)[request_id]


def remains_of_each(requests: Collection[UUID], *, now: datetime) -> dict[UUID, Remains]:
    """Return where the person of each request still is; lineage is read once for all of them."""
    people = subjects_of(requests)
    reach, living = _reach_of(frozenset[SubjectId]().union(*people.values()))
    presences: defaultdict[SubjectId, list[Presence]] = defaultdict(list)
    for presence in reach.presences:
        presences[presence.subject].append(presence)
    families = _family_names(reach)
    attested = [one.node_id for one in attestations_of(reach.graph.nodes.keys())]
    loose: dict[frozenset[int], list[str]] = {}  # most people of a batch reach the same
    found = {}
    for request, subjects in people.items():
        mine = replace(reach, presences=tuple(p for s in sorted(subjects) for p in presences[s]))
        nodes = (reach.graph.nodes[node].family_id for node in mine.reached())
        reached = frozenset(family for family in nodes if family is not None)
        if reached not in loose:
            loose[reached] = list(loose_snapshots(sorted(reached)))
        found[request] = remains_of(
            subjects,
            reach=mine,
            families=families,
            living=living,
            # A shield bears so many deletions: each request is counted by itself.
            shields=shields_in(reach.graph, requests=[request], now=now),
            attested=attested,
            loose=loose[reached],
        )
    return found


def still_tainting(requests: Collection[UUID], *, model_id: int, now: datetime) -> frozenset[UUID]:
    """Return those of the requests whose person still taints a living version of a model."""
    subjects = subjects_of(requests)
    reach, versions = _reach_of(frozenset[SubjectId]().union(*subjects.values()))
    living = {version.node_id for version in versions if version.model_id == model_id}
    by_subject = reach.per_subject(shields=shields_in(reach.graph, requests=requests, now=now))
    return frozenset(
        request
        for request, persons in subjects.items()
        if any(living & by_subject.get(person, frozenset()) for person in persons)
    )


def subjects_of(requests: Collection[UUID]) -> dict[UUID, frozenset[SubjectId]]:
    """Return whom each request is about; nobody, if lineage has never seen the person."""
    rows = RequestIdentifier.objects.filter(request__in=list(requests)).values_list(
        "request_id", "pseudonym"
    )
    known = resolve([pseudonym for _, pseudonym in rows])
    found: defaultdict[UUID, set[SubjectId]] = defaultdict(set)
    for request, pseudonym in rows:
        if pseudonym in known:
            found[request].add(known[pseudonym])
    return {request: frozenset(found[request]) for request in requests}


def _reach_of(subjects: Collection[SubjectId]) -> tuple[Reach, list[LivingVersion]]:
    """Return how far people reach, trainings that have not ended yet included, and what lives."""
    reach = reach_of(subjects)
    known = reach.graph.nodes
    trainings = [
        one
        for one in open_trainings()
        if one.source_node_id in known or one.parent_node_id in known
    ]
    living = [*living_in(reach.graph), *(living_of(training) for training in trainings)]
    return with_trainings(reach, trainings), living


def living_in(graph: Graph) -> list[LivingVersion]:
    """Return the model versions of a graph that are not destroyed, other tools' included.

    Another tool's version is gone when an officer has attested it.
    """
    nodes = [node for node in graph.nodes.values() if node.kind is NodeKind.MODEL_VERSION]
    rows = ModelVersion.objects.filter(node__in=[node.id for node in nodes]).select_related("model")
    ours = {row.node_id: row for row in rows}
    gone = {one.node_id for one in attestations_of([node.id for node in nodes])}
    found = []
    for node in nodes:
        row = ours.get(node.id)
        if row is None and node.id in gone:
            continue
        if row is None:
            found.append(
                LivingVersion(node_id=node.id, model_id=None, model=node.name, number=node.version)
            )
        elif row.state != VersionState.DESTROYED:
            found.append(
                LivingVersion(
                    node_id=node.id,
                    model_id=row.model_id,
                    model=row.model.name,
                    number=str(row.number),
                )
            )
    return found


def shields_in(graph: Graph, *, requests: Collection[UUID], now: datetime) -> Mapping[int, str]:
    """Return the releases of a graph that shield now, counting everybody who relied on one."""
    releases = [node.id for node in graph.nodes.values() if node.kind is NodeKind.RELEASE]
    found = shields_of(releases, requests=requests, now=now)
    return {node: shield.sentence for node, shield in found.items()}


def shields_of(
    releases: Collection[int], *, requests: Collection[UUID] = (), now: datetime
) -> Mapping[int, Shield]:
    """Return the shields of releases, by node, counting everybody who relied on one before."""
    if not releases:
        return {}
    earlier = (
        DeletionRequest.objects.filter(
            Q(shares__outcome=Outcome.SHIELDED) | Q(deferrals__isnull=False)
        )
        .exclude(pk__in=list(requests))
        .distinct()
        .count()
    )
    return shields(node_ids=releases, deletions=earlier + len(requests), now=now)


def _demands(requests: Collection[UUID]) -> list[Demand]:
    rows = DeletionRequest.objects.filter(pk__in=list(requests)).prefetch_related("identifiers")
    subjects = subjects_of(requests)
    merged = merged_into(requests)
    return [
        Demand(
            request_id=str(row.pk),
            namespaces=frozenset(one.namespace_id for one in row.identifiers.all()),
            subjects=subjects[row.pk],
            # The earliest of those whom the work is for; a merged one has no later date for it.
            erase_by=min(one.erase_by for one in (row, *merged.get(row.pk, ()))),
            models_by=min(one.models_by for one in (row, *merged.get(row.pk, ()))),
        )
        for row in rows
    ]


def _family_names(reach: Reach) -> dict[int, str]:
    wanted = {presence.family_id for presence in reach.presences}
    return dict(DatasetFamily.objects.filter(pk__in=wanted).values_list("pk", "name"))
