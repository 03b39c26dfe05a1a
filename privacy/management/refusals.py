"""How this app's commands say no: one line and an exit code that is not 0."""

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import getdoc

from django.core.management.base import CommandError

from lineage import errors as lineage_errors
from lineage.stores import errors as store_errors
from privacy import errors as privacy_errors

_REFUSALS = tuple(
    error
    for module in (privacy_errors, lineage_errors, store_errors)
    for error in vars(module).values()
    if isinstance(error, type) and issubclass(error, Exception)
)


@contextmanager
def in_one_line() -> Iterator[None]:
    """Turn a refusal of the domain into a command's error: what is true, and where."""
    try:
        yield
    except _REFUSALS as refusal:
        sentence = (getdoc(type(refusal)) or "").partition("\n")[0]
        raise CommandError(
            f"{type(refusal).__name__}: {refusal}" if str(refusal) else sentence
        ) from refusal
