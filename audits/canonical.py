"""One spelling for each value, so that a changed byte is always a changed value.

Base64 and JSON allow many spellings of the same thing; evidence is read only in the one that is
written here.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Final

from audits.errors import BundleInvalid

_DIGITS: Final = 20  # of 2 ** 64


def to_base64(data: bytes) -> str:
    """Write bytes as RFC 4648 section 4 base64, padded."""
    return base64.b64encode(data).decode()


def from_base64(text: str, *, what: str) -> bytes:
    """Read base64, refusing every other spelling of the same bytes."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as exc:
        raise BundleInvalid(f"{what} is not base64") from exc
    # The last character has unused bits, which a lenient reader ignores.
    if to_base64(data) != text:
        raise BundleInvalid(f"{what} is not written in canonical base64")
    return data


def from_decimal(text: str, *, what: str) -> int:
    """Read a number of at most 64 bits, written without sign or leading zero."""
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS or str(int(text)) != text:
        raise BundleInvalid(f"{what} is not a number")
    return int(text)


def to_json(value: object) -> bytes:
    """Write JSON in one spelling: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def to_readable_json(value: object) -> bytes:
    """Write JSON for files that people open: sorted keys, indented, one newline at the end."""
    return (
        json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    ).encode()


def from_json(data: bytes, *, what: str) -> dict[str, object]:
    """Read a JSON object; a key that stands twice is refused, since readers disagree about it."""
    try:
        value = json.loads(data.decode(), object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as exc:
        raise BundleInvalid(f"{what} is not JSON") from exc
    if not isinstance(value, dict):
        raise BundleInvalid(f"{what} is not a JSON object")
    return value


def _unique_keys(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found
