"""Processes of their own that are to die as by `kill -9` while they work on the test's database."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection


def dies(module: str, *arguments: str, **changes: str) -> bool:
    """Run a module with some settings changed; say whether it died of SIGKILL.

    A new interpreter and no fork: a fork of a process in which Polars has run may hang.
    """
    said = connection.settings_dict
    url = f"postgres://{said['USER']}@{quote(said['HOST'], safe='')}/{said['NAME']}"
    own = {"DATABASE_URL": url, "ARTEFACT_DIR": str(settings.ARTEFACT_DIR)}
    ended = subprocess.run(  # our own interpreter and module
        [sys.executable, "-m", module, *arguments],
        cwd=Path(__file__).parents[1],
        env={**os.environ, **own, **changes},
        check=False,
        timeout=120,
    )
    return ended.returncode == -signal.SIGKILL
