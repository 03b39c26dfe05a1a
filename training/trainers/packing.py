"""Fitted numbers as JSON and back, bit for bit. JSON instead of pickle: reading runs no code."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from training.errors import ArtefactMismatch

_TYPES: Final = {"f8": "<f8", "i4": "<i4"}


def pack(array: npt.NDArray[Any], kind: str = "f8") -> dict[str, object]:
    """Return an array as its shape and its little-endian bytes."""
    plain = np.ascontiguousarray(array, dtype=_TYPES[kind])
    return {"shape": list(plain.shape), kind: base64.b64encode(plain.tobytes()).decode()}


def unpack(packed: object, kind: str = "f8") -> npt.NDArray[Any]:
    """Return a packed array."""
    if not isinstance(packed, dict):
        raise ArtefactMismatch("an array in the file is malformed")
    try:
        data = base64.b64decode(packed[kind], validate=True)
        array = np.frombuffer(data, dtype=_TYPES[kind]).reshape(packed["shape"])
    except (KeyError, TypeError, ValueError) as malformed:
        raise ArtefactMismatch("an array in the file is malformed") from malformed
    return array


def write(form: str, held: Mapping[str, object]) -> bytes:
    """Return the bytes of a snapshot or artefact: JSON in one spelling."""
    return json.dumps(
        {"form": form, **held}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()


def read(data: bytes, *, form: str) -> dict[str, Any]:
    """Return what a snapshot or artefact of one form holds."""
    try:
        held = json.loads(data)
    except ValueError as malformed:
        raise ArtefactMismatch("the file is not JSON") from malformed
    if not isinstance(held, dict) or held.get("form") != form:
        raise ArtefactMismatch(f"the file is not of the form {form}")
    return held


def texts(value: object) -> tuple[str, ...]:
    """Return a list of texts."""
    if not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        raise ArtefactMismatch("a list in the file is malformed")
    return tuple(value)
