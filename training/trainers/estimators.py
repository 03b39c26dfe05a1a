"""Fits one estimator on one shard at once, and keeps its numbers only.

What was fitted is kept as arrays, never as a pickled object, and is answered from by
`training.trainers.answering`. Each fit compares both answers, so a library that changes its inside
is found out before a snapshot is written.
"""

import warnings
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from training.errors import ArtefactMismatch
from training.trainers.answering import probabilities_of
from training.trainers.packing import pack
from training.trainers.parameters import ALLOWED, LIBRARIES, Estimator, numbers_of
from training.trainers.protocol import Floats

_CLOSE: Final = 1e-9  # how far two computations of one probability may lie apart

Codes = npt.NDArray[np.int64]


def fit(
    estimator: Estimator,
    rows: Floats,
    classes: Codes,
    *,
    parameters: Mapping[str, object],
    seed: int,
) -> dict[str, object]:
    """Return the fitted numbers of an estimator; `classes` counts from 0 and has at least two.

    One thread: sums are then added in one order, and give the same bytes again.
    """
    chosen = numbers_of(parameters, ALLOWED[estimator])
    with threadpool_limits(limits=1):
        fitted, theirs = _fit(estimator, rows, classes, chosen, seed)
    require_same_answers(estimator, fitted, rows, theirs)
    return fitted


def require_same_answers(
    estimator: Estimator, fitted: Mapping[str, object], rows: Floats, theirs: Floats
) -> None:
    """Raise `ArtefactMismatch` unless the numbers answer as the library does that fitted them."""
    ours = probabilities_of(estimator, fitted, rows)
    if ours.shape != theirs.shape or not np.allclose(ours, theirs, rtol=0.0, atol=_CLOSE):
        raise ArtefactMismatch(f"{LIBRARIES} answers otherwise than the snapshot made from it")


def _fit(
    estimator: Estimator, rows: Floats, classes: Codes, chosen: Mapping[str, Any], seed: int
) -> tuple[dict[str, object], Floats]:
    match estimator:
        case Estimator.LOGISTIC_REGRESSION:
            return _logistic_regression(rows, classes, chosen, seed)
        case Estimator.NAIVE_BAYES:
            return _naive_bayes(rows, classes, chosen)
        case Estimator.BOOSTED_TREES:
            return _boosted_trees(rows, classes, chosen, seed)
        case Estimator.SGD | Estimator.MLP:
            raise ArtefactMismatch(f"{estimator} is fitted by stages, not at once")


def _logistic_regression(
    rows: Floats, classes: Codes, chosen: Mapping[str, Any], seed: int
) -> tuple[dict[str, object], Floats]:
    scaler = scaler_of(rows)
    scaled = filled(scaler.transform(rows))
    model = LogisticRegression(C=chosen["C"], max_iter=chosen["max_iter"], random_state=seed)
    with warnings.catch_warnings():
        # A limit on rounds was asked for; where it ends is where it ends.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(scaled, classes)
    fitted: dict[str, object] = {
        "mean": pack(scaler.mean_),
        "scale": pack(scaler.scale_),
        "weights": pack(model.coef_),
        "intercepts": pack(model.intercept_),
    }
    return fitted, model.predict_proba(scaled)


def _naive_bayes(
    rows: Floats, classes: Codes, chosen: Mapping[str, Any]
) -> tuple[dict[str, object], Floats]:
    mean = scaler_of(rows).mean_  # stands in for what is missing
    whole = np.where(np.isnan(rows), mean, rows)
    model = GaussianNB(var_smoothing=chosen["var_smoothing"]).fit(whole, classes)
    # A column that never varies has no variance to divide by, and says nothing about a class.
    spread = np.maximum(model.var_, np.finfo(np.float64).tiny)
    model.var_ = spread
    fitted: dict[str, object] = {
        "mean": pack(mean),
        "priors": pack(model.class_prior_),
        "means": pack(model.theta_),
        "variances": pack(spread),
    }
    return fitted, model.predict_proba(whole)


def _boosted_trees(
    rows: Floats, classes: Codes, chosen: Mapping[str, Any], seed: int
) -> tuple[dict[str, object], Floats]:
    # Early stopping would set people aside and let them decide how long the others are fitted.
    model = HistGradientBoostingClassifier(early_stopping=False, random_state=seed, **chosen)
    rows = _with_something_in_each_column(rows)
    model.fit(rows, classes)
    rounds: list[list[Any]] = model._predictors  # noqa: SLF001  # no public way to a tree's numbers
    trees = [tree.nodes for step in rounds for tree in step]
    nodes = np.concatenate(trees)
    fitted: dict[str, object] = {
        "start": pack(model._baseline_prediction.ravel()),  # noqa: SLF001  # as above
        "sizes": pack(np.array([len(tree) for tree in trees]), "i4"),
        "feature": pack(np.where(nodes["is_leaf"], -1, nodes["feature_idx"]), "i4"),
        "threshold": pack(nodes["num_threshold"]),
        "missing_left": pack(nodes["missing_go_to_left"], "i4"),
        "left": pack(nodes["left"], "i4"),
        "right": pack(nodes["right"], "i4"),
        "value": pack(nodes["value"]),
    }
    return fitted, model.predict_proba(rows)


def scaler_of(rows: Floats) -> StandardScaler:
    """Learn each column's mean and spread; a column without any value has mean 0, spread 1."""
    return StandardScaler().fit(_with_something_in_each_column(rows))


def _with_something_in_each_column(rows: Floats) -> Floats:
    """Put 0 into the columns that are empty in this shard; libraries stumble over them."""
    return np.where(np.isnan(rows).all(axis=0), 0.0, rows)


def filled(scaled: Floats) -> Floats:
    """Put the mean, which is 0 after scaling, where nothing is known."""
    return np.where(np.isnan(scaled), 0.0, scaled)
