"""What a training's page shows of an outside trainer: how it stands, and what it printed."""

from typing import Final

from django.utils.safestring import SafeString

from audits.pages.cells import NOTHING, Tone, badge, moment, number, prose, state_badge
from audits.pages.sections import Raw, Section, Table
from audits.permissions import Role
from training import queries
from training.models import OutsideJob, TrainingRun
from training.states import JobState

LOG_READERS: Final = frozenset({Role.ENGINEER, Role.OFFICER, Role.ADMINISTRATOR})
"""Not auditors: what a trainer prints may quote the people whom it learns from."""

_TONES: Final = {
    JobState.RUNNING: Tone.BUSY,
    JobState.SUCCEEDED: Tone.GOOD,
    JobState.FAILED: Tone.BAD,
    JobState.LOST: Tone.BAD,
    JobState.CANCELLED: Tone.WARN,
}


def work_outside(run: TrainingRun, *, logs: bool) -> list[Section]:
    """Return the work that was given to an outside trainer, with its logs for who may read them."""
    jobs = queries.jobs_of(run.pk)
    if not jobs:
        return []
    table = Table(
        title="Work outside",
        note="What an outside trainer was given, and what came of it. Rows, results and logs are "
        "destroyed when the training is over; the log of one that failed stays for a day.",
        headers=["Work", "State", "Progress", "Given", "Until", "Trouble", "Destroyed"],
        rows=[_row(job) for job in jobs],
        empty="Nothing was given out.",
    )
    return [table, *(_log(job) for job in jobs if logs and queries.log_text(job))]


def _row(job: OutsideJob) -> list[str | SafeString]:
    whose = f" with version {job.version.number}" if job.version else ""
    return [
        f"{job.number}: {job.work}{whose}",
        state_badge(job.state, _TONES),
        NOTHING if job.progress is None else f"{job.progress} %",
        f"{number(job.given['rows'])} rows" if job.given else NOTHING,
        moment(job.ended_at or job.due_at),
        prose(job.error),
        badge("yes") if job.cleared_at else badge("not yet", Tone.WARN),
    ]


def _log(job: OutsideJob) -> Raw:
    return Raw(
        title=f"Personal data: what work {job.number} has printed, as it was printed",
        text=queries.log_text(job),
    )
