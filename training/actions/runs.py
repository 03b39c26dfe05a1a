"""The life of a run, one step an action. What may follow what is in `training.states`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from audits.trail import Actor, audited
from lineage.actions.leases import take as take_lease
from lineage.errors import FamilyRetired
from lineage.leases import Lease, Token, next_lease
from training.actions.endings import doom_unused
from training.actions.locks import lock_held, lock_model, lock_run
from training.actions.moves import has_lost_its_parent, move, record_finished, refuse, restart
from training.actions.roll_backs import give_up_standby
from training.driving import STEPS, Step
from training.errors import Stopped
from training.events import DataChecked, StepClaimed, TrainingForced, TrainingStarted
from training.forecast import Forecast, Part, forecast
from training.gates import Verdict
from training.models import (
    GateDeclaration,
    GateVerdict,
    Model,
    ModelVersion,
    Qualification,
    ShardFit,
    Snapshot,
    TrainingRun,
)
from training.plans import Plan
from training.queries import is_stopped, newest_source
from training.queries.runs import measured_fits
from training.queries.sources import origin_of, require_fit_for
from training.states import RUN_OPEN, JobState, RunState, require_run_move

LEFT: Final = "somebody left its training data"


def start_run(  # noqa: PLR0913  # keyword-only, one a column
    *,
    model_id: int,
    source_node_id: int,
    reason: str,
    forced: bool,
    actor: Actor,
    now: datetime,
) -> UUID:
    """Begin a training, or return the one that is open already.

    `forced` says that somebody has to leave the model: whatever comes of the run, every older
    version is destroyed. An open run becomes forced, and follows the newer source.
    """
    with transaction.atomic():
        model = lock_model(model_id)
        if is_stopped(model.name):
            raise Stopped
        origin = origin_of(source_node_id)
        require_fit_for(model, origin)
        if origin.dataset.family.retired_at is not None and not forced:
            # Forced ones begin: the gates refuse the data, and what somebody has to leave goes.
            raise FamilyRetired(origin.dataset.family.name)
        run = (
            TrainingRun.objects.select_for_update(no_key=True, of=("self",))
            .select_related("model", "source", "version")
            .filter(model=model, state__in=RUN_OPEN)
            .first()
        )
        if run is None:
            with audited(actor=actor, now=now) as trail:
                run = TrainingRun.objects.create(
                    model=model,
                    source=origin.node,
                    state=RunState.WAITING,
                    reason=reason,
                    forced=forced,
                    created_at=now,
                )
                if forced:
                    give_up_standby(model, because=LEFT, trail=trail)
                trail.record(
                    TrainingStarted(
                        run_id=str(run.pk),
                        model=model.name,
                        source=str(origin.node),
                        forced=forced,
                    ),
                    about=f"model/{model.name}",
                )
        elif forced:
            _force(run, model, source_node_id=source_node_id, reason=reason, actor=actor, now=now)
    return run.pk


def _force(  # noqa: PLR0913  # keyword-only, one a column
    run: TrainingRun,
    model: Model,
    *,
    source_node_id: int,
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    if run.forced and run.source_id == source_node_id:
        return
    with audited(actor=actor, now=now) as trail:
        if not run.forced:
            give_up_standby(model, because=LEFT, trail=trail)
            run.forced = True
            run.reason = reason
            run.save(update_fields=["forced", "reason"])
            trail.record(
                TrainingForced(run_id=str(run.pk), model=model.name), about=f"training/{run.pk}"
            )
        if run.source_id != source_node_id:
            restart(run, source_node_id=source_node_id, trail=trail)


def claim_run(  # noqa: PLR0913  # keyword-only; the surfaces read clock and settings
    *,
    run_id: UUID,
    step: Step,
    most_attempts: int,
    owner: str,
    length: timedelta,
    actor: Actor,
    now: datetime,
) -> Lease | None:
    """Take a step of a run; None if it must wait, is held by somebody, or has none."""
    with transaction.atomic():
        run = lock_run(run_id)
        state = RunState(run.state)
        lease = next_lease(token=run.fencing_token, until=run.lease_until, now=now, length=length)
        is_ready = (
            state in STEPS[step]
            and not (state is RunState.FITTING and run.fits.filter(snapshot=None).exists())
            and not (run.not_before and run.not_before > now)
            and run.attempts < most_attempts
            and not is_stopped(run.model.name)
        )
        if lease is None or not is_ready:
            return None
        if state is RunState.JUDGING and run.jobs.filter(state=JobState.RUNNING).exists():
            take_lease(run, lease=lease, owner=owner, now=now)
            return lease
        with audited(actor=actor, now=now) as trail:
            if state is RunState.WAITING:
                require_run_move(state, RunState.CHECKING)
                run.state = RunState.CHECKING
                run.started_at = run.started_at or now
            take_lease(run, lease=lease, owner=owner, also=["state", "started_at"], now=now)
            trail.record(
                StepClaimed(run_id=str(run.pk), step=run.state, token=lease.token),
                about=f"training/{run.pk}",
            )
    return lease


def keep_run(*, run_id: UUID, token: Token, length: timedelta, now: datetime) -> bool:
    """Extend a lease while its worker lives; False if it has another one now.

    It records nothing: that a worker still works is no fact that anybody asks about later.
    """
    with transaction.atomic():
        run = TrainingRun.objects.select_for_update(no_key=True).filter(pk=run_id).first()
        if run is None or run.fencing_token != token or run.state not in RUN_OPEN:
            return False
        run.lease_until = now + length
        run.save(update_fields=["lease_until"])
    return True


def record_verdicts(  # noqa: PLR0913  # keyword-only, what the check found
    *,
    run_id: UUID,
    token: Token,
    verdicts: Sequence[Verdict],
    plan: Plan | None,
    gates: GateDeclaration | None = None,
    parent: ModelVersion | None = None,
    actor: Actor,
    now: datetime,
) -> RunState:
    """Keep what the gates said; begin to fit, or refuse if one of them did.

    `gates` is what they went by; None: the usual rules. `parent` is the version that a fine-tuned
    or distilled model begins at; whoever has to leave it makes the run begin again.

    A shard whose living snapshot has the very key that is needed is not fitted again.
    """
    with audited(actor=actor, now=now) as trail:
        run = lock_held(run_id, token, state=RunState.CHECKING)
        GateVerdict.objects.bulk_create(
            GateVerdict(
                run=run,
                gate=verdict.gate.value,
                passed=verdict.passed,
                reason=verdict.reason[:300],
                measured=verdict.measured,
            )
            for verdict in verdicts
        )
        refusals = [verdict for verdict in verdicts if not verdict.passed]
        fits = _plan_fits(run, plan) if plan is not None and not refusals else []
        run.gates = gates
        run.parent = parent
        run.plan = {}
        if plan is not None and not refusals:
            run.plan = plan.as_json() | {"gates": _said_by_gates(verdicts, gates)}
        if fits:
            run.plan["forecast"] = _forecast(run, fits).as_json()
        run.shards_total = len({fit.shard for fit in fits})
        run.shards_hit = len({fit.shard for fit in fits if not fit.reused})
        move(run, RunState.DESTROYING if refusals else RunState.FITTING)
        run.save()
        checked = DataChecked(
            run_id=str(run.pk),
            model=run.model.name,
            verdicts={verdict.gate.value: verdict.passed for verdict in verdicts},
            reasons={verdict.gate.value: verdict.reason[:300] for verdict in verdicts},
            people=plan.people if plan else 0,
            rows=plan.rows if plan else 0,
            shards=run.shards_total,
            reused=run.shards_total - run.shards_hit,
        )
        trail.record(checked, about=f"training/{run.pk}")
        if refusals:
            said = [f"{verdict.gate.value}: {verdict.reason}" for verdict in refusals]
            refuse(run, because=said, trail=trail)
        else:  # what a run fitted before it began again, and no longer needs, goes at once
            doom_unused(run.model, trail=trail)
    return RunState(run.state)


def _said_by_gates(verdicts: Sequence[Verdict], gates: GateDeclaration | None) -> dict[str, object]:
    """Return what a manifest says about the gates."""
    return {
        "declaration": {"number": gates.number, "digest": gates.digest} if gates else None,
        "verdicts": {verdict.gate.value: verdict.reason[:300] for verdict in verdicts},
    }


def _plan_fits(run: TrainingRun, plan: Plan) -> list[ShardFit]:
    living_snapshots = {
        (snapshot.shard, snapshot.slice, snapshot.key): snapshot
        for snapshot in Snapshot.objects.filter(model=run.model, doomed_at=None, destroyed_at=None)
    }
    fits = []
    for planned in plan.shards:
        snapshot = living_snapshots.get((planned.shard, planned.slice, planned.key))
        fits.append(
            ShardFit(
                run=run,
                shard=planned.shard,
                slice=planned.slice,
                key=planned.key,
                people=planned.people,
                rows=planned.rows,
                snapshot=snapshot,
                reused=snapshot is not None,
            )
        )
    return ShardFit.objects.bulk_create(fits)


def _forecast(run: TrainingRun, fits: Sequence[ShardFit]) -> Forecast:
    parts = [Part(shard=fit.shard, slice=fit.slice, rows=fit.rows, kept=fit.reused) for fit in fits]
    return forecast(parts, measured_fits(run.model_id))


def follow_source(*, run_id: UUID, actor: Actor, now: datetime) -> bool:
    """Begin again if what the run learns from may not be used any more, and something newer may.

    So it is with the version that it began at, once somebody has to leave that.

    Returns whether it did. A run that is destroying has judged its version already.
    """
    with transaction.atomic():
        run = lock_run(run_id)
        if run.state not in RUN_OPEN - {RunState.DESTROYING}:
            return False
        is_refused = bool(origin_of(run.source_id).refusal)
        newest = newest_source(run.model_id) if is_refused else run.source_id
        if newest == run.source_id and not has_lost_its_parent(run):
            return False
        with audited(actor=actor, now=now) as trail:
            restart(run, source_node_id=newest, trail=trail)
    return True


def finish_run(*, run_id: UUID, actor: Actor, now: datetime) -> RunState:
    """End a run when everything that it doomed is destroyed; earlier, or twice: nothing happens."""
    with transaction.atomic():
        run = lock_run(run_id)
        doomed = {"model": run.model, "doomed_at__isnull": False, "destroyed_at": None}
        left = (
            ModelVersion.objects.filter(**doomed).exists()
            or Snapshot.objects.filter(**doomed).exists()
            or run.jobs.filter(cleared_at=None).exists()
        )
        if run.state != RunState.DESTROYING or left:
            return RunState(run.state)
        with audited(actor=actor, now=now) as trail:
            passed = Qualification.objects.filter(version=run.version, passed=True).exists()
            move(run, RunState.SUCCEEDED if passed else RunState.REFUSED)
            run.finished_at = now
            run.save()
            record_finished(run, trail=trail)
    return RunState(run.state)
