"""Real rows: targets with a history, and a hundred thousand obligations that wait for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from deletion.models import Batch, DeletionRequest, Obligation, Run, Share
from lineage.models import Store
from training.models import Model

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_ROWS = 5000  # a statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much waits."""

    stores: int
    models: int
    batches: int  # each owes something to every target
    people: int = 3  # in each obligation
    past_runs: int = 20  # of each target


def write_backlog(size: Size) -> int:
    """Write it; return how many obligations are open."""
    stores = _write(
        Store(name=f"store-{n}", kind="parquet", uri=f"bench/{n}", registered_at=NOW)
        for n in range(size.stores)
    )
    models = _write(
        Model(name=f"model-{n}", purpose="", trainer="", registered_at=NOW)
        for n in range(size.models)
    )
    targets = [{"kind": "erase", "store": one} for one in stores]
    targets += [{"kind": "retrain", "model": one} for one in models]
    _write(
        Run(
            **target,
            state="succeeded",
            because="",
            started_at=NOW - number * _DAY,
            finished_at=NOW - number * _DAY + timedelta(minutes=10 + place % 600 + number),
        )
        for place, target in enumerate(targets)
        for number in range(1, size.past_runs + 1)
    )
    batches = _write(
        Batch(plan={}, digest="", planned_at=NOW - _DAY * (number % 20), approved_at=NOW)
        for number in range(size.batches)
    )
    requests = _write(
        DeletionRequest(
            regime="gdpr",
            state="in progress",
            received_at=batch.planned_at,
            erase_by=batch.planned_at + 30 * _DAY,
            models_by=batch.planned_at + 30 * _DAY,
            caller="command:bench",
            idempotency_tag=f"{number}-{place}",
            verification="",
            batch=batch,
        )
        for number, batch in enumerate(batches)
        for place in range(size.people)
    )
    owed = _write(
        Obligation(
            **target,
            batch=batch,
            because="",
            created_at=batch.planned_at,
            due_at=batch.planned_at + (30 if place % 7 else 14) * _DAY,
        )
        for batch in batches
        for place, target in enumerate(targets)
    )
    _write(
        Share(obligation=one, request=requests[number // len(targets) * size.people + place])
        for number, one in enumerate(owed)
        for place in range(size.people)
    )
    # Half of the models wait until a store is clean.
    way = Obligation.after.through
    _write(
        way(from_obligation_id=owed[start + place].pk, to_obligation_id=owed[start + feeder].pk)
        for start in range(0, len(owed), len(targets))
        for place in range(size.stores, len(targets), 2)
        for feeder in [place % size.stores]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return len(owed)


def _write(rows: Iterable[Any]) -> list[Any]:
    found = list(rows)
    return list(type(found[0])._default_manager.bulk_create(found, batch_size=_ROWS))
