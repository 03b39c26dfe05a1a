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
    except (KeyError, IndexError, ValueError) as malformed:
        raise ArtefactMismatch("the numbers in the file do not fit together") from malformed


def _linear(fitted: Mapping[str, object], rows: Floats) -> Floats:
    scaled = (rows - unpack(fitted["mean"])) / unpack(fitted["scale"])
    scaled = np.where(np.isnan(scaled), 0.0, scaled)
    scores = scaled @ unpack(fitted["weights"]).T + unpack(fitted["intercepts"])
    return _both_sides(scores)


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


def _softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
