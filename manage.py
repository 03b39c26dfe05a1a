#!/usr/bin/env python
"""Lethe's command line."""

import os
import sys

from django.core.management import execute_from_command_line

# An auditor verifies a bundle with no database and no secrets: these commands run on their own settings.
OFFLINE_COMMANDS = {"verify_bundle", "generate_keys"}


def main() -> None:
    """Run one management command."""
    offline = len(sys.argv) > 1 and sys.argv[1] in OFFLINE_COMMANDS
    os.environ.setdefault(
        "DJANGO_SETTINGS_MODULE", "config.offline" if offline else "config.settings"
    )
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
