"""A worker that is killed with -9 as soon as an outside trainer is at work for it.

python -m tests.training.outside.killed_worker RUN TRAINERS
"""

import os
import signal
import sys
from pathlib import Path
from uuid import UUID

import django

django.setup()

from django.conf import settings  # noqa: E402  # the apps must be ready first

from training import tasks  # noqa: E402  # as above
from training.outside.command import CommandDriver  # noqa: E402  # as above
from training.outside.contract import Standing  # noqa: E402  # as above
from training.outside.declared import read_declared  # noqa: E402  # as above

if __name__ == "__main__":
    settings.TRAINERS = read_declared(Path(sys.argv[2]).read_text())
    real = CommandDriver.poll

    def dying(self, handle):
        polled = real(self, handle)
        if polled.standing is Standing.RUNNING and polled.progress:
            os.kill(os.getpid(), signal.SIGKILL)
        return polled

    CommandDriver.poll = dying  # type: ignore[method-assign]  # this process dies of it
    tasks.drive(UUID(sys.argv[1]))
