"""The contract with an outside trainer: what it is asked, and what its answer must say.

What it read is checked, not believed: the specification does not name the digest of a file, so who
reports the right one has read these very bytes. That it read nothing else, nobody can prove from
here; docs/decisions says so.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from training.errors import ParametersInvalid, ResultDisagrees
from training.trainers.protocol import Predictions

VERSION: Final = 1
MOST_RESULT: Final = 1 << 20  # bytes of a result
MOST_OUTPUT: Final = 1 << 30  # bytes of an artefact, or of predictions
MOST_LOG: Final = 1 << 16  # bytes that are kept of what a trainer prints

_MOST_METRICS: Final = 100
_MOST_PARAMETERS: Final = 100
_MOST_CLASSES: Final = 1000
_METRIC: Final = re.compile(r"[A-Za-z][A-Za-z0-9_ .@-]{0,63}")
_CLOSE: Final = 1e-3  # how far the probabilities of one row may add up beside 1


class Work(StrEnum):
    """What an outside trainer is asked for."""

    TRAIN = "train"  # an artefact, from rows with their label
    PREDICT = "predict"  # probabilities, from rows without a label and an artefact of its own


FILES: Final = {"rows": "rows.parquet", "artefact": "artefact"}
"""What a trainer may read, and by which name it lies in the folder of its work."""

MADE: Final = {Work.TRAIN: "artefact", Work.PREDICT: "predictions.json"}
"""What a trainer makes, and by which name it leaves it."""


class Standing(StrEnum):
    """How a piece of work stands, as a driver sees it."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"  # there is a result; whether it is right is another question
    FAILED = "failed"
    UNKNOWN = "unknown"  # nobody answers, or nobody knows of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What a driver says about a piece of work."""

    standing: Standing
    progress: int | None = None  # per cent, if the trainer says it
    trouble: str = ""  # our own words: never what the trainer printed


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a trainer left: what it says, and the file with what it made."""

    said: Mapping[str, Any]
    output: bytes = field(repr=False)


class Driver(Protocol):
    """A way to have an outside trainer work. Each method may be called again at any time."""

    def submit(self, spec: Mapping[str, object], idempotency_key: str) -> str:
        """Have the work begun, or find it at work under this key; return its handle."""

    def poll(self, handle: str) -> Polled:
        """Say how the work stands."""

    def cancel(self, handle: str) -> bool:
        """End the work; say whether nothing of it is at work any more."""

    def collect(self, handle: str) -> Collected:
        """Return what succeeded work left; raise `ResultDisagrees` if it cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a trainer was given: the digest of each file, and the rows in the one that has rows."""

    digests: Mapping[str, str]
    rows: int

    def as_json(self) -> dict[str, object]:
        """Return the form that a job keeps."""
        return {"digests": dict(self.digests), "rows": self.rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """Who is excluded from what a trainer gets: all who were forgotten before a moment.

    Everybody whose rows were cut from the training set up to its version `version`, and everybody
    on the suppression list; the digest is over its marks, which say nothing without its key.
    """

    version: int
    forgotten: int
    digest: str

    def as_json(self) -> dict[str, object]:
        """Return the form that specifications and manifests hold."""
        return {"version": self.version, "forgotten": self.forgotten, "excluded by": self.digest}


def key_of(  # noqa: PLR0913  # keyword-only: everything that makes one piece of work another
    *, model: str, dataset: str, watermark: Watermark, run: str, work: Work, attempt: int
) -> str:
    """Return the idempotency key: the same attempt has the same key, whichever worker asks."""
    said = [model, dataset, watermark.as_json(), run, work.value, attempt]
    return sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def require_plain(parameters: Mapping[str, object]) -> None:
    """Raise `ParametersInvalid` unless the parameters are few texts and numbers."""
    if len(parameters) > _MOST_PARAMETERS:
        raise ParametersInvalid(f"parameters: more than {_MOST_PARAMETERS}")
    for name, value in parameters.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not isinstance(value, str) and not (is_number and math.isfinite(float(str(value)))):
            raise ParametersInvalid(f"{name[:64]}: neither a text nor a number")


def read_result(data: bytes) -> Mapping[str, Any]:
    """Return a result as JSON, or raise `ResultDisagrees`."""
    if len(data) > MOST_RESULT:
        raise ResultDisagrees("the result is too long")
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        raise ResultDisagrees("the result is no JSON") from None
    if not isinstance(said, dict):
        raise ResultDisagrees("the result is no JSON object")
    return said


def require_agreement(said: Mapping[str, Any], *, key: str, given: Given, output: bytes) -> None:
    """Raise `ResultDisagrees` unless a result speaks of this work, this input and this output."""
    if said.get("contract") != VERSION:
        raise ResultDisagrees(f"the result is not of contract {VERSION}")
    if said.get("key") != key:
        raise ResultDisagrees("the result is that of another piece of work")
    read = said.get("read")
    if not isinstance(read, dict) or not isinstance(read.get("digests"), dict):
        raise ResultDisagrees("the result does not say what was read")
    if sorted(read["digests"]) != sorted(given.digests):
        raise ResultDisagrees("it says that it read other files than it was given")
    for name, digest in sorted(given.digests.items()):
        if read["digests"][name] != digest:
            raise ResultDisagrees(f"it says that it read other {name} than it was given")
    rows = read.get("rows")
    if isinstance(rows, bool) or rows != given.rows:
        raise ResultDisagrees(f"it did not read {given.rows} rows, as it was given")
    if said.get("output") != sha256(output).hexdigest():
        raise ResultDisagrees("what it made is not what it says that it made")


def metrics_in(said: Mapping[str, Any]) -> dict[str, float]:
    """Return the measurements of a result: numbers by name, so that no record's value gets in."""
    metrics = said.get("metrics", {})
    if not isinstance(metrics, dict) or len(metrics) > _MOST_METRICS:
        raise ResultDisagrees(f"the metrics are no object of at most {_MOST_METRICS} numbers")
    for name, value in metrics.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not _METRIC.fullmatch(name) or not is_number or not math.isfinite(value):
            raise ResultDisagrees("a metric is no finite number with a plain name")
    return {name: float(value) for name, value in metrics.items()}


def predictions_in(data: bytes, *, rows: int) -> Predictions:
    """Return predictions, or raise `ResultDisagrees` unless there is one for each row."""
    try:
        said = json.loads(data)
        classes = said["classes"]
        probabilities = np.array(said["probabilities"], dtype=np.float64)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ResultDisagrees("the predictions cannot be read") from None
    if (
        not isinstance(classes, list)
        or not 1 <= len(classes) <= _MOST_CLASSES
        or not all(isinstance(name, str) for name in classes)
        or len(set(classes)) < len(classes)
    ):
        raise ResultDisagrees("the classes of the predictions are not different texts")
    if probabilities.shape != (rows, len(classes)):
        raise ResultDisagrees(f"the predictions are not one for each of {rows} rows and each class")
    if (
        not np.isfinite(probabilities).all()
        or (probabilities < 0).any()
        or (np.abs(probabilities.sum(axis=1) - 1.0) > _CLOSE).any()
    ):
        raise ResultDisagrees("the predictions of a row are no probabilities")
    return Predictions(classes=tuple(classes), probabilities=probabilities)


def read_bounded(path: Path, *, most: int, what: str) -> bytes:
    """Return a plain file that a trainer wrote; a link may lead anywhere and is not followed."""
    try:
        if path.is_symlink() or not path.is_file():
            raise ResultDisagrees(f"there is no {what}")
        if path.stat().st_size > most:
            raise ResultDisagrees(f"the {what} is larger than {most} bytes")
        return path.read_bytes()
    except OSError as trouble:
        raise ResultDisagrees(f"the {what} cannot be read: {trouble.strerror}") from None
