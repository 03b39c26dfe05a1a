"""What happens when attempts fail, and when they end: a person must look, and can see why."""

from datetime import datetime
from typing import Final

from audits.actions import answer_alerts, raise_alert
from audits.trail import Trail
from deletion.actions.shares import note_outcome
from deletion.events import RunStuck
from deletion.models import Run, RunPart, Share
from deletion.queries.targets import target_of
from deletion.states import Outcome, RequestState, RunState
from training.driving import back_off

STUCK: Final = "run-stuck"
DIED: Final = "its workers died without a word"


def attempt_failed(work: Run | RunPart, *, error: str, now: datetime) -> None:
    """Give the lease back and let the work wait; the caller records why."""
    work.last_error = error
    work.lease_until = None
    work.not_before = now + back_off(work.attempts)
    work.save(update_fields=["last_error", "lease_until", "not_before"])


def mark_stuck(run: Run, *, why: str, part: str, trail: Trail) -> None:
    """Stop trying: the obligations stay open, the shares say why, an alert asks for a person."""
    if run.state != RunState.RUNNING:
        return
    run.state = RunState.STUCK
    run.last_error = why
    run.save(update_fields=["state", "last_error"])
    note_outcome(
        Share.objects.filter(
            obligation__run=run, outcome="", request__state=RequestState.IN_PROGRESS
        ),
        Outcome.UNREACHABLE,
        note=why,
        trail=trail,
    )
    trail.record(RunStuck(run_id=str(run.pk), part=part, why=why), about=f"run/{run.pk}")
    raise_alert(
        kind=STUCK,
        about=f"run/{run.pk}",
        detail={"target": target_of(run), "part": part, "why": why},
        actor=trail.actor,
        now=trail.now,
    )


def no_longer_stuck(run: Run, *, why: str, trail: Trail) -> None:
    """Close the alert that asked for a person: one has looked, or the run has ended after all."""
    answer_alerts(
        about=f"run/{run.pk}", kinds={STUCK}, resolution=why, actor=trail.actor, now=trail.now
    )
