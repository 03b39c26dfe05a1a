"""How this app's commands say no: one line, and an exit code that is not 0."""

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import getdoc
from typing import Final

from django.core.management.base import CommandError

from lineage.management.refusals import REFUSALS as OF_LINEAGE
from training import errors

REFUSALS: Final = (
    *OF_LINEAGE,
    *(
        error
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, Exception)
    ),
)


@contextmanager
def in_one_line() -> Iterator[None]:
    """Turn a refusal of the domain into a command's error: what is true, and where."""
    try:
        yield
    except REFUSALS as refusal:
        sentence = " ".join((getdoc(type(refusal)) or "").split())
        place = f" ({refusal})" if str(refusal) else ""
        raise CommandError(f"{type(refusal).__name__}: {sentence}{place}") from None
