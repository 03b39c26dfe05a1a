"""How long the next run of a target will take, as far as past runs can say. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from math import exp, log, sqrt
from statistics import NormalDist
from typing import Final

from deletion.workload import Estimate

_UNKNOWN_BETWEEN: Final = 1.5**2  # variance of log medians, before anything has run
_UNKNOWN_WITHIN: Final = 0.6**2  # variance of the log durations of one target, likewise
_LEAST_BETWEEN: Final = 0.5**2
_LEAST_WITHIN: Final = 0.3**2
_WEIGHT: Final = 5  # runs until a target's own variance counts as much as that of all
_SHORTEST: Final = 1.0  # second
_LONGEST: Final = log(1e9)  # seconds: thirty years
_LIKELY: Final = 2.0  # standard deviations
_MOST_DOUBLINGS: Final = 10
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is known of a target before it has run: from the others of its kind."""

    mean_log: float
    between: float  # variance of the targets' mean logs
    within: float  # variance of the log durations of one target


def prior_of(histories: Iterable[History], *, guess: timedelta) -> Prior:
    """Sum up the targets of a kind; `guess` is a first median, and counts like one more target."""
    seen = [history for history in histories if history.runs]
    means = [log(guess.total_seconds()), *(history.mean_log for history in seen)]
    mean = sum(means) / len(means)
    spread = sum((value - mean) ** 2 for value in means)
    runs = sum(history.runs for history in seen)
    around = sum(history.runs * history.variance_log for history in seen)
    # A sample's variance is too small by one run for each mean that was taken from it.
    freedom = runs - len(seen)
    return Prior(
        mean_log=mean,
        between=max((_UNKNOWN_BETWEEN * _WEIGHT + spread) / (_WEIGHT + len(seen)), _LEAST_BETWEEN),
        within=max((_UNKNOWN_WITHIN * _WEIGHT + around) / (_WEIGHT + freedom), _LEAST_WITHIN),
    )


def estimate_of(history: History, *, prior: Prior, quantile: float) -> Estimate:
    """Estimate the next run; `quantile` is how sure the safe time is.

    Log durations are taken as normal, with a mean that is itself uncertain (normal, around the mean
    of all targets): the fewer runs were seen, the longer the safe time. Failed attempts are inside
    the durations that were seen, so they are inside the estimate.
    """
    mean, doubt = _median_of(history, prior)
    # A few runs say little about a target's own spread, so that of all counts for a while.
    own = history.runs * history.variance_log
    variance = (_WEIGHT * prior.within + own) / (_WEIGHT + history.runs) + doubt
    beyond = NormalDist().inv_cdf(quantile)
    return Estimate(
        mean=timedelta(seconds=exp(min(mean + variance / 2, _LONGEST))),
        safe=timedelta(seconds=exp(min(mean + beyond * sqrt(variance), _LONGEST))),
    )


def hung_after(history: History, *, prior: Prior, kills: int) -> timedelta:
    """Return after which time an attempt has hung.

    Eight times the longest median that is likely, which is that of many runs, and much more as long
    as few were seen. Twice as long after each time that this work was killed for it, so that a
    target which has truly become slower gets through.
    """
    mean, doubt = _median_of(history, prior)
    longest = exp(min(mean + _LIKELY * sqrt(doubt), _LONGEST))
    return timedelta(seconds=longest * _MEDIANS * 2.0 ** min(max(kills, 0), _MOST_DOUBLINGS))


def _median_of(history: History, prior: Prior) -> tuple[float, float]:
    """Return the log median of a target, and the variance of what is known of it."""
    both = history.runs * prior.between + prior.within
    seen = history.runs * prior.between / both
    mean = seen * history.mean_log + (1 - seen) * prior.mean_log
    return mean, prior.between * prior.within / both
