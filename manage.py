#!/usr/bin/env python
"""Lethe's command line."""

import atexit
import io
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError, ProgrammingError
from environs import EnvValidationError
from redis.exceptions import ConnectionError as RedisConnectionError

# An auditor verifies a bundle with no database and no secrets: these run on settings of their own.
OFFLINE_COMMANDS = {"verify_bundle", "generate_keys"}

_NOT_MIGRATED = {"42P01", "42703"}  # PostgreSQL knows no such table, or no such column


def main() -> None:
    """Run one management command."""
    offline = len(sys.argv) > 1 and sys.argv[1] in OFFLINE_COMMANDS
    os.environ.setdefault(
        "DJANGO_SETTINGS_MODULE", "config.offline" if offline else "config.settings"
    )
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # in order with errors, also into a pipe
    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the last flush is silent
        sys.exit(128 + signal.SIGPIPE)
    except EnvValidationError as problem:
        sys.exit(_told(problem.error_messages))
    except ImproperlyConfigured as problem:
        sys.exit(f"settings: {problem}")
    except OperationalError as problem:
        if getattr(problem.__cause__, "pgcode", None):  # said by a server that was reached
            raise
        sys.exit(f"database: {' '.join(str(problem).split())}")
    except ProgrammingError as problem:
        if getattr(problem.__cause__, "pgcode", None) not in _NOT_MIGRATED:
            raise
        sys.exit("database: its tables are not this version's; run `python manage.py migrate`")
    except RedisConnectionError as problem:
        sys.exit(f"broker: {' '.join(str(problem).split())}")


def _told(mistakes: object) -> str:
    """Return what is wrong with the settings, a line each, and where to look."""
    wrong = mistakes if isinstance(mistakes, Mapping) else {"settings": [mistakes]}
    return "\n".join(
        [
            "settings that are missing or wrong:",
            *(f"  {name}: {' '.join(map(str, said))}" for name, said in sorted(wrong.items())),
            "See .env.example for each; `python manage.py generate_keys DIR` makes the keys.",
            "To try Lethe without any of them: make playground",
        ]
    )


def _end(code: object) -> NoReturn:
    """Leave as `sys.exit` would, but for the destructors of native libraries.

    A thread that Arrow still starts while a command is refused at once aborts the whole process
    there: "terminate called without an active exception", in one of seventy such commands.
    """
    if not isinstance(code, int | None):
        sys.stderr.write(f"{code}\n")
        code = 1
    atexit._run_exitfuncs()  # noqa: SLF001  # what Python runs at this point
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    try:
        main()
    except SystemExit as end:
        _end(end.code)
    _end(0)
