"""Celery forks its workers from a process that has imported every task and run none."""

import subprocess
import sys
from pathlib import Path

AS_CELERY_DOES = """
import os, django
django.setup()
from privacy import tasks  # starts no thread: Polars hangs in a fork of a process whose pool runs
child = os.fork()
if child == 0:
    from tests.privacy.builders import draw, make_visits, parsed
    print(sorted(draw(parsed(), make_visits(("p1", "ward 0", 5.0))).counts), flush=True)
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_worker_can_draw():
    done = subprocess.run(
        [sys.executable, "-c", AS_CELERY_DOES],
        cwd=Path(__file__).parents[2],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.returncode, done.stdout) == (0, "['ward 0', 'ward 1']\n"), done.stderr
