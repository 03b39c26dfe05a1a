import json

import numpy as np
import pytest

from training.errors import ArtefactMismatch
from training.trainers import estimators
from training.trainers.incremental import State, fit_on, learn, model_of
from training.trainers.packing import pack
from training.trainers.parameters import ALLOWED, Estimator, numbers_of

ROWS = np.random.default_rng(7).normal(size=(90, 4))
ROWS[::9, 1] = np.nan
CODES = {
    2: (ROWS[:, 0] > 0).astype(np.int64),
    3: np.digitize(ROWS[:, 0], [-0.5, 0.5]).astype(np.int64),
}
PARAMETERS = {
    Estimator.SGD: {"epochs": 3},
    Estimator.MLP: {"epochs": 3, "hidden": 5, "batch": 16},
}
CASES = [(estimator, classes) for estimator in PARAMETERS for classes in CODES]


def stage(estimator, classes, *, rows, before=None, seed=(1, 0)):
    return fit_on(
        estimator,
        ROWS[rows],
        CODES[classes][rows],
        classes=classes,
        before=before,
        parameters=PARAMETERS[estimator],
        seed=seed,
    )


def through_json(state):
    return State(**json.loads(json.dumps({"fitted": state.fitted, "resume": state.resume})))


@pytest.mark.parametrize(("estimator", "classes"), CASES)
def test_a_state_read_again_goes_on_as_the_one_in_memory_would(estimator, classes):
    first = stage(estimator, classes, rows=slice(0, 50))

    second = stage(estimator, classes, rows=slice(50, 90), before=first, seed=(1, 1))
    again = stage(estimator, classes, rows=slice(50, 90), before=through_json(first), seed=(1, 1))

    assert second == again
    assert second != first
    assert second.fitted["mean"] == first.fitted["mean"]


@pytest.mark.parametrize(("estimator", "classes"), CASES)
def test_going_on_needs_the_state_of_the_optimiser(estimator, classes):
    first = stage(estimator, classes, rows=slice(0, 50))
    forgetful = dict(first.resume) | {"steps": 1}

    second = stage(estimator, classes, rows=slice(50, 90), before=first)
    other = stage(
        estimator,
        classes,
        rows=slice(50, 90),
        before=State(fitted=first.fitted, resume=forgetful),
    )

    assert second != other


@pytest.mark.parametrize("estimator", list(PARAMETERS))
def test_going_on_is_what_the_library_does_when_it_goes_on(estimator):
    """Compare with scikit-learn's own object, kept in memory over both stages."""
    first = stage(estimator, 2, rows=slice(0, 50))
    ours = stage(estimator, 2, rows=slice(50, 90), before=first, seed=(1, 1))
    theirs = kept_in_memory(estimator)

    name = "weights" if estimator is Estimator.SGD else "hidden"

    assert ours.fitted[name] == theirs


def kept_in_memory(estimator):
    scaler = estimators.scaler_of(ROWS[:50])
    chosen = numbers_of(PARAMETERS[estimator], ALLOWED[estimator])
    model = model_of(estimator, chosen, rows=50)
    for rows, seed in ((slice(0, 50), (1, 0)), (slice(50, 90), (1, 1))):
        model.random_state = np.random.RandomState(np.array(seed, dtype=np.uint32))
        scaled = estimators.filled(scaler.transform(ROWS[rows]))
        learn(model, scaled, CODES[2][rows], classes=2, epochs=3)
    return pack(model.coef_ if estimator is Estimator.SGD else model.coefs_[0])


@pytest.mark.parametrize("estimator", list(PARAMETERS))
def test_the_order_of_the_rows_is_drawn_anew_in_each_stage(estimator):
    assert stage(estimator, 2, rows=slice(0, 50)) != stage(
        estimator, 2, rows=slice(0, 50), seed=(1, 1)
    )


def test_what_is_fitted_by_stages_is_not_fitted_at_once():
    with pytest.raises(ArtefactMismatch, match="by stages"):
        estimators.fit(Estimator.SGD, ROWS, CODES[2], parameters={}, seed=1)


def test_all_epochs_are_gone_through():
    """The count of steps starts at 1, and each row of each epoch is a step."""
    first = stage(Estimator.SGD, 2, rows=slice(0, 50))
    second = stage(Estimator.SGD, 2, rows=slice(50, 90), before=first, seed=(1, 1))

    assert first.resume["steps"] == 1 + 3 * 50
    assert second.resume["steps"] == 1 + 3 * 90
