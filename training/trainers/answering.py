"""Answers from fitted numbers alone: what serves a model, without the library that fitted it."""

from collections.abc import Mapping

import numpy as np

from training.errors import ArtefactMismatch
from training.trainers.packing import unpack
from training.trainers.parameters import Estimator
from training.trainers.protocol import Floats


def probabilities_of(estimator: Estimator, fitted: Mapping[str, object], rows: Floats) -> Floats:
    """Return the probability of each class for each row."""
    try:
        match estimator:
            case Estimator.LOGISTIC_REGRESSION:
                return _softmax(_linear(fitted, rows))
            case Estimator.NAIVE_BAYES:
                return _softmax(_likelihoods(fitted, rows))
            case Estimator.BOOSTED_TREES:
                return _softmax(_trees(fitted, rows))
            case Estimator.SGD:
                return _one_against_all(_linear(fitted, rows))
            case Estimator.MLP:
                return _softmax(_network(fitted, rows))
    except (KeyError, IndexError, ValueError) as malformed:
        raise ArtefactMismatch("the numbers in the file do not fit together") from malformed


def _linear(fitted: Mapping[str, object], rows: Floats) -> Floats:
    scores = _scaled(fitted, rows) @ unpack(fitted["weights"]).T + unpack(fitted["intercepts"])
    return _both_sides(scores)


def _network(fitted: Mapping[str, object], rows: Floats) -> Floats:
    hidden = _scaled(fitted, rows) @ unpack(fitted["hidden"]) + unpack(fitted["hidden intercepts"])
    lit = np.maximum(hidden, 0.0)
    return _both_sides(lit @ unpack(fitted["weights"]) + unpack(fitted["intercepts"]))


def _scaled(fitted: Mapping[str, object], rows: Floats) -> Floats:
    scaled = (rows - unpack(fitted["mean"])) / unpack(fitted["scale"])
    return np.where(np.isnan(scaled), 0.0, scaled)


def _likelihoods(fitted: Mapping[str, object], rows: Floats) -> Floats:
    whole = np.where(np.isnan(rows), unpack(fitted["mean"]), rows)
    means, variances = unpack(fitted["means"]), unpack(fitted["variances"])
    priors = unpack(fitted["priors"])
    scores = [
        np.log(priors[place])
        - 0.5 * np.log(2.0 * np.pi * variances[place]).sum()
        - 0.5 * ((whole - means[place]) ** 2 / variances[place]).sum(axis=1)
        for place in range(len(priors))
    ]
    return np.column_stack(scores)


def _trees(fitted: Mapping[str, object], rows: Floats) -> Floats:
    start, sizes = unpack(fitted["start"]), unpack(fitted["sizes"], "i4")
    feature, threshold = unpack(fitted["feature"], "i4"), unpack(fitted["threshold"])
    missing_left = unpack(fitted["missing_left"], "i4")
    left, right = unpack(fitted["left"], "i4"), unpack(fitted["right"], "i4")
    value = unpack(fitted["value"])
    scores = np.tile(start, (len(rows), 1))
    begin = 0
    for number, size in enumerate(sizes):
        node = np.full(len(rows), begin)
        going = np.flatnonzero(feature[node] >= 0)
        while going.size:
            here = node[going]
            said = rows[going, feature[here]]
            to_left = np.where(np.isnan(said), missing_left[here] == 1, said <= threshold[here])
            node[going] = begin + np.where(to_left, left[here], right[here])
            going = going[feature[node[going]] >= 0]
        # The trees of one round stand side by side, one a class; two classes share one.
        scores[:, number % len(start)] += value[node]
        begin += int(size)
    return _both_sides(scores)


def _both_sides(scores: Floats) -> Floats:
    """Turn the single score of a yes-or-no question into one for each answer."""
    if scores.shape[1] > 1:
        return scores
    return np.column_stack([np.zeros(len(scores)), scores[:, 0]])


def _one_against_all(scores: Floats) -> Floats:
    """Return how the probability of each class against all others compares with the rest.

    Two classes are one question: there the two forms are the same.
    """
    if scores.shape[1] == 2:  # noqa: PLR2004  # as `_both_sides` makes of one score
        return _softmax(scores)
    alone = np.exp(-np.logaddexp(0.0, -scores))
    total = alone.sum(axis=1, keepdims=True)
    nobody = total == 0.0
    shares = alone / np.where(nobody, 1.0, total)
    return np.where(nobody, 1.0 / scores.shape[1], shares)


def _softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
