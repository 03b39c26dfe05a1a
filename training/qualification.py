"""Measures a challenger against the champion, on people whom no training has seen. Pure.

A retraining after a deletion loses data, so the question is non-inferiority: is the challenger
worse by less than the declared margin? People are resampled, not rows: the rows of one person are
not independent, and resampling them passes too easily.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from training.trainers.protocol import Floats, Predictions

CONFIDENCE: Final = 0.95
REPLICATES: Final = 2000
COMMON: Final = 10  # people of a class before a measurement names it

_LEAST: Final = 1e-9  # the probability counted for a class that was called impossible


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """How one model did on each person, in one stable order of people."""

    errors: Floats  # share of the person's rows with a wrong answer
    log_losses: Floats  # mean over the person's rows

    @property
    def accuracy(self) -> float:
        """Return the mean share of right answers, each person counting once."""
        return 1.0 - float(self.errors.mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether a challenger may serve, why, and what was measured."""

    passed: bool
    reason: str
    measured: dict[str, object]
    tested: dict[str, dict[str, object]] = field(default_factory=dict)  # see `training.tested`


def unmeasured(margin_permille: int) -> Judgement:
    """Return the judgement where nobody was held out: what nobody measured does not serve."""
    return Judgement(
        passed=False,
        reason="nobody was held out, so nothing could be measured: register the data set with a "
        f"hold-out of at least {people_needed(margin_permille / 1000)} people",
        measured={"people": 0, "margin": margin_permille / 1000},
    )


def score(people: Sequence[bytes], labels: Sequence[str], said: Predictions) -> Scores:
    """Score answers; rows with the same mark are one person's."""
    _, owner = np.unique(np.array([mark.hex() for mark in people]), return_inverse=True)
    # Numbers too large to compute with give no probabilities, and no answer.
    silent = np.isnan(said.probabilities).any(axis=1)
    wrong = np.array([right != answer for right, answer in zip(labels, said.labels, strict=True)])
    columns = {name: place for place, name in enumerate(said.classes)}
    given = [
        said.probabilities[row, columns[label]] if label in columns else 0.0
        for row, label in enumerate(labels)
    ]
    losses = -np.log(np.maximum(np.where(silent, 0.0, given), _LEAST))
    rows = np.bincount(owner)
    return Scores(
        errors=np.bincount(owner, weights=wrong | silent) / rows,
        log_losses=np.bincount(owner, weights=losses) / rows,
    )


def score_constant(people: Sequence[bytes], labels: Sequence[str], answer: str) -> Scores:
    """Score a heuristic that always gives the same answer."""
    always = Predictions(classes=(answer,), probabilities=np.ones((len(labels), 1)))
    return score(people, labels, always)


def commonest(labels: Sequence[str]) -> str:
    """Return the answer of the best constant heuristic."""
    return max(sorted(set(labels)), key=list(labels).count)


def accuracy_by_class(
    people: Sequence[bytes], labels: Sequence[str], said: Predictions
) -> dict[str, float]:
    """Return the share of right rows of each class that enough people have to be named."""
    found = {}
    for name in sorted(set(labels)):
        rows = [row for row, label in enumerate(labels) if label == name]
        if len({people[row] for row in rows}) >= COMMON:
            answers = said.labels
            found[name] = round(sum(answers[row] == name for row in rows) / len(rows), 4)
    return found


def judge(
    challenger: Scores,
    *,
    champion: Scores | None,
    heuristic: Scores,
    margin_permille: int,
    rng: np.random.Generator,
) -> Judgement:
    """Decide whether a challenger may serve.

    Against a champion: the upper bound of how much worse it is stays within the margin. Without
    one: the lower bound of how much better it is than the best constant answer is above zero. In
    both cases the hold-out must be large enough to show a difference of the margin at all.
    """
    people = len(challenger.errors)
    margin = margin_permille / 1000
    measured: dict[str, object] = {
        "people": people,
        "margin": margin,
        "confidence": CONFIDENCE,
        "heuristic accuracy": round(heuristic.accuracy, 4),
        **_told("challenger", challenger),
    }
    if champion is not None:
        measured |= _told("champion", champion)
    finest = finest_difference(people)
    measured["finest difference"] = round(finest, 4)
    if finest > margin:
        return Judgement(
            passed=False,
            reason=f"the hold-out has {people} people, too few to show a difference of "
            f"{_percent(margin)}: it takes {people_needed(margin)}",
            measured=measured,
        )
    if champion is not None:
        worse = _bound(challenger.errors - champion.errors, CONFIDENCE, rng)
        # Nobody answered differently does not mean that nobody would.
        worse = max(worse, finest)
        measured["worse by at most"] = round(worse, 4)
        passed = worse <= margin
        reason = f"worse than the champion by at most {_percent(worse)} (margin {_percent(margin)})"
    else:
        better = _bound(heuristic.errors - challenger.errors, 1.0 - CONFIDENCE, rng)
        measured["better than the heuristic by at least"] = round(better, 4)
        passed = better > 0.0
        reason = f"better than always the same answer by at least {_percent(better)}"
    return Judgement(
        passed=passed,
        reason=reason if passed else f"not shown to be good enough: {reason}",
        measured=measured,
    )


def finest_difference(people: int) -> float:
    """Return the smallest share of people that, if it existed, would show up among so many.

    The exact form of the rule of three: 1 - (1 - confidence) ** (1 / n); 1 if there is nobody.
    """
    return 1.0 - (1.0 - CONFIDENCE) ** (1.0 / people) if people else 1.0


def people_needed(margin: float) -> int:
    """Return how many held-out people it takes to show a difference of the margin, above 0."""
    return 1 if margin >= 1.0 else math.ceil(math.log(1.0 - CONFIDENCE) / math.log1p(-margin))


def _bound(differences: Floats, quantile: float, rng: np.random.Generator) -> float:
    """Return a bound of the mean difference by the Poisson bootstrap over people."""
    if not differences.any():
        return 0.0
    means = np.empty(REPLICATES)
    for place in range(REPLICATES):
        weights = rng.poisson(1.0, len(differences))
        means[place] = weights @ differences / max(int(weights.sum()), 1)
    return float(np.quantile(means, quantile))


def _told(who: str, scores: Scores) -> Mapping[str, object]:
    return {
        f"{who} accuracy": round(scores.accuracy, 4),
        f"{who} log loss": round(float(scores.log_losses.mean()), 4),
    }


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
