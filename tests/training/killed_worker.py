"""A worker that dies as if by `kill -9` before or after it calls a function.

python -m tests.training.killed_worker RUN POINT
"""

import os
import signal
import sys
from typing import Any
from uuid import UUID

import django

django.setup()

from training import actions, artefacts, tasks  # noqa: E402  # the apps must be ready first


def _die_at(point: str) -> None:
    """Let a function kill this process: `actions.claim_run`, or `after:actions.claim_run`.

    No handler runs then, and no transaction is rolled back politely.
    """
    is_after, _, place = point.rpartition(":")
    home, _, name = place.partition(".")
    module = {"actions": actions, "artefacts": artefacts}[home]
    real = getattr(module, name)

    def dying(*args: Any, **said: Any) -> None:
        if is_after:
            real(*args, **said)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(module, name, dying)


if __name__ == "__main__":
    _die_at(sys.argv[2])
    tasks.drive(UUID(sys.argv[1]))
