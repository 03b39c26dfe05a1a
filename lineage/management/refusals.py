"""How commands say no, of this app and of those above: one line, and an exit code that is not 0."""

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import getdoc
from types import ModuleType

from django.core.management.base import CommandError

from audits.problems import reasons_in
from lineage import errors
from lineage.stores import errors as store_errors


@contextmanager
def in_one_line(*reasons: ModuleType) -> Iterator[None]:
    """Turn a refusal into a command's error: what is true, and where.

    `reasons` are the `errors` modules of the apps above that the command speaks for.
    """
    try:
        yield
    except reasons_in(errors, store_errors, *reasons) as refusal:
        sentence = " ".join((getdoc(type(refusal)) or "").split())
        place = f" ({refusal})" if str(refusal) else ""
        raise CommandError(f"{type(refusal).__name__}: {sentence}{place}") from None
