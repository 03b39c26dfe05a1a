"""How long the next run of a target will take, as far as past runs can say. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from math import exp, log, sqrt
from statistics import NormalDist
from typing import Final

from deletion.workload import Estimate

_GUESS_SIGMA: Final = 0.6  # spread of log durations that a target without history is given
_GUESS_WEIGHT: Final = 5  # runs until what was seen counts as much as the guess
_SHORTEST: Final = 1.0  # second
_TRUSTED: Final = 5  # runs before anybody is called too slow
_MEDIANS: Final = 8  # a run that works for longer has hung


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The latest runs of a target that succeeded, each from its first attempt to its success."""

    runs: int = 0
    mean_log: float = 0.0  # of the durations in seconds, natural logarithm
    variance_log: float = 0.0


NO_HISTORY: Final = History()


def history_of(durations: Iterable[timedelta]) -> History:
    """Sum up durations, in any order; shorter than a second counts as a second."""
    logs = [log(max(length.total_seconds(), _SHORTEST)) for length in durations]
    if not logs:
        return NO_HISTORY
    mean = sum(logs) / len(logs)
    return History(
        runs=len(logs),
        mean_log=mean,
        variance_log=sum((value - mean) ** 2 for value in logs) / len(logs),
    )


def estimate_of(history: History, *, guess: timedelta, quantile: float) -> Estimate:
    """Estimate the next run; `guess` is a first median, `quantile` how sure the safe time is.

    Log durations are taken as normal. The guess counts like a few runs, so that a target with a
    short history is neither trusted nor ignored. Failed attempts are inside the durations that were
    seen, so they are inside the estimate.
    """
    median, sigma = _fit(history, guess)
    beyond = NormalDist().inv_cdf(quantile)
    return Estimate(
        mean=timedelta(seconds=exp(median + sigma**2 / 2)),
        safe=timedelta(seconds=exp(median + beyond * sigma)),
    )


def hung_after(history: History, *, kills: int) -> timedelta | None:
    """Return after which time an attempt has hung; None while too few runs have been seen.

    Eight medians; twice as long after each time that this run was killed for it, so that a target
    which has truly become slower gets through.
    """
    if history.runs < _TRUSTED:
        return None
    return timedelta(seconds=exp(history.mean_log) * _MEDIANS * 2.0 ** min(kills, 10))


def _fit(history: History, guess: timedelta) -> tuple[float, float]:
    """Return the mean and the spread of log durations."""
    weight = _GUESS_WEIGHT / (_GUESS_WEIGHT + history.runs)
    mean = weight * log(guess.total_seconds()) + (1 - weight) * history.mean_log
    return mean, sqrt(weight * _GUESS_SIGMA**2 + (1 - weight) * history.variance_log)
