"""Says which rows are nearly the same. Pure.

Nearly the same: numbers agree in a number of significant digits, and texts once letter case,
spacing and ways to write one letter (Unicode NFKC) are set aside. It is found by comparing rounded
rows, so a pair that lies on either side of a rounding edge is not found.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training.columns import Feature, Kind

Codes = npt.NDArray[np.int64]

_POWERS: Final = 1024  # more than there are powers of ten in a float64
_LEAST: Final = 1e-290  # what is smaller counts as zero: it has no full digits
_GAP: Final = np.iinfo(np.int64).min


def alike_rows(table: pa.Table, features: Sequence[Feature], *, digits: int) -> Codes:
    """Return a number for each row, the same for rows that are nearly the same."""
    columns = [
        _rounded(table[feature.name].to_numpy(), digits)
        if feature.kind is Kind.NUMBER
        else codes_of(_spelled(table[feature.name].to_pylist()))
        for feature in features
    ]
    rows = np.ascontiguousarray(np.column_stack(columns))
    whole = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    codes: Codes = np.unique(whole, return_inverse=True)[1].ravel()
    return codes


def _rounded(numbers: Any, digits: int) -> Codes:
    """Return numbers in so many significant digits: their digits and their power of ten in one."""
    sizes = np.abs(numbers)
    known = sizes > _LEAST  # NaN is not
    powers = np.zeros(len(numbers))
    powers[known] = np.floor(np.log10(sizes[known]))
    kept = np.zeros(len(numbers))
    kept[known] = np.rint(numbers[known] / 10.0 ** (powers[known] - digits + 1))
    carried = np.abs(kept) >= 10**digits  # 9.996 in three digits is 1.00 of the next power
    kept[carried] /= 10
    powers[carried] += 1
    codes: Codes = kept.astype(np.int64) * _POWERS + (powers + _POWERS // 2).astype(np.int64)
    codes[~known] = np.where(np.isnan(numbers[~known]), _GAP, 0)
    return codes


def _spelled(texts: list[str | None]) -> list[str | None]:
    once = {
        text: None
        if text is None
        else " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        for text in set(texts)
    }
    return [once[text] for text in texts]


def codes_of(values: Sequence[object]) -> Codes:
    """Return a number for each value, the same for the same."""
    known: dict[object, int] = {}
    return np.array([known.setdefault(one, len(known)) for one in values], dtype=np.int64)
