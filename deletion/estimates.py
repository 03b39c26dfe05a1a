"""How long the next run of a target will take, as far as past runs can say. Pure."""

from collections.abc import Sequence
from datetime import timedelta
from math import exp, log, sqrt
from typing import Final

from deletion.workload import Estimate

_QUANTILE_Z: Final = 3.29  # the .9995 quantile of a normal distribution: 1 bad cycle in 2,000
_GUESS_SIGMA: Final = 0.5  # spread of log durations that a target without history is given
_GUESS_WEIGHT: Final = 5  # runs until what was seen counts as much as the guess
_ATTEMPTS: Final = 2  # leave room for one attempt that fails at its end
_SHORTEST: Final = timedelta(seconds=1)


def estimate_of(durations: Sequence[timedelta], *, guess: timedelta) -> Estimate:
    """Estimate the next run from the successful ones, in any order; `guess` is a first median.

    Log durations are taken as normal. The guess counts like a few runs, so that a target with a
    short history is neither trusted nor ignored.
    """
    logs = [log(max(length, _SHORTEST).total_seconds()) for length in durations]
    weight = _GUESS_WEIGHT / (_GUESS_WEIGHT + len(logs))
    seen = sum(logs) / len(logs) if logs else 0.0
    median = weight * log(guess.total_seconds()) + (1 - weight) * seen
    variance = sum((value - seen) ** 2 for value in logs) / len(logs) if logs else 0.0
    sigma = sqrt(weight * _GUESS_SIGMA**2 + (1 - weight) * variance)
    return Estimate(
        mean=timedelta(seconds=exp(median + sigma**2 / 2)),
        safe=timedelta(seconds=_ATTEMPTS * exp(median + _QUANTILE_Z * sigma)),
    )
