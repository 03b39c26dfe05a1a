"""How this app's commands say no: one line, and an exit code that is not 0."""

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import getdoc
from typing import Final

from django.core.management.base import CommandError

from audits import errors as audits
from deletion import errors as deletion
from lineage.management import refusals as lineage

REFUSALS: Final = tuple(
    error
    for module in (deletion, audits)
    for error in vars(module).values()
    if isinstance(error, type) and issubclass(error, Exception)
)


@contextmanager
def in_one_line() -> Iterator[None]:
    """Turn a refusal of this app, or of those below, into a command's error."""
    try:
        with lineage.in_one_line():
            yield
    except REFUSALS as refusal:
        sentence = " ".join((getdoc(type(refusal)) or "").split())
        place = f" ({refusal})" if str(refusal) else ""
        raise CommandError(f"{type(refusal).__name__}: {sentence}{place}") from None
