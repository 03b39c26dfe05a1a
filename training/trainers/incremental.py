"""Fits what can go on from where it stopped: scikit-learn's linear SGD and its neural network.

What goes on is more than the weights: the count of steps and the optimiser's moments as well. They
are kept as numbers beside the weights, and put back before the next rows. The random draws of a
stage come from its own seed, so nothing of an earlier stage has to be remembered for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from training.trainers.estimators import Codes, filled, require_same_answers, scaler_of
from training.trainers.packing import pack, unpack
from training.trainers.parameters import ALLOWED, Estimator, numbers_of
from training.trainers.protocol import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a fit has come to: the numbers that answer, and those with which it can go on."""

    fitted: Mapping[str, object]
    resume: Mapping[str, object]


def fit_on(  # noqa: PLR0913  # keyword-only: where it stands, and what comes now
    estimator: Estimator,
    rows: Floats,
    codes: Codes,
    *,
    classes: int,
    before: State | None,
    parameters: Mapping[str, object],
    seed: Sequence[int],
) -> State:
    """Return the state after some more rows; `codes` are their classes, counted from 0.

    The first rows also say what is subtracted from each column, and by what it is divided; later
    ones change neither. One thread: sums are then added in one order.
    """
    chosen = numbers_of(parameters, ALLOWED[estimator])
    held: dict[str, object]
    if before is None:
        scaler = scaler_of(rows)
        held = {"mean": pack(scaler.mean_), "scale": pack(scaler.scale_)}
    else:
        held = {"mean": before.fitted["mean"], "scale": before.fitted["scale"]}
    scaled = filled((rows - unpack(held["mean"])) / unpack(held["scale"]))
    # All numbers are finite by now: to have that checked again in each epoch costs more than it.
    with threadpool_limits(limits=1), config_context(assume_finite=True):
        model = model_of(estimator, chosen, rows=len(rows))
        if before is not None:
            _put_back(model, before, columns=scaled.shape[1], classes=classes)
        # An object and no number: a number would draw the same order again in each epoch.
        model.random_state = np.random.RandomState(np.array(seed, dtype=np.uint32))
        learn(model, scaled, codes, classes=classes, epochs=int(chosen["epochs"]))
        theirs = model.predict_proba(scaled)
    state = State(fitted=held | _weights_of(model), resume=_moments_of(model))
    require_same_answers(estimator, state.fitted, rows, theirs)
    return state


def model_of(
    estimator: Estimator, chosen: Mapping[str, Any], *, rows: int
) -> SGDClassifier | MLPClassifier:
    """Return the library's model with the chosen parameters, not fitted yet."""
    if estimator is Estimator.SGD:
        return SGDClassifier(
            loss="log_loss",
            tol=None,  # all epochs: to stop early would let somebody decide for others
            alpha=chosen["alpha"],
            learning_rate="invscaling",
            eta0=chosen["learning_rate"],
            power_t=0.5,
        )
    return MLPClassifier(
        hidden_layer_sizes=(chosen["hidden"],),
        alpha=chosen["alpha"],
        learning_rate_init=chosen["learning_rate"],
        batch_size=min(chosen["batch"], rows),
    )


def learn(
    model: SGDClassifier | MLPClassifier, rows: Floats, codes: Codes, *, classes: int, epochs: int
) -> None:
    """Go over the rows so many times, from where the model stands."""
    if isinstance(model, MLPClassifier):
        for _ in range(epochs):
            model.partial_fit(rows, codes, classes=np.arange(classes))
        return
    # The public way goes over the rows once a call, and checks them for longer than it learns.
    model._partial_fit(  # noqa: SLF001  # as said
        rows,
        codes,
        alpha=model.alpha,
        loss=model.loss,
        learning_rate=model.learning_rate,
        max_iter=epochs,
        classes=np.arange(classes),
        sample_weight=None,
        coef_init=None,
        intercept_init=None,
    )


def _put_back(
    model: SGDClassifier | MLPClassifier, state: State, *, columns: int, classes: int
) -> None:
    """Make a model the one that a state was taken from.

    A first call on made-up rows lets the library lay everything out; what it learned from them is
    then written over.
    """
    model.random_state = 0
    rows = model.batch_size if isinstance(model, MLPClassifier) else 1
    made_up = np.zeros((rows, columns)), np.zeros(rows, dtype=np.int64)
    model.partial_fit(*made_up, classes=np.arange(classes))
    fitted, resume = state.fitted, state.resume
    if isinstance(model, SGDClassifier):
        model.coef_[...] = unpack(fitted["weights"])
        model.intercept_[...] = unpack(fitted["intercepts"])
        model.t_ = float(str(resume["steps"]))
        return
    for place, name in enumerate(("hidden", "weights")):
        model.coefs_[place][...] = unpack(fitted[name])
    for place, name in enumerate(("hidden intercepts", "intercepts")):
        model.intercepts_[place][...] = unpack(fitted[name])
    optimiser = model._optimizer  # noqa: SLF001  # no public way to Adam's moments
    optimiser.t = int(str(resume["steps"]))
    optimiser.ms = [unpack(moment).copy() for moment in _listed(resume["first"])]
    optimiser.vs = [unpack(moment).copy() for moment in _listed(resume["second"])]


def _weights_of(model: SGDClassifier | MLPClassifier) -> dict[str, object]:
    if isinstance(model, SGDClassifier):
        return {"weights": pack(model.coef_), "intercepts": pack(model.intercept_)}
    return {
        "hidden": pack(model.coefs_[0]),
        "hidden intercepts": pack(model.intercepts_[0]),
        "weights": pack(model.coefs_[1]),
        "intercepts": pack(model.intercepts_[1]),
    }


def _moments_of(model: SGDClassifier | MLPClassifier) -> dict[str, object]:
    if isinstance(model, SGDClassifier):
        return {"steps": float(model.t_)}
    optimiser = model._optimizer  # noqa: SLF001  # as above
    return {
        "steps": int(optimiser.t),
        "first": [pack(moment) for moment in optimiser.ms],
        "second": [pack(moment) for moment in optimiser.vs],
    }


def fresh_moments(estimator: Estimator, fitted: Mapping[str, object]) -> dict[str, object]:
    """Return what weights that nothing is known of but themselves are gone on from with."""
    if estimator is Estimator.SGD:
        return {"steps": 1.0}
    names = ("hidden", "weights", "hidden intercepts", "intercepts")
    still = [pack(np.zeros_like(unpack(fitted[name]))) for name in names]
    return {"steps": 0, "first": still, "second": still}


def _listed(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError
    return value
