"""Answers from sums: naive Bayes and ridge regression, computed when the artefact is loaded.

The sums are exact; what is computed from them here is as exact as float64. Differences of large
sums are taken in whole numbers first, and divided once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types
from typing_extensions import override

from training.columns import Feature, Kind, normalised
from training.trainers.protocol import Floats, Predictions, Predictor
from training.trainers.tallies import Tally, category_of, missing_of, value_of


@dataclass(frozen=True, slots=True, kw_only=True)
class NaiveBayes(Predictor):
    """Each feature by itself: a normal distribution of numbers, smoothed shares of categories."""

    named: tuple[Feature, ...]
    classes: tuple[str, ...]
    priors: Floats
    normal: Mapping[str, tuple[Floats, Floats]]  # feature → mean and variance of each class
    shares: Mapping[str, Mapping[str, Floats]]  # feature → category → log share in each class

    @property
    @override
    def features(self) -> Sequence[Feature]:
        return self.named

    @override
    def predict(self, table: pa.Table) -> Predictions:
        rows = normalised(table, self.named)
        scores = np.tile(np.log(self.priors), (rows.num_rows, 1))
        for name, (mean, variance) in self.normal.items():
            values = rows[name].to_numpy().astype(np.float64)[:, None]
            said = -0.5 * (np.log(2.0 * np.pi * variance) + (values - mean) ** 2 / variance)
            scores += np.where(np.isnan(values), 0.0, said)
        for name, shares in self.shares.items():
            for category, logs in shares.items():
                is_it = pc.fill_null(pc.equal(rows[name], category), False)  # noqa: FBT003  # Arrow's
                scores += is_it.to_numpy().astype(np.float64)[:, None] * logs
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        return Predictions(
            classes=self.classes, probabilities=raised / raised.sum(axis=1, keepdims=True)
        )

    @classmethod
    def of(
        cls, features: tuple[Feature, ...], tally: Tally, numbers: Mapping[str, float | int]
    ) -> "NaiveBayes":
        """Compute the distributions from the sums."""
        classes = _classes(tally)
        rows = [tally["rows", class_] for class_ in classes]
        unit = 1 << int(numbers["fraction_bits"])
        moments = {
            feature.name: _moments(tally, feature.name, classes, unit=unit)
            for feature in features
            if feature.kind is Kind.NUMBER
        }
        widest = max((variance for _, _, variance in moments.values()), default=0.0)
        # A column that never varies still has what rounding hides: the variance of one step.
        least = max(float(numbers["var_smoothing"]) * widest, 1.0 / (12 * unit * unit))
        return cls(
            named=features,
            classes=classes,
            priors=np.array(rows) / sum(rows),
            normal={name: (mean, own + least) for name, (mean, own, _) in moments.items()},
            shares={
                feature.name: _shares(tally, feature.name, classes, alpha=numbers["alpha"])
                for feature in features
                if feature.kind is Kind.TEXT
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge(Predictor):
    """A line for each class that aims at 1 for its people and at 0 for all others."""

    named: tuple[Feature, ...]
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]
    means: Floats
    weights: Floats  # columns x classes, of plain columns
    priors: Floats

    @property
    @override
    def features(self) -> Sequence[Feature]:
        return self.named

    @override
    def predict(self, table: pa.Table) -> Predictions:
        rows = normalised(table, self.named)
        columns: dict[str, Floats] = {}
        for feature in self.named:
            column = rows[feature.name]
            if feature.kind is Kind.NUMBER:
                values = column.to_numpy().astype(np.float64)
                columns[value_of(feature.name)] = np.where(np.isnan(values), 0.0, values)
                columns[missing_of(feature.name)] = np.isnan(values).astype(np.float64)
                continue
            for category in self.categories[feature.name]:
                is_it = pc.fill_null(pc.equal(column, category), False)  # noqa: FBT003  # Arrow's
                columns[category_of(feature.name, category)] = is_it.to_numpy().astype(np.float64)
        chosen = [columns[name] for name in self.columns]
        matrix = np.array(chosen).reshape(len(chosen), rows.num_rows).T
        aimed = np.clip((matrix - self.means) @ self.weights + self.priors, 0.0, 1.0)
        total = aimed.sum(axis=1, keepdims=True)
        nobody = total == 0.0
        shares = np.where(nobody, self.priors, aimed / np.where(nobody, 1.0, total))
        return Predictions(classes=self.classes, probabilities=shares)

    @classmethod
    def of(
        cls, features: tuple[Feature, ...], tally: Tally, numbers: Mapping[str, float | int]
    ) -> "Ridge":
        """Solve for the lines from the sums, over columns of mean 0 and spread 1."""
        classes = _classes(tally)
        texts = [feature.name for feature in features if feature.kind is Kind.TEXT]
        numeric = {value_of(f.name) for f in features if f.kind is Kind.NUMBER}
        # Exactly the columns in which anybody has anything: those whose squares do not come to 0.
        columns = tuple(
            sorted({what[1] for what in tally if what[0] == "product" and what[1] == what[2]})
        )
        count = sum(tally["rows", class_] for class_ in classes)
        unit = 1 << int(numbers["fraction_bits"])
        units = [unit if name in numeric else 1 for name in columns]
        sums = [sum(tally.get(("sum", class_, name), 0) for class_ in classes) for name in columns]
        width = len(columns)
        covariance = np.empty((width, width))
        for one, two in product(range(width), repeat=2):
            both = tally.get(("product", *sorted((columns[one], columns[two]))), 0)
            covariance[one, two] = (count * both - sums[one] * sums[two]) / (
                count * count * units[one] * units[two]
            )
        with_classes = np.array(
            [
                [
                    (
                        count * tally.get(("sum", class_, name), 0)
                        - sums[place] * tally["rows", class_]
                    )
                    / (count * count * units[place])
                    for class_ in classes
                ]
                for place, name in enumerate(columns)
            ]
        ).reshape(width, len(classes))
        spread = np.sqrt(np.diag(covariance))
        # A column that never varies says nothing: its weight comes out as 0.
        spread = np.where(spread > 0.0, spread, 1.0)
        penalty = float(numbers["alpha"]) / count * np.eye(width)
        with threadpool_limits(limits=1):
            weights = np.linalg.solve(
                covariance / np.outer(spread, spread) + penalty, with_classes / spread[:, None]
            )
        return cls(
            named=features,
            classes=classes,
            columns=columns,
            categories={name: _categories(columns, name) for name in texts},
            means=np.array(
                [total / (count * unit) for total, unit in zip(sums, units, strict=True)]
            ),
            weights=weights / spread[:, None],
            priors=np.array([tally["rows", class_] / count for class_ in classes]),
        )


def _classes(tally: Tally) -> tuple[str, ...]:
    classes = tuple(sorted(what[1] for what in tally if what[0] == "rows"))
    if not classes:
        raise ValueError("nobody is counted")
    return classes


def _moments(
    tally: Tally, feature: str, classes: Sequence[str], *, unit: int
) -> tuple[Floats, Floats, float]:
    """Return mean and variance of each class, and the variance over all of them.

    A class in which nobody has the number is given the mean and the variance of all.
    """
    found = [
        tuple(tally.get((what, class_, feature), 0) for what in ("known", "sum", "squares"))
        for class_ in classes
    ]
    whole = (
        sum(known for known, _, _ in found),
        sum(total for _, total, _ in found),
        sum(squares for _, _, squares in found),
    )
    overall = _moment(whole, unit) if whole[0] else (0.0, 0.0)
    each = [_moment(one, unit) if one[0] else overall for one in found]
    means = np.array([mean for mean, _ in each])
    return means, np.array([variance for _, variance in each]), overall[1]


def _moment(sums: Sequence[int], unit: int) -> tuple[float, float]:
    known, total, squares = sums
    variance = (known * squares - total * total) / (known * known * unit * unit)
    return total / (known * unit), variance


def _shares(
    tally: Tally, feature: str, classes: Sequence[str], *, alpha: float
) -> dict[str, Floats]:
    """Return the logarithm of each category's share in each class, smoothed."""
    counts: dict[str, list[int]] = {}
    for what, number in tally.items():
        if what[0] == "category" and what[2] == feature:
            counts.setdefault(what[3], [0] * len(classes))[classes.index(what[1])] = number
    totals = np.sum(list(counts.values()), axis=0) if counts else np.zeros(len(classes))
    return {
        category: np.log((np.array(numbers) + alpha) / (totals + alpha * len(counts)))
        for category, numbers in sorted(counts.items())
    }


def _categories(columns: Sequence[str], feature: str) -> tuple[str, ...]:
    begins = category_of(feature, "")
    return tuple(name[len(begins) :] for name in columns if name.startswith(begins))
