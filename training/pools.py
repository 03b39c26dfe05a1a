"""What pools of machines are called: one erases, the others train models. Pure."""

from typing import Final

ERASING: Final = "erasure"
"""The pool of everything that erases from stores."""

_TRAINING: Final = "training/"
_DEFAULT: Final = "default"


def training_pool(pool: str) -> str:
    """Return the full name of a pool that trains."""
    return f"{_TRAINING}{pool}"


ALWAYS: Final = frozenset({ERASING, training_pool(_DEFAULT)})
"""The pools that are there before anything is registered."""
