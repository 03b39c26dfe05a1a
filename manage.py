#!/usr/bin/env python
"""Lethe's command line."""

import io
import os
import signal
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from environs import EnvValidationError

# An auditor verifies a bundle with no database and no secrets: these run on settings of their own.
OFFLINE_COMMANDS = {"verify_bundle", "generate_keys"}


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
    except (EnvValidationError, ImproperlyConfigured) as problem:
        sys.exit(f"settings: {problem}")


if __name__ == "__main__":
    main()
