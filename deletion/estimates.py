"""How long the next run of a target will take, as far as past runs can say. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import exp, log, sqrt
from statistics import NormalDist, median
from typing import Final

from deletion.workload import Estimate

_UNKNOWN_BETWEEN: Final = 1.5**2  # variance of log medians, before anything has run
_UNSEEN_BETWEEN: Final = 2.0**2  # likewise, of those that have not run while others have
_UNKNOWN_WITHIN: Final = 0.6**2  # variance of the log durations of one target, likewise
_LEAST_BETWEEN: Final = 0.5**2
_LEAST_WITHIN: Final = 0.3**2
_WEIGHT: Final = 5  # runs, or targets, until what is seen counts as much as what is guessed
_OWN_WEIGHT: Final = 10  # runs until a target's own variance counts as much as that of all
_OVERLONG: Final = 0.01  # the share of runs that take longer than `_MEDIANS`, before any has
_OVERLONG_WEIGHT: Final = 20  # runs
_LEAST_SHARE: Final = 1e-9
_SHORTEST: Final = 1.0  # second
_LONGEST: Final = log(1e9)  # seconds: thirty years
_KILLS_A_DOUBLING: Final = 2
_MOST_DOUBLINGS: Final = 10
_MEDIANS: Final = 8  # a run that works for longer has hung


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The latest runs of a target that succeeded, each from its first attempt to its success."""

    runs: int = 0
    mean_log: float = 0.0  # of the durations in seconds, natural logarithm
    variance_log: float = 0.0
    median_log: float = 0.0
    longest_log: float = 0.0
    smear: float = 1.0  # the mean of the durations, over the exponential of the mean of their logs

    @property
    def is_overlong(self) -> bool:
        """Say whether one of the runs took so long that an attempt of it had hung, or nearly so."""
        return self.longest_log > self.median_log + log(_MEDIANS)


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
        median_log=median(logs),
        longest_log=max(logs),
        smear=sum(exp(value - mean) for value in logs) / len(logs),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is known of a target before it has run: from the others of its kind."""

    mean_log: float
    between: float  # variance of the targets' mean logs
    within: float  # variance of the log durations of one target
    smear: float
    newcomer: float  # logarithm of the expected time of what has never run, in seconds
    overlong: float  # the share of runs that take longer than eight medians


def prior_of(histories: Iterable[History], *, guess: timedelta) -> Prior:
    """Sum up the targets of a kind; `guess` is a first median, and counts like one more target.

    What has never run counts as well in what is expected of it: the first runs to end are the short
    ones, and would make all that are still at work look short, so that too few of them are begun.
    """
    every = list(histories)
    seen = [history for history in every if history.runs]
    unseen = len(every) - len(seen)
    first = log(guess.total_seconds())
    means = [first] + [history.mean_log for history in seen]
    mean, spread = _mean_and_spread(means)
    mean_of_all, spread_of_all = _mean_and_spread([first] * unseen + means)
    between_all = (_UNSEEN_BETWEEN * (_WEIGHT + unseen) + spread_of_all) / (_WEIGHT + len(every))
    runs = sum(history.runs for history in seen)
    around = sum(history.runs * history.variance_log for history in seen)
    # A sample's variance is too small by one run for each mean that was taken from it.
    freedom = runs - len(seen)
    smeared = sum(
        (history.runs - 1) * history.smear ** (history.runs / (history.runs - 1))
        for history in seen
        if history.runs > 1
    )
    return Prior(
        mean_log=mean,
        between=max((_UNKNOWN_BETWEEN * _WEIGHT + spread) / (_WEIGHT + len(seen)), _LEAST_BETWEEN),
        newcomer=mean_of_all + between_all / 2,
        within=max((_UNKNOWN_WITHIN * _WEIGHT + around) / (_WEIGHT + freedom), _LEAST_WITHIN),
        smear=(exp(_UNKNOWN_WITHIN / 2) * _WEIGHT + smeared) / (_WEIGHT + freedom),
        # Of fifty runs of one target hardly more than one is that long.
        overlong=(_OVERLONG * _OVERLONG_WEIGHT + sum(history.is_overlong for history in seen))
        / (_OVERLONG_WEIGHT + runs),
    )


def estimate_of(history: History, *, prior: Prior, quantile: float) -> Estimate:
    """Estimate the next run; `quantile` is how sure the safe time is.

    Log durations are taken as normal, with a mean that is itself uncertain (normal, around the mean
    of all targets): the fewer runs were seen, the longer the safe time. Failed attempts are inside
    the durations that were seen, so they are inside the estimate. The expected time is that of the
    median, times what all targets show of the difference (Duan's smearing estimate, 1983): with
    heavy tails a variance tells too little of it.

    Where runs hang, or take as long as if they did, more often than the safe time may be missed, it
    holds one attempt that is cut off and another one after it.
    """
    mean, doubt = _mean_of(history, prior)
    # A few runs say little about a target's own spread, so that of all counts for a while.
    own = history.runs * history.variance_log
    variance = (_OWN_WEIGHT * prior.within + own) / (_OWN_WEIGHT + history.runs) + doubt
    safe = exp(min(mean + NormalDist().inv_cdf(quantile) * sqrt(variance), _LONGEST))
    if prior.overlong > 1 - quantile:
        cut_off = hung_after(history, prior=prior, kills=0).total_seconds()
        second = max(1 - (1 - quantile) / prior.overlong, _LEAST_SHARE)
        again = exp(mean + NormalDist().inv_cdf(second) * sqrt(variance))
        safe = max(safe, min(cut_off + again, exp(_LONGEST)))
    likely = mean + doubt / 2 if history.runs else prior.newcomer
    return Estimate(
        mean=timedelta(seconds=exp(min(likely, _LONGEST)) * prior.smear),
        safe=timedelta(seconds=safe),
    )


def hung_after(history: History, *, prior: Prior, kills: int) -> timedelta:
    """Return after which time an attempt has hung.

    Eight times the median, and much more as long as few runs were seen: by as much as it is
    uncertain. Twice as long after every second time that this work was killed for it, so
    that a target which has truly become slower gets through.
    """
    mean, doubt = _mean_of(history, prior)
    skew = _seen(history, prior) * (history.median_log - history.mean_log)
    longest = exp(min(mean + skew + doubt, _LONGEST))
    doublings = min(max(kills // _KILLS_A_DOUBLING, 0), _MOST_DOUBLINGS)
    return timedelta(seconds=longest * _MEDIANS * 2.0**doublings)


def _mean_of(history: History, prior: Prior) -> tuple[float, float]:
    """Return the mean log of a target's durations, and the variance of what is known of it."""
    seen = _seen(history, prior)
    mean = seen * history.mean_log + (1 - seen) * prior.mean_log
    return mean, (1 - seen) * prior.between


def _mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean, and the sum of the squares of the differences from it."""
    mean = sum(values) / len(values)
    return mean, sum((value - mean) ** 2 for value in values)


def _seen(history: History, prior: Prior) -> float:
    """Return how much a target's own runs count against those of all."""
    own = history.runs * prior.between
    return own / (own + prior.within)
