import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from training.errors import ArtefactMismatch
from training.trainers import estimators
from training.trainers.answering import probabilities_of
from training.trainers.incremental import fit_on
from training.trainers.packing import pack
from training.trainers.parameters import BY_STAGES, Estimator


def data(classes=3, gaps=0.1):
    rng = np.random.default_rng(5)
    codes = np.arange(90) % classes
    rows = rng.normal(codes[:, None], 1.0, (90, 4))
    rows[rng.random(rows.shape) < gaps] = np.nan
    return rows, codes.astype(np.int64)


def fit(estimator, rows, codes):
    if estimator not in BY_STAGES:
        return estimators.fit(estimator, rows, codes, parameters={}, seed=1)
    classes = int(codes.max()) + 1
    return fit_on(
        estimator, rows, codes, classes=classes, before=None, parameters={}, seed=(1, 0)
    ).fitted


@pytest.mark.parametrize("estimator", Estimator)
@pytest.mark.parametrize("classes", [2, 3])
def test_our_answers_are_those_of_the_library_that_fitted(estimator, classes, monkeypatch):
    rows, codes = data(classes)
    theirs = []

    def keep(ours, answer, **said):
        theirs.append((ours, answer, said))
        return True

    monkeypatch.setattr(np, "allclose", keep)

    fit(estimator, rows, codes)

    ours, answer, said = theirs[0]
    assert said == {"rtol": 0.0, "atol": 1e-9}
    assert np.abs(ours - answer).max() < 1e-9
    assert answer.shape == (90, classes)


@pytest.mark.parametrize("estimator", Estimator)
def test_new_rows_are_answered_with_their_gaps(estimator):
    rows, codes = data()
    fitted = fit(estimator, rows, codes)

    said = probabilities_of(estimator, fitted, np.full((2, 4), np.nan))

    assert np.isfinite(said).all()
    assert np.allclose(said.sum(axis=1), 1.0)


def test_a_library_that_answers_otherwise_is_found_out(monkeypatch):
    rows, codes = data()
    monkeypatch.setattr(
        LogisticRegression,
        "predict_proba",
        lambda _self, rows: np.full((len(rows), 3), 1 / 3),
    )

    with pytest.raises(ArtefactMismatch, match="answers otherwise"):
        estimators.fit(Estimator.LOGISTIC_REGRESSION, rows, codes, parameters={}, seed=1)


def test_a_limit_on_rounds_is_where_the_fit_ends():
    rows, codes = data()

    estimators.fit(Estimator.LOGISTIC_REGRESSION, rows, codes, parameters={"max_iter": 1}, seed=1)


def test_a_column_that_never_varies_leaves_every_answer_finite():
    rows, codes = data(2)
    rows[:] = 1.0

    for estimator in Estimator:
        fitted = fit(estimator, rows, codes)
        assert np.isfinite(probabilities_of(estimator, fitted, rows)).all()


def test_scores_too_low_for_any_class_are_shared_evenly():
    fitted = {
        "mean": pack(np.zeros(1)),
        "scale": pack(np.ones(1)),
        "weights": pack(np.ones((3, 1))),
        "intercepts": pack(np.zeros(3)),
    }

    said = probabilities_of(Estimator.SGD, fitted, np.array([[-1e6], [1e6]]))

    assert np.allclose(said, 1 / 3)
