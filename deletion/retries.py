"""When a failed attempt is tried again. Pure."""

from datetime import timedelta
from typing import Final

_FIRST: Final = timedelta(seconds=2)
_FACTOR: Final = 4
_LONGEST: Final = timedelta(hours=1)
_MOST_STEPS: Final = 10  # by then it is long since the longest; larger powers would overflow
_SHOWN: Final = 500  # characters of a failure that a row keeps


def back_off(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts: four times as long after each."""
    steps = max(attempts - 1, 0)
    if steps > _MOST_STEPS:
        return _LONGEST
    return min(_FIRST * float(_FACTOR**steps), _LONGEST)


def said_of(kind: str, message: str) -> str:
    """Return what a row keeps of a failure; the messages of stores never hold a value."""
    return f"{kind}: {message}"[:_SHOWN] if message else kind
