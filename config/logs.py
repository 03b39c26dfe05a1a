"""How a log line looks. It never holds the text of a foreign exception, which may quote a row."""

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from traceback import walk_tb
from types import TracebackType
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from kombu.exceptions import OperationalError as BrokerUnreachable
from redis.exceptions import ConnectionError as RedisUnreachable
from typing_extensions import override

OWN: Final = frozenset({"audits", "config", "deletion", "lineage", "privacy", "training"})
ABOUT_THE_MACHINE: Final = (
    BrokerUnreachable,
    ImportError,
    ImproperlyConfigured,
    OperationalError,
    OSError,
    RedisUnreachable,
)


def told(error: BaseException) -> str:
    """Return an exception's kind, and its text where that cannot hold anybody's data.

    Our own messages never do. PostgreSQL's quote the row that broke a constraint, and parsers the
    value that they could not read.
    """
    kind = type(error).__qualname__
    speaks = type(error).__module__.partition(".")[0] in OWN or isinstance(error, ABOUT_THE_MACHINE)
    return f"{kind}: {error}" if speaks and str(error) else kind


def trace_of(error: BaseException) -> str:
    """Return where an exception, and what caused it, came from."""
    return "\n".join(_lines(error))


def _lines(error: BaseException) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _lines(cause)
        yield "which led to"
    yield from _frames(error.__traceback__)
    yield told(error)


def _frames(trace: TracebackType | None) -> Iterator[str]:
    for frame, line in walk_tb(trace):
        yield f"  {frame.f_code.co_filename}:{line} in {frame.f_code.co_qualname}"


class PlainLines(logging.Formatter):
    """For people: one line, and below it where an exception came from."""

    def __init__(self) -> None:
        """Fix the line's form."""
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    @override
    def format(self, record: logging.LogRecord) -> str:
        return super().format(careful(record))

    @override
    def formatException(self, ei: Any) -> str:
        return trace_of(ei[1]) if ei[1] is not None else ""


class JsonLines(logging.Formatter):
    """For machines: one JSON object a line."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        record = careful(record)
        line = {
            "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["trace"] = trace_of(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def careful(record: logging.LogRecord) -> logging.LogRecord:
    """Return a copy of a record whose arguments quote no exception and no task's arguments."""
    copy = logging.makeLogRecord(record.__dict__)
    copy.exc_text = None  # another handler's formatter may have filled it
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(record.args, Mapping):  # Celery's way: one mapping with everything in it
        hidden: dict[str, object] = dict.fromkeys(("args", "kwargs", "traceback"), "…")
        if "exc" in record.args:
            hidden["exc"] = told(error) if error else "…"
        copy.args = {**record.args, **hidden}
    elif record.args:
        copy.args = tuple(
            told(argument) if isinstance(argument, BaseException) else argument
            for argument in record.args
        )
    return copy
