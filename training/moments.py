"""When a statement about a model became true, as a number that only grows. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def sequence_at(moment: datetime) -> int:
    """Return the microseconds since 1970: who has seen a greater number knows something newer.

    A count would stand still for long after a database came back from a backup; a clock does not.
    """
    return (moment - _EPOCH) // _MICROSECOND


def newest(moments: Iterable[datetime | None]) -> datetime | None:
    """Return the latest moment; None if there is none."""
    return max((moment for moment in moments if moment is not None), default=None)
