"""The service's own settings, with keys that protect nothing.

The servers come from scripts/local_servers.py; type checking needs settings but no server.
"""

import atexit
import os
import shutil
import tempfile
from hashlib import sha256

from config.keys import KEYS

for _name in KEYS:
    os.environ.setdefault(_name, sha256(_name.encode()).hexdigest())
os.environ.setdefault("SECRET_KEY", "known to everybody, only for tests, long enough for Django")
os.environ.setdefault("DATABASE_URL", "postgres:///absent")
os.environ.setdefault("REDIS_URL", "redis+socket:///absent")
os.environ.setdefault("HTTPS", "false")
if (
    "ARTEFACT_DIR" not in os.environ
):  # made by whoever writes there, and gone when this process ends
    os.environ["ARTEFACT_DIR"] = f"{tempfile.gettempdir()}/lethe-tests-{os.getpid()}"
    atexit.register(shutil.rmtree, os.environ["ARTEFACT_DIR"], ignore_errors=True)

from config.settings import *  # noqa: E402, F403  # the environment must be complete first
