"""The closed list of estimators, and the values that their parameters may have."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from typing import Final

from training.errors import ParametersInvalid

LIBRARIES: Final = ", ".join(
    f"{name} {version(name)}" for name in ("scikit-learn", "numpy", "scipy")
)
"""What computes the bytes of a snapshot; scipy minimises for logistic regression."""


class Estimator(StrEnum):
    """What is fitted in each shard."""

    LOGISTIC_REGRESSION = "logistic-regression"
    NAIVE_BAYES = "naive-bayes"
    BOOSTED_TREES = "hist-gradient-boosting"
    SGD = "sgd"
    MLP = "mlp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A parameter that is a number within bounds; `whole` if it has no fraction."""

    usual: float
    least: float
    most: float
    whole: bool = False


_SLICES: Final = Number(usual=1, least=1, most=100, whole=True)

ALLOWED: Final[Mapping[Estimator, Mapping[str, Number]]] = {
    Estimator.LOGISTIC_REGRESSION: {
        "C": Number(usual=1.0, least=1e-6, most=1e6),
        "max_iter": Number(usual=1000, least=1, most=100_000, whole=True),
    },
    Estimator.NAIVE_BAYES: {
        "var_smoothing": Number(usual=1e-9, least=1e-12, most=1.0),
    },
    Estimator.BOOSTED_TREES: {
        "learning_rate": Number(usual=0.1, least=1e-4, most=1.0),
        "max_iter": Number(usual=100, least=1, most=10_000, whole=True),
        "max_leaf_nodes": Number(usual=31, least=2, most=4096, whole=True),
        "min_samples_leaf": Number(usual=10, least=1, most=100_000, whole=True),
        "l2_regularization": Number(usual=0.0, least=0.0, most=1e6),
    },
    # Fixed numbers of epochs: to stop early would let somebody decide how long others are fitted.
    Estimator.SGD: {
        "alpha": Number(usual=1e-4, least=1e-9, most=1e3),
        "learning_rate": Number(usual=0.1, least=1e-6, most=10.0),  # falls with the root of steps
        "epochs": Number(usual=20, least=1, most=10_000, whole=True),
        "slices": _SLICES,
    },
    Estimator.MLP: {
        "hidden": Number(usual=32, least=1, most=4096, whole=True),
        "alpha": Number(usual=1e-4, least=0.0, most=1e3),
        "learning_rate": Number(usual=0.01, least=1e-6, most=1.0),
        "batch": Number(usual=32, least=1, most=100_000, whole=True),
        "epochs": Number(usual=50, least=1, most=10_000, whole=True),
        "slices": _SLICES,
    },
}

BY_STAGES: Final = frozenset({Estimator.SGD, Estimator.MLP})
"""The estimators that go on from where they stopped, once they are given more rows."""


def estimator_of(parameters: Mapping[str, object]) -> Estimator:
    """Return the estimator that the parameters name, logistic regression if they name none."""
    named = parameters.get("estimator", Estimator.LOGISTIC_REGRESSION.value)
    if named not in [estimator.value for estimator in Estimator]:
        known = ", ".join(estimator.value for estimator in Estimator)
        raise ParametersInvalid(f"estimator: not one of {known}")
    return Estimator(str(named))


def numbers_of(
    parameters: Mapping[str, object], allowed: Mapping[str, Number]
) -> dict[str, float | int]:
    """Return every allowed parameter with its value, or the usual one."""
    if "slices" in parameters and "slices" not in allowed:
        by_stages = " and ".join(sorted(BY_STAGES))
        raise ParametersInvalid(f"slices: only {by_stages} go on from where a slice ended")
    if unknown := sorted(set(parameters) - set(allowed)):
        raise ParametersInvalid(f"{unknown[0][:64]}: not one of {', '.join(sorted(allowed))}")
    found: dict[str, float | int] = {}
    for name, bounds in allowed.items():
        value = parameters.get(name, bounds.usual)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ParametersInvalid(f"{name}: not a number")
        if not bounds.least <= value <= bounds.most or (bounds.whole and value != int(value)):
            kind = "whole number" if bounds.whole else "number"
            raise ParametersInvalid(
                f"{name}: not a {kind} from {bounds.least:g} to {bounds.most:g}"
            )
        found[name] = int(value) if bounds.whole else float(value)
    return found
