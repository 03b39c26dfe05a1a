"""A worker that dies as if by `kill -9` when it enters a function.

python -m tests.privacy.killed_worker RELEASE MODULE FUNCTION
"""

import os
import signal
import sys
from types import FrameType

import django

django.setup()

from privacy import tasks  # noqa: E402  # the apps must be ready first


def _die_at(module: str, function: str) -> None:
    def watch(frame: FrameType, _event: str, _arg: object) -> None:
        if frame.f_code.co_name == function and frame.f_globals.get("__name__") == module:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.settrace(watch)


if __name__ == "__main__":
    _die_at(sys.argv[2], sys.argv[3])
    tasks.draw(sys.argv[1])
