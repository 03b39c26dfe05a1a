"""Runs that free one model of people: training is asked for, watched, compared with the aim.

Whatever training reports, an outcome is decided by lineage: no living version of the model may be
tainted by the request's person any more.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from audits.trail import Actor, audited
from deletion.actions.locks import lock_run
from deletion.actions.runs import decide, finish, open_shares
from deletion.actions.starts import lock_open_obligations, take
from deletion.actions.stuck import attempt_failed, mark_stuck
from deletion.events import AttemptBegan, AttemptFailed
from deletion.models import Run, Share
from deletion.queries.plans import still_tainting
from deletion.states import ObligationKind, Outcome, RunState
from training.actions import start_run
from training.evidence import closes, refusal_of
from training.queries import is_stopped, newest_source, run_summary
from training.states import RUN_OPEN
from training.states import RunState as TrainingState
from training.summaries import RunSummary

TAINTED: Final = "a version that is not destroyed is still tainted"


def start_retraining(
    *, obligation_ids: Collection[int], because: str, actor: Actor, now: datetime
) -> Run | None:
    """Begin to free a model of people, by training on its newest source; None if others did."""
    with transaction.atomic():
        obligations = lock_open_obligations(obligation_ids, kind=ObligationKind.RETRAIN)
        if not obligations or obligations[0].model_id is None:
            return None
        model = obligations[0].model_id
        if Run.objects.filter(model=model).exclude(state=RunState.SUCCEEDED).exists():
            return None
        with audited(actor=actor, now=now) as trail:
            run = Run.objects.create(
                kind=ObligationKind.RETRAIN,
                model_id=model,
                state=RunState.RUNNING,
                because=because,
                started_at=now,
                attempts=1,
                training_run_id=_train(model, because, actor=actor, now=now),
            )
            take(run, obligations, trail=trail)
    return run


def watch_retraining(
    *, run_id: UUID, most_attempts: int, actor: Actor, now: datetime
) -> Run | None:
    """Take the next step of such a run, once its training run has ended; None while there is none.

    The old versions go even if the new one did not qualify: then the fallback answers, and the
    outcome is `retired`. While a tainted version lives, or if what came of it is no evidence,
    training is asked for again, until the attempts end.
    """
    with transaction.atomic():
        run = lock_run(run_id)
        waits = run.not_before is not None and run.not_before > now
        if run.state != RunState.RUNNING or run.model_id is None or waits:
            return None
        if run.training_run_id is None:
            # No attempt is spent while a stop is down: the next sweep asks again.
            if run.model is None or is_stopped(run.model.name):
                return None
            return _again(run, run.model_id, actor=actor, now=now)
        summary = run_summary(run.training_run_id)
        if summary.state in RUN_OPEN:
            return None
        shares = open_shares(run)
        tainting = still_tainting(
            [share.request_id for share in shares], model_id=run.model_id, now=now
        )
        if tainting or not closes(summary.evidence_class):
            return _failed(run, summary, most_attempts=most_attempts, actor=actor, now=now)
        return _finished(run, summary, shares, actor=actor, now=now)


def _train(model_id: int, because: str, *, actor: Actor, now: datetime) -> UUID:
    return start_run(
        model_id=model_id,
        source_node_id=newest_source(model_id),
        reason=f"deletion: {because}"[:200],
        forced=True,
        actor=actor,
        now=now,
    )


def _again(run: Run, model_id: int, *, actor: Actor, now: datetime) -> Run:
    with audited(actor=actor, now=now) as trail:
        run.training_run_id = _train(model_id, run.because, actor=actor, now=now)
        run.attempts += 1
        run.save(update_fields=["training_run", "attempts"])
        trail.record(
            AttemptBegan(run_id=str(run.pk), part="", attempt=run.attempts), about=f"run/{run.pk}"
        )
    return run


def _failed(
    run: Run, summary: RunSummary, *, most_attempts: int, actor: Actor, now: datetime
) -> Run:
    with audited(actor=actor, now=now) as trail:
        why = summary.reason or refusal_of(summary.evidence_class) or TAINTED
        error = f"{summary.state}: {why}"[:500]
        attempt_failed(run, error=error, now=now)
        run.training_run = None  # the next attempt asks for another
        run.save(update_fields=["training_run"])
        trail.record(
            AttemptFailed(run_id=str(run.pk), part="", error=error, attempts=run.attempts),
            about=f"run/{run.pk}",
        )
        if run.attempts >= most_attempts:
            mark_stuck(run, why=error, part="", trail=trail)
    return run


def _finished(
    run: Run, summary: RunSummary, shares: list[Share], *, actor: Actor, now: datetime
) -> Run:
    with audited(actor=actor, now=now) as trail:
        if summary.state is TrainingState.SUCCEEDED:
            outcome = Outcome.RETRAINED
            note = (
                f"version {summary.version}, {summary.shards_hit} of {summary.shards_total}"
                " shards fitted again"
            )
        else:
            outcome = Outcome.RETIRED
            note = f"no new version qualified: {summary.reason or summary.state}"
        for share in shares:
            decide(share, outcome, note=note, run=run, trail=trail)
        run.evidence = {
            "training_run": str(summary.run_id),
            "state": summary.state.value,
            "version": summary.version,
            "shards_hit": summary.shards_hit,
            "shards_total": summary.shards_total,
            "metrics": dict(summary.metrics),
            **summary.evidence,
        }
        finish(run, shares, trail=trail)
    return run
