"""A search that finds nothing proves nothing until it is seen to find."""

import json

import pytest
import redis
from django.conf import settings
from django.db import connection

from tests.canary import files_naming, redis_naming, tables_naming
from tests.cast import ALICE, BOB

NAME = "Zoë-canary-91b2"


@pytest.fixture
def broker():
    with redis.Redis.from_url(settings.REDIS_URL.replace("redis+socket://", "unix://")) as client:
        yield client
        client.delete("canary")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("text", f"said by {NAME}"),
        ("text", NAME.upper()),
        ("jsonb", json.dumps({"who": [NAME]})),
        ("text", json.dumps({"who": [NAME]})),
        ("text[]", [NAME]),
        ("bytea", b"\x00" + NAME.encode()),
        ("bytea", NAME.encode("utf-16-le")),
    ],
)
def test_a_person_is_found_in_any_table_in_any_guise(kind, kept):
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA elsewhere")
        cursor.execute(f"CREATE TABLE elsewhere.notes (id int, kept {kind})")
        cursor.execute("CREATE TABLE bystanders (kept text)")
        assert tables_naming(NAME) == set()

        cursor.execute("INSERT INTO elsewhere.notes VALUES (1, %s)", [kept])
        cursor.execute("INSERT INTO bystanders VALUES (%s)", [BOB])

    assert tables_naming(NAME) == {"elsewhere.notes"}


@pytest.mark.parametrize(
    "keep",
    [
        lambda client: client.set("canary", f"by {ALICE}"),
        lambda client: client.rpush("canary", "x", ALICE.upper()),
        lambda client: client.sadd("canary", ALICE),
        lambda client: client.zadd("canary", {ALICE: 1}),
        lambda client: client.hset("canary", "name", ALICE),
        lambda client: client.xadd("canary", {"name": ALICE}),
    ],
)
def test_a_person_is_found_in_redis_whatever_holds_them(broker, keep):
    assert redis_naming(ALICE) == set()

    keep(broker)

    assert redis_naming(ALICE) == {"canary"}
    assert redis_naming(BOB) == set()


def test_a_person_is_found_in_the_name_of_a_key(broker):
    broker.set(f"of:{ALICE}", 1)

    found = redis_naming(ALICE)
    broker.delete(f"of:{ALICE}")

    assert found == {f"of:{ALICE}"}


def test_a_person_is_found_in_the_raw_bytes_of_files(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\x00\xff" + ALICE.encode() + b"\x00")
    (tmp_path / "other").write_text(BOB)

    assert files_naming(tmp_path, ALICE) == {tmp_path / "deep" / "file"}
