"""The scheduler's inputs, read from the rows at one moment.

PostgreSQL sums the obligations up, so that what is read, and the decision, grow with the targets
and not with the people.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.db.models import Exists, Min, OuterRef, Q

from deletion.capacity import Demand, demands
from deletion.estimates import NO_HISTORY, History, Prior, estimate_of, prior_of
from deletion.models import Obligation, Run, Share
from deletion.queries.targets import is_store, model_target, named, store_target, target_of
from deletion.scheduling import Decision, decide
from deletion.states import OPEN_OUTCOMES, ObligationKind, RequestState, RunState
from deletion.workload import Feed, Pending, Pool, Rules, Running, Standing, Target
from lineage.models import Store
from training.models import Model, Stop
from training.pools import ERASING, training_pool
from training.queries import EVERYTHING, scope_of_pool

_HISTORY: Final = 50  # runs of a target that its estimate looks at
GUESS: Final = {
    ObligationKind.ERASE: timedelta(minutes=10),
    ObligationKind.RETRAIN: timedelta(hours=1),
}

# What is open, who waits for it, and how far it has come; `window` is `workload.window_class`.
_OPEN: Final = """
WITH people AS MATERIALIZED (
    SELECT share.obligation_id, count(*) AS people
    FROM deletion_share share JOIN deletion_deletionrequest request ON request.id = share.request_id
    WHERE share.outcome = ANY(%(outcomes)s) AND request.state = %(state)s
    GROUP BY share.obligation_id
), open AS MATERIALIZED (
    SELECT
        obligation.id, obligation.store_id, obligation.model_id, obligation.run_id,
        obligation.created_at, obligation.due_at, people.people,
        greatest(obligation.due_at - obligation.created_at, interval '0') AS exact
    FROM deletion_obligation obligation JOIN people ON people.obligation_id = obligation.id
    WHERE obligation.discharged_at IS NULL AND obligation.recipient_id IS NULL
), edge AS MATERIALIZED (
    SELECT way.from_obligation_id AS behind, way.to_obligation_id AS before
    FROM deletion_obligation_after way
    JOIN open before ON before.id = way.to_obligation_id
    JOIN open behind ON behind.id = way.from_obligation_id
), stands AS MATERIALIZED (
    SELECT
        open.*,
        CASE
            WHEN exact >= interval '2 days' THEN date_trunc('day', exact)
            WHEN exact >= interval '2 hours' THEN date_trunc('hour', exact)
            ELSE date_trunc('minute', exact)
        END AS window_class,
        CASE
            WHEN open.run_id IS NOT NULL THEN 'at work'
            WHEN waits.behind IS NOT NULL THEN 'blocked'
            ELSE 'ready'
        END AS standing
    FROM open LEFT JOIN (SELECT DISTINCT behind FROM edge) waits ON waits.behind = open.id
)
"""
_SUMS: Final = (  # one statement, so that both halves see the same moment
    _OPEN
    + """
SELECT
    store_id, model_id, NULL, NULL, window_class, standing,
    min(due_at), min(created_at), sum(people)::bigint
FROM stands WHERE standing <> 'at work'
GROUP BY store_id, model_id, window_class, standing
UNION ALL
SELECT
    before.store_id, before.model_id, behind.store_id, behind.model_id, behind.window_class,
    before.standing, min(behind.due_at), NULL, NULL
FROM edge
JOIN stands before ON before.id = edge.before
JOIN stands behind ON behind.id = edge.behind
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 1, 2, 3, 4, 5, 6
"""
)
_HISTORIES: Final = """
SELECT
    store_id, model_id, count(*), avg(ln(seconds)), var_pop(ln(seconds)),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY ln(seconds)), max(ln(seconds)),
    avg(seconds) / exp(avg(ln(seconds)))
FROM (
    SELECT
        store_id, model_id,
        greatest(extract(epoch FROM finished_at - started_at), 1)::float8 AS seconds,
        row_number() OVER (PARTITION BY store_id, model_id ORDER BY finished_at DESC) AS place
    FROM deletion_run WHERE state = %(succeeded)s AND finished_at IS NOT NULL
) AS past
WHERE place <= %(most)s GROUP BY store_id, model_id
"""

_ASKING: Final[dict[str, Any]] = {
    "outcomes": list(OPEN_OUTCOMES),
    "state": RequestState.IN_PROGRESS.value,
}

Key = tuple[int | None, int | None]
"""A store's number, or a model's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Everything that `decide` looks at."""

    pending: tuple[Pending, ...]
    feeds: tuple[Feed, ...]
    targets: Mapping[str, Target]
    pools: Mapping[str, Pool]
    running: tuple[Running, ...]

    def decide(self, *, now: datetime) -> Decision:
        """Ask the scheduler."""
        return decide(
            now=now,
            pending=self.pending,
            feeds=self.feeds,
            targets=self.targets,
            pools=self.pools,
            running=self.running,
            rules=rules(),
        )

    def demands(self, *, now: datetime) -> list[Demand]:
        """Say how much of each pool the known work takes."""
        return demands(
            pending=self.pending,
            running=self.running,
            targets=self.targets,
            pools=self.pools,
            now=now,
        )


def rules() -> Rules:
    """Return how late a run may start, as the settings say it."""
    return Rules(tick=timedelta(seconds=settings.SWEEP_SECONDS), coalesce=settings.COALESCE)


def workload() -> Workload:
    """Return what is open, the targets of it, and the runs in progress."""
    runs = list(
        Run.objects.exclude(state=RunState.SUCCEEDED)
        .select_related("store", "model")
        .annotate(due_at=Min("obligations__due_at"))
        .order_by("pk")
    )
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, _ASKING)
        sums = [_Sum(*row) for row in cursor.fetchall()]
    keys = {one.key for one in sums} | {one.behind for one in sums if one.is_feed}
    targets = _targets(keys | {(run.store_id, run.model_id) for run in runs})
    names = {key: target.name for key, target in targets.items()}
    return Workload(
        pending=tuple(
            Pending(
                target=names[one.key],
                window=one.window,
                created_at=one.created_at,
                due_at=one.due_at,
                people=one.people,
                is_blocked=one.standing == Standing.BLOCKED,
            )
            for one in sums
            if one.created_at is not None and one.people is not None
        ),
        feeds=tuple(
            Feed(
                before=names[one.key],
                behind=names[one.behind],
                window=one.window,
                due_at=one.due_at,
                before_is=Standing(one.standing),
            )
            for one in sums
            if one.is_feed
        ),
        targets={target.name: target for target in targets.values()},
        pools={
            name: Pool(name=name, slots=settings.POOL_SLOTS_OF.get(name, settings.POOL_SLOTS))
            for name in sorted({target.pool for target in targets.values()})
        },
        running=tuple(
            Running(
                target=target_of(run),
                started_at=run.started_at,
                due_at=run.due_at or run.started_at,
                stuck=run.state == RunState.STUCK,
            )
            for run in runs
        ),
    )


def ready_obligations(target: str) -> list[int]:
    """Return what a run of a target would discharge if it started now."""
    name = named(target)
    mine = Q(store__name=name) if is_store(target) else Q(model__name=name)
    asking = Share.objects.filter(
        outcome__in=OPEN_OUTCOMES, request__state=RequestState.IN_PROGRESS
    )
    feeding = Obligation.after.through.objects.filter(
        Exists(asking.filter(obligation=OuterRef("to_obligation"))),
        from_obligation=OuterRef("pk"),
        to_obligation__discharged_at=None,
    )
    found = Obligation.objects.filter(mine, discharged_at=None, run=None).filter(
        Exists(asking.filter(obligation=OuterRef("pk"))), ~Exists(feeding)
    )
    return list(found.order_by("pk").values_list("pk", flat=True))


def histories() -> dict[Key, History]:
    """Return what the latest runs of each target took."""
    with connection.cursor() as cursor:
        cursor.execute(_HISTORIES, {"succeeded": RunState.SUCCEEDED.value, "most": _HISTORY})
        return {
            (store, model): History(
                runs=runs,
                mean_log=mean,
                variance_log=variance,
                median_log=middle,
                longest_log=longest,
                smear=smear,
            )
            for store, model, runs, mean, variance, middle, longest, smear in cursor.fetchall()
        }


@dataclass(frozen=True, slots=True)
class _Sum:
    """One row of the sums, in the order of its columns: of a target, or of one behind another."""

    store: int | None
    model: int | None
    behind_store: int | None
    behind_model: int | None
    window: timedelta
    standing: str
    due_at: datetime
    created_at: datetime | None
    people: int | None

    @property
    def key(self) -> Key:
        return self.store, self.model

    @property
    def behind(self) -> Key:
        return self.behind_store, self.behind_model

    @property
    def is_feed(self) -> bool:
        return self.behind != (None, None)


def priors_of(
    past: Mapping[Key, History], *, waiting: Iterable[Key] = ()
) -> dict[ObligationKind, Prior]:
    """Return what is known of a store, or of a model, that has never been worked on.

    `waiting` are targets that have work now: those of them that have never run make the others say
    less.
    """
    every = dict.fromkeys(waiting, NO_HISTORY) | dict(past)
    stores = [history for (store, _), history in every.items() if store is not None]
    models = [history for (_, model), history in every.items() if model is not None]
    return {
        ObligationKind.ERASE: prior_of(stores, guess=GUESS[ObligationKind.ERASE]),
        ObligationKind.RETRAIN: prior_of(models, guess=GUESS[ObligationKind.RETRAIN]),
    }


def _targets(keys: Collection[Key]) -> dict[Key, Target]:
    stopped = set(Stop.objects.filter(lifted_at=None).values_list("scope", flat=True))
    past = histories()
    priors = priors_of(past, waiting=keys)
    stores = Store.objects.in_bulk([store for store, _ in keys if store is not None])
    models = Model.objects.in_bulk([model for _, model in keys if model is not None])
    found: dict[Key, Target] = {}
    for key in keys:
        store, model = stores.get(key[0] or 0), models.get(key[1] or 0)
        if store is not None:
            name, pool, kind = store_target(store.name), ERASING, ObligationKind.ERASE
        elif model is not None:
            name, pool = model_target(model.name), training_pool(model.pool)
            kind = ObligationKind.RETRAIN
        else:
            continue
        found[key] = Target(
            name=name,
            pool=pool,
            estimate=estimate_of(
                past.get(key, NO_HISTORY), prior=priors[kind], quantile=settings.SAFE_QUANTILE
            ),
            stopped=not stopped.isdisjoint({EVERYTHING, name, scope_of_pool(pool)}),
        )
    return found
