"""A worker that dies as if by `kill -9`, before or after it has told a recipient.

python -m tests.deletion.killed_tellers before|after TELLING PORT
"""

import os
import signal
import sys
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402  # the apps must be ready first

from deletion import tasks  # noqa: E402  # as above
from deletion.tasks import telling  # noqa: E402  # as above
from tests.training.calling.recipient_server import LOOPBACK  # noqa: E402  # as above
from training.calling import calls  # noqa: E402  # as above

if __name__ == "__main__":
    when, number, port = sys.argv[1:]
    settings.RECIPIENT_PORTS = frozenset({int(port)})
    settings.RECIPIENT_NETWORKS = LOOPBACK
    settings.RECIPIENT_PLAIN_HTTP = True
    real = calls.call

    def dying(*args: Any, **said: Any) -> Any:
        if when == "after":
            real(*args, **said)
        os.kill(os.getpid(), signal.SIGKILL)

    vars(telling)["call"] = dying
    tasks.tell(number)
