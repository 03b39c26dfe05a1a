"""Ends processes and removes a folder once the process that asked for it is gone, however it went.

    python scripts/watchdog.py [FOLDER]

It reads lines "PID SIGNAL" until its input ends: when the asking process closes the pipe, and also
when that process is killed with -9. Then every named process that still lives gets its signal, the
last named first. Standard library only.
"""

import contextlib
import os
import select
import shutil
import signal
import sys

PATIENCE_SECONDS = 20  # for each process, before it is killed


def end(process: int, wanted: signal.Signals) -> None:
    """Send a signal to a process and wait until it is gone."""
    gone = select.poll()
    gone.register(process, select.POLLIN)
    for each in (wanted, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, each)
        if gone.poll(PATIENCE_SECONDS * 1000):
            return


def main() -> None:
    """Wait for the end of the input, then tidy up."""
    named: list[tuple[int, signal.Signals]] = []
    for line in sys.stdin:
        pid, number = line.split()
        # A handle, not a number: by the time of the signal the number may belong to somebody else.
        with contextlib.suppress(ProcessLookupError):
            named.append((os.pidfd_open(int(pid)), signal.Signals(int(number))))
    for process, wanted in reversed(named):
        end(process, wanted)
    for folder in sys.argv[1:]:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
