import os
import re
import signal
import subprocess
import sys

import pytest
from django.core.checks import run_checks
from django.db import connection

from config.keys import KEYS
from config.settings import BASE_DIR
from tests.config.production import production_environment


def manage(*words, environment, said=""):
    return subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), *words],
        check=False,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        input=said,
        text=True,
        timeout=120,
    )


def test_the_documented_production_settings_pass_djangos_deployment_checks():
    checked = manage("check", "--deploy", environment=production_environment())

    assert checked.stdout == "System check identified no issues (0 silenced).\n", checked.stderr


def test_the_deployment_checks_can_fail():
    checked = manage("check", "--deploy", environment={**production_environment(), "HTTPS": "no"})

    assert "security.W008" in checked.stderr


def test_mistakes_in_settings_are_a_line_each_without_values():
    environment = {**production_environment(), "SHARD_KEY": "canary", "ATTEMPTS": "canary"}
    del environment["REDIS_URL"]

    checked = manage("check", environment=environment)

    assert checked.returncode == 1
    assert checked.stdout == ""
    assert re.findall(r"^  ([A-Z_]+): .", checked.stderr, flags=re.MULTILINE) == [
        "ATTEMPTS",
        "REDIS_URL",
        "SHARD_KEY",
    ]
    assert ".env.example" in checked.stderr
    assert "canary" not in checked.stderr


def test_a_lease_lasts_while_coalescing_may_not():
    environment = {**production_environment(), "LEASE_SECONDS": "0", "COALESCE_SECONDS": "0"}

    checked = manage("check", environment=environment)

    assert checked.returncode == 1
    assert re.findall(r"^  ([A-Z_]+): ", checked.stderr, flags=re.MULTILINE) == ["LEASE_SECONDS"]


def test_two_equal_keys_are_refused():
    environment = production_environment()
    environment["SHARD_KEY"] = environment["PSEUDONYM_KEY"]

    checked = manage("check", environment=environment)

    assert checked.returncode == 1
    assert "two of the keys are the same" in checked.stderr


def test_nothing_secret_has_a_default():
    secret = {*KEYS, "SECRET_KEY", "DATABASE_URL", "REDIS_URL"}
    others = {name: said for name, said in production_environment().items() if name not in secret}

    checked = manage("check", environment=others)

    assert checked.returncode == 1
    assert set(re.findall(r"^  ([A-Z_]+): ", checked.stderr, flags=re.MULTILINE)) == secret


def test_a_reader_who_has_seen_enough_gets_no_traceback():
    read_end, write_end = os.pipe()
    os.close(read_end)

    ended = subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), "help"],
        check=False,
        env={"PATH": os.environ["PATH"], **production_environment()},
        stdout=write_end,
        stderr=subprocess.PIPE,
        timeout=120,
    )
    os.close(write_end)

    assert (ended.returncode, ended.stderr) == (128 + signal.SIGPIPE, b"")


def test_a_database_that_is_away_is_one_line():
    away = {
        **production_environment(),
        "DATABASE_URL": "postgres://lethe:canary@/lethe?host=/absent",
    }

    asked = manage("migrate", environment=away)

    assert asked.returncode == 1
    assert asked.stderr.startswith("database: ")
    assert asked.stderr.count("\n") == 1
    assert "canary" not in asked.stderr


@pytest.fixture
def empty_database():
    """Return the address of a database in which nobody has migrated anything."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE nothing_yet")
    yield os.environ["DATABASE_URL"].removesuffix("/postgres") + "/nothing_yet"
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE nothing_yet WITH (FORCE)")


@pytest.mark.django_db(transaction=True)
def test_a_database_without_our_tables_is_one_line(empty_database):
    ready = {**production_environment(), "DATABASE_URL": empty_database}

    asked = manage("export_report", "--format", "json", "--out", "-", environment=ready)

    assert asked.returncode == 1
    assert asked.stderr == (
        "database: its tables are not this version's; run `python manage.py migrate`\n"
    )


def test_a_broker_that_is_away_is_one_line():
    away = {
        **production_environment(),
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": "redis://:canary@127.0.0.1:1/0",
    }

    asked = manage("find_traces", environment=away, said="nobody at all\n")

    assert asked.returncode == 1
    assert asked.stderr.startswith("broker: ")
    assert asked.stderr.count("\n") == 1
    assert "canary" not in asked.stderr


@pytest.mark.parametrize("pool", ["erasures", "gpu", "training/", "training/a/b"])
def test_slots_for_what_is_no_pool_are_told(pool):
    environment = {**production_environment(), "POOL_SLOTS_OF": f"erasure=4,{pool}=2"}

    checked = manage("check", environment=environment)

    assert checked.returncode == 1
    assert f"(lethe.E001) POOL_SLOTS_OF names {pool}, which is no pool" in checked.stderr
    assert checked.stderr.count("lethe.E001") == 1


@pytest.mark.django_db
def test_slots_for_a_pool_of_no_model_are_told_once_the_database_is_asked(settings):
    settings.POOL_SLOTS_OF = {"erasure": 4, "training/default": 2, "training/gpu": 2}

    told = run_checks(databases=["default"])

    assert [(one.id, one.hint) for one in told if one.id == "lethe.E001"] == [
        ("lethe.E001", "Pools are: erasure, training/default.")
    ]
