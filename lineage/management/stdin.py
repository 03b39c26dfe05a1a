"""What a command is told on standard input: one line, so that nobody on a second one is missed."""

import sys
from getpass import getpass

from django.core.management.base import CommandError


def one_line(what: str) -> str:
    """Return the only line that is not blank; at a terminal, ask for it without echo.

    `what` is the thing that is asked for, such as `identifier`.
    """
    if sys.stdin.isatty():
        lines = [getpass(f"{what.capitalize()}: ")]
    else:
        try:
            lines = [*sys.stdin]
        except UnicodeDecodeError:  # its message quotes the bytes
            raise CommandError("standard input is not UTF-8 text") from None
    said = [line.strip() for line in lines if line.strip()]
    if not said:
        raise CommandError(f"no {what} on standard input")
    if len(said) > 1:
        raise CommandError(f"more than one line on standard input: one {what} at a time")
    return said[0]
