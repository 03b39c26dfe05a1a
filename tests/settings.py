"""The service's own settings, with keys that protect nothing. Servers come from scripts/local_servers.py."""

import os
import tempfile
from hashlib import sha256

for _name in (
    "PSEUDONYM_KEY",
    "SUPPRESSION_KEY",
    "SHARD_KEY",
    "REQUEST_KEY_ENCRYPTION_KEY",
    "TRAIL_SIGNING_KEY",
    "MODEL_SIGNING_KEY",
):
    os.environ.setdefault(_name, sha256(_name.encode()).hexdigest())
os.environ.setdefault("SECRET_KEY", "known to everybody, used by tests only, long enough for Django")
os.environ.setdefault("DATABASE_URL", "postgres:///absent")  # type checking needs settings, no server
os.environ.setdefault("REDIS_URL", "redis+socket:///absent")
os.environ.setdefault("ARTEFACT_DIR", tempfile.mkdtemp(prefix="lethe-artefacts-"))

from config.settings import *  # noqa: E402, F403  # the environment must be complete first
