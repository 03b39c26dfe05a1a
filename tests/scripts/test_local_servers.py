import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg2
import pytest

from config.environment import database
from scripts.local_servers import ROOT, Services, _runs, postgres_programs

LAUNCHER = [sys.executable, str(ROOT / "scripts" / "local_servers.py")]
SERVERS = {"postgres", "redis-server", "valkey-server"}


def clean_environment(**changes):
    dropped = {"DATABASE_URL", "REDIS_URL", "DATABASE_URL_FILE", "REDIS_URL_FILE"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, **changes}


def launch(*command, **changes):
    return subprocess.Popen(
        [*LAUNCHER, "--", *command],
        env=clean_environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def folder_named_by(launcher):
    """Read the line that `SAY_WHERE` prints."""
    return Path(launcher.stdout.readline().strip().removeprefix("redis+socket://")).parent


def processes_of(folder):
    """Return the servers whose command line names the folder."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        named = any(str(folder) in word for word in process.info["cmdline"] or [])
        if named and process.info["name"] in SERVERS:
            found.append(process)
    return found


def is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE  # dead, not yet collected by its parent
    except psutil.NoSuchProcess:
        return False


def wait_until(true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def ask(services, statement):
    settings = database(services.environment["DATABASE_URL"])
    connection = psycopg2.connect(
        host=settings["HOST"], user=settings["USER"], dbname=settings["NAME"]
    )
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


SAY_WHERE = ["sh", "-c", 'echo "$REDIS_URL"; exec sleep 60']


def test_the_exit_code_is_the_commands():
    launcher = launch("sh", "-c", "exit 7")

    launcher.communicate(timeout=60)

    assert launcher.returncode == 7


def test_a_url_that_is_set_already_is_respected():
    launcher = launch(
        "sh", "-c", 'echo "$DATABASE_URL $REDIS_URL"', DATABASE_URL="postgres://elsewhere/x"
    )

    out, _ = launcher.communicate(timeout=60)

    database_url, redis_url = out.split()
    assert database_url == "postgres://elsewhere/x"
    assert redis_url.startswith("redis+socket:///")


def test_the_servers_answer_and_nobody_else_can_reach_them():
    with Services() as services:
        answer = ask(services, "select 40 + 2")
        listening = [
            connection
            for pid in services.pids.values()
            for connection in psutil.Process(pid).net_connections("inet")
        ]
        mode = services.folder.stat().st_mode

    assert answer == [(42,)]
    assert listening == []
    assert mode & 0o077 == 0


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind_however_the_launcher_ends(ending):
    launcher = launch(*SAY_WHERE)
    folder = folder_named_by(launcher)
    started = psutil.Process(launcher.pid).children(recursive=True)
    assert len(processes_of(folder)) == 2  # control: the search can find

    launcher.send_signal(ending)
    launcher.communicate(timeout=30)

    wait_until(lambda: not folder.exists())
    assert processes_of(folder) == []
    wait_until(lambda: not any(is_alive(process) for process in started))


def test_a_signal_reaches_the_command_once_and_its_exit_code_comes_back():
    launcher = launch(
        "sh", "-c", 'trap "echo asked; exit 3" TERM; echo up; while :; do sleep 0.1; done'
    )
    launcher.stdout.readline()

    launcher.send_signal(signal.SIGTERM)
    out, _ = launcher.communicate(timeout=30)

    assert (launcher.returncode, out) == (3, "asked\n")


def test_a_durable_server_keeps_what_it_committed_when_it_is_killed():
    with Services(durable=True, redis=False) as services:
        ask(services, "create table kept as select 1 as one")
        before = services.pids["postgres"]

        services.kill_postgres()
        with pytest.raises(psycopg2.OperationalError):
            ask(services, "select 1")
        services.restart_postgres()

        assert services.pids["postgres"] != before
        assert ask(services, "select one from kept") == [(1,)]


def test_data_in_a_folder_of_ones_own_is_there_the_next_time(tmp_path):
    with Services(data=tmp_path / "data", redis=False) as services:
        ask(services, "create table kept as select 1 as one")

    with Services(data=tmp_path / "data", redis=False) as services:
        assert ask(services, "select one from kept") == [(1,)]


def test_a_missing_server_is_one_clear_line(tmp_path):
    launcher = launch("true", PG_BINDIR=str(tmp_path))

    _, err = launcher.communicate(timeout=30)

    assert launcher.returncode == 1
    assert err == f"no PostgreSQL in {tmp_path}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_without_user_namespaces_runs_postgresql_as_nobody():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_USER_NAMESPACES", "1")
        with Services(redis=False) as services:
            owner = psutil.Process(services.pids["postgres"]).uids().real
            answer = ask(services, "select 1")

    assert owner != 0
    assert answer == [(1,)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("uid", [1, 54321])
def test_an_ordinary_user_and_one_whom_the_machine_does_not_know_can_start_them(uid):
    somebody = {"user": uid, "group": uid, "extra_groups": []}
    programs = postgres_programs()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PG_BINDIR": str(programs),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name in ("local_servers.py", "watchdog.py"):
            shutil.copy(ROOT / "scripts" / name, folder)
        Path(folder).chmod(0o755)
        if not _runs([str(programs / "postgres"), "--version"], **somebody):
            pytest.skip("the programs stand where only root can read them")

        ended = subprocess.run(
            ["/usr/bin/python3", f"{folder}/local_servers.py", "--", "sh", "-c", "exit 7"],
            check=False,
            cwd="/",
            env=environment,
            capture_output=True,
            text=True,
            **somebody,
        )

    assert ended.returncode == 7, ended.stderr
