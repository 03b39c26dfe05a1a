"""Badges and numbers that the pages of this app share."""

from collections.abc import Mapping
from typing import Final

from django.utils.safestring import SafeString

from audits.pages.cells import NOTHING, Tone, badge, bar
from training.models import TrainingRun
from training.states import RunState, VersionState

VERSION_TONES: Final = {
    VersionState.TRAINED: Tone.BUSY,
    VersionState.QUALIFIED: Tone.BUSY,
    VersionState.RELEASED: Tone.GOOD,
    VersionState.STANDBY: Tone.CALM,
    VersionState.UNQUALIFIED: Tone.WARN,
    VersionState.WITHDRAWN: Tone.WARN,
    VersionState.DESTROYED: Tone.CALM,
}
RUN_TONES: Final = {
    RunState.WAITING: Tone.CALM,
    RunState.CHECKING: Tone.BUSY,
    RunState.FITTING: Tone.BUSY,
    RunState.JUDGING: Tone.BUSY,
    RunState.DESTROYING: Tone.BUSY,
    RunState.SUCCEEDED: Tone.GOOD,
    RunState.REFUSED: Tone.WARN,
    RunState.FAILED: Tone.BAD,
}
ENDED: Final = frozenset({RunState.SUCCEEDED, RunState.REFUSED, RunState.FAILED})


def accuracy_of(metrics: Mapping[str, object] | None) -> str | SafeString:
    """Return the share of right answers on the hold-out, where one was measured."""
    share = (metrics or {}).get("challenger accuracy")
    return f"{100 * share:.1f} %" if isinstance(share, int | float) else NOTHING


def shards_bar(run: TrainingRun) -> SafeString:
    """Return how many of its shards a training had to fit anew."""
    if not run.shards_total:
        return NOTHING
    return bar(
        run.shards_hit, run.shards_total, words=f"{run.shards_hit} of {run.shards_total} fitted"
    )


def why_badge(run: TrainingRun) -> SafeString:
    """Say whether a deletion asked for a training."""
    return badge("for a deletion", Tone.WARN) if run.forced else badge("regular")
