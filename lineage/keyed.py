"""HMAC-SHA256 with the key schedule paid once, to mark millions of people under one key."""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

_BLOCK: Final = 64  # bytes of one SHA-256 block (RFC 2104: B)
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))  # RFC 2104: ipad
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))  # RFC 2104: opad


def keyed(key: bytes, *, context: bytes, width: int = 32) -> Callable[[bytes], bytes]:
    """Return `lambda tail: hmac.digest(key, context + tail, "sha256")[:width]`, made faster.

    The states after the padded key and the context are kept and copied, which takes half the time
    of a fresh HMAC (RFC 2104, section 4, allows it).
    """
    block = (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\x00")
    inner = sha256(block.translate(_INNER) + context)
    outer = sha256(block.translate(_OUTER))

    def mac(tail: bytes) -> bytes:
        inside = inner.copy()
        inside.update(tail)
        outside = outer.copy()
        outside.update(inside.digest())
        return outside.digest()[:width]

    return mac
