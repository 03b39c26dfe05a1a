"""A store came back from a backup: the erasures since then are done there once more."""

from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Q

from audits.actions import raise_alert
from audits.trail import Actor, audited
from deletion.actions.locks import lock_requests
from deletion.actions.shares import note_outcome
from deletion.errors import MomentAhead, RunUnderWay
from deletion.events import ReplayStarted
from deletion.models import DeletionRequest, Obligation, Run, Share
from deletion.queries.plans import living_in
from deletion.queries.replays import wanted_since
from deletion.queries.targets import target_of
from deletion.states import ENDED_WELL, ObligationKind, Outcome, RequestState, RunState
from lineage.graph import NodeKind, VersionState
from lineage.models import DatasetVersion, Store
from lineage.queries import downstream_of
from lineage.reach import Graph

SAW_THEM: Final = "model-saw-returned-person"


def start_replay(*, store_id: int, since: datetime, actor: Actor, now: datetime) -> Run | None:
    """Begin to erase again everybody of whom a store was free at some moment since then.

    The run works as any other erasure does: its parts are leased, read back by other eyes and
    proven, and it ends with a scan of the training sets there. None if there is nobody to look for.
    Models that were made meanwhile of data with returned people in it are alerted.
    """
    if since > now:
        raise MomentAhead
    with transaction.atomic():
        _open_again(store_id, since=since, actor=actor, now=now)
        store = Store.objects.select_for_update(no_key=True).get(pk=store_id)
        wanted = wanted_since(store_id, since=since, now=now)
        if not wanted:
            return None
        try:
            with audited(actor=actor, now=now) as trail:
                run = Run.objects.create(
                    kind=ObligationKind.ERASE,
                    store=store,
                    state=RunState.RUNNING,
                    because=f"replay: restored from a backup made after {since:%Y-%m-%d %H:%M} UTC",
                    started_at=now,
                    replay_since=since,
                )
                trail.record(
                    ReplayStarted(
                        run_id=str(run.pk),
                        target=target_of(run),
                        since=since,
                        marks=len(frozenset().union(*(one.marks for one in wanted.values()))),
                    ),
                    about=f"run/{run.pk}",
                )
        except IntegrityError:
            raise RunUnderWay(store.name) from None
        _alert_of_models(store, actor=actor, now=now)
    return run


def _open_again(store_id: int, *, since: datetime, actor: Actor, now: datetime) -> None:
    """Let who is held be looked for here after the release: the replay leaves their rows alone."""
    ended = Share.objects.filter(
        obligation__kind=ObligationKind.ERASE,
        obligation__store=store_id,
        outcome__in=ENDED_WELL,
        decided_at__gte=since,
        request__state=RequestState.HELD,
    )
    lock_requests(ended.values_list("request_id", flat=True))
    shares = dict(ended.values_list("pk", "request_id"))  # one may be free by now
    if not shares:
        return
    with audited(actor=actor, now=now) as trail:
        Obligation.objects.filter(shares__in=shares.keys()).update(discharged_at=None, run=None)
        DeletionRequest.objects.filter(
            Q(pk__in=shares.values()) | Q(behind__in=shares.values(), state=RequestState.MERGED)
        ).update(erased_at=None)
        mine = Share.objects.filter(pk__in=shares.keys())
        note_outcome(mine, Outcome.HELD, note="it came back from a backup", trail=trail)


def _alert_of_models(store: Store, *, actor: Actor, now: datetime) -> None:
    """Alert of the living models that were made of what is in quarantine, other tools' included.

    No training of this service reads such a version; an earlier one may have read the same files.
    """
    versions = DatasetVersion.objects.filter(family__store=store, state=VersionState.QUARANTINED)
    nodes = list(versions.values_list("node_id", flat=True))
    if not nodes:
        return
    graph = _without_releases(downstream_of(nodes))
    carried = graph.carried_from(nodes)
    for living in living_in(graph):
        if living.node_id in carried:
            raise_alert(
                kind=SAW_THEM,
                about=f"model/{living.model} {living.number}"[:120],
                detail={
                    "store": store.name,
                    "why": "it was made of a version that holds somebody who was forgotten",
                },
                actor=actor,
                now=now,
            )


def _without_releases(graph: Graph) -> Graph:
    """Leave out what was made of releases: policies of their own say when those models must go."""
    releases = {id_ for id_, node in graph.nodes.items() if node.kind is NodeKind.RELEASE}
    return Graph(
        nodes=graph.nodes,
        edges=frozenset(edge for edge in graph.edges if edge.target not in releases),
    )
