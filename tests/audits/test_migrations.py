import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection

from audits import actions
from audits.models import Checkpoint, Leaf, OutboxEntry, Tile
from audits.permissions import Role
from tests.audits.append_only import TABLES
from tests.audits.builders import record_many
from tests.cast import MONDAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def sealed_trail():
    record_many(3)
    actions.seal(now=MONDAY)
    record_many(1)


@pytest.mark.parametrize("table", ["audits_leaf", "audits_checkpoint"])
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_a_sealed_row_is_neither_changed_nor_deleted(sealed_trail, table, change):
    column = "index" if table == "audits_leaf" else "size"

    with (
        pytest.raises(IntegrityError, match=f"append-only: {change[:6]} on {table} is refused"),
        connection.cursor() as cursor,
    ):
        cursor.execute(change.format(table, column, column))


@pytest.mark.parametrize("model", [Leaf, Checkpoint, Tile])
def test_the_orm_deletes_no_sealed_row(sealed_trail, model):
    assert model.objects.exists()

    with pytest.raises(IntegrityError, match="append-only"):
        model.objects.all().delete()


def test_a_waiting_fact_is_not_changed(sealed_trail):
    assert OutboxEntry.objects.exists()

    with pytest.raises(IntegrityError, match="append-only"):
        OutboxEntry.objects.update(entry=b"another story")


@pytest.mark.parametrize(
    "change", [{"hashes": bytes(96)}, {"hashes": b""}, {"index": 1}, {"level": 1}]
)
def test_a_tile_only_grows(sealed_trail, change):
    grown = bytes(Tile.objects.get().hashes) + bytes(32)
    assert Tile.objects.update(hashes=grown) == 1

    with pytest.raises(IntegrityError, match="a tile only grows"):
        Tile.objects.update(**change)


@pytest.mark.parametrize("table", TABLES)
def test_no_table_of_the_trail_is_truncated(table):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER lethe_no_truncate")

        with pytest.raises(IntegrityError, match=f"append-only: TRUNCATE on {table} is refused"):
            cursor.execute(f"TRUNCATE {table}")


def test_every_role_has_its_group():
    names = set(Group.objects.values_list("name", flat=True))

    assert names >= {role.value for role in Role}
