"""Every change of the training tables: declarations, runs, fits, versions, stops."""

from training.actions.attestations import attest_gone
from training.actions.declarations import register_model
from training.actions.expiries import watch_expiries
from training.actions.failures import fail_fit, fail_step, give_up, kill_fit, kill_step
from training.actions.fits import claim_fit, finish_fit, fit_again, keep_fit
from training.actions.gates import declare_gates
from training.actions.jobs import (
    cancel_run,
    end_job,
    let_wait,
    mark_job_destroyed,
    note_answer,
    note_submitted,
    open_job,
    watch_job,
)
from training.actions.retirement import GivenUp, give_up_models, hold_models
from training.actions.roll_backs import roll_back
from training.actions.runs import (
    claim_run,
    finish_run,
    follow_source,
    keep_run,
    record_verdicts,
    start_run,
)
from training.actions.stops import lift, propose_lift, stop
from training.actions.versions import (
    mark_destroyed,
    record_judgement,
    register_artefact,
    report_damage,
)

__all__ = [
    "GivenUp",
    "attest_gone",
    "cancel_run",
    "claim_fit",
    "claim_run",
    "declare_gates",
    "end_job",
    "fail_fit",
    "fail_step",
    "finish_fit",
    "finish_run",
    "fit_again",
    "follow_source",
    "give_up",
    "give_up_models",
    "hold_models",
    "keep_fit",
    "keep_run",
    "kill_fit",
    "kill_step",
    "let_wait",
    "lift",
    "mark_destroyed",
    "mark_job_destroyed",
    "note_answer",
    "note_submitted",
    "open_job",
    "propose_lift",
    "record_judgement",
    "record_verdicts",
    "register_artefact",
    "register_model",
    "report_damage",
    "roll_back",
    "start_run",
    "stop",
    "watch_expiries",
    "watch_job",
]
