import os
import signal
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

from scripts.local_servers import ROOT, Services, scratch_settings
from scripts.serve import PARTS, Service, commands

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def environment():
    with Services() as services:
        yield {**services.environment, **scratch_settings(services.folder)}


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def wait_until(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def answers(address):
    try:
        with urlopen(f"http://{address}/livez", timeout=5) as answer:  # our own
            return answer.status == 200
    except (URLError, OSError):
        return False


def family(pid):
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_every_part_has_a_command(tmp_path):
    parts = commands(bind="127.0.0.1:1", web_workers=1, concurrency=1, folder=tmp_path)

    assert tuple(parts) == PARTS


def test_all_parts_run_and_one_that_is_killed_is_started_again(environment, tmp_path):
    address = free_address()

    with Service(
        bind=address, concurrency=1, environment=environment, log=tmp_path / "log"
    ) as service:
        wait_until(lambda: answers(address))
        before = service.pids
        everyone = [process for pid in before.values() for process in family(pid)]
        for part in PARTS:
            service.kill(part)
        wait_until(lambda: not set(service.pids.values()) & set(before.values()))
        wait_until(lambda: answers(address))
        everyone += [process for pid in service.pids.values() for process in family(pid)]

        assert set(service.pids) == set(PARTS)
        assert not service.failed.is_set()

    assert not any(is_alive(process) for process in everyone)


def serve(environment, address, *parts):
    return subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "serve.py"), f"--bind={address}", *parts],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind_however_it_ends(environment, ending):
    address = free_address()
    running = serve(environment, address, "web")
    wait_until(lambda: answers(address))
    everyone = family(running.pid)
    assert len(everyone) >= 4  # control: itself, the watchdog, gunicorn and its workers

    running.send_signal(ending)
    running.communicate(timeout=60)

    wait_until(lambda: not any(is_alive(process) for process in everyone), seconds=30)
    assert not answers(address)


def test_a_part_that_nobody_knows_is_refused(environment):
    refused = serve(environment, free_address(), "nothing")

    said, _ = refused.communicate(timeout=30)

    assert refused.returncode == 2
    assert "no such part: nothing" in said


def test_a_part_that_does_not_stay_up_is_given_up(environment):
    broken = serve({**environment, "SECRET_KEY_FILE": "/nowhere"}, free_address(), "beat")

    said, _ = broken.communicate(timeout=120)

    assert broken.returncode == 1
    assert said.rstrip().endswith("beat does not stay up; giving up")
