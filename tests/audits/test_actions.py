import threading
from itertools import count

import pytest
from django.db import OperationalError, connection, transaction

from audits import actions
from audits.actions import raise_alert, resolve_alert, seal
from audits.entries import read_entry
from audits.errors import AlertUnknown, TrailDamaged
from audits.merkle import hash_leaf, root_of
from audits.models import Alert, Checkpoint, Leaf, OutboxEntry, Tile
from audits.notes import TreeHead, read_checkpoint, sign_note
from audits.queries import newest_checkpoint, trail_signer
from tests.audits.builders import Counted, record, record_many
from tests.cast import MONDAY, OFFICER

ORIGIN = "lethe.example/trail/1"


def entries() -> list[bytes]:
    return [
        bytes(entry) for entry in Leaf.objects.order_by("index").values_list("entry", flat=True)
    ]


def run_sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_recorded_facts_become_leaves_under_a_signed_root():
    record_many(3)
    waiting = [bytes(row.entry) for row in OutboxEntry.objects.order_by("id")]

    sealed = seal(now=MONDAY)

    head = read_checkpoint(Checkpoint.objects.get().note, keys=[trail_signer().verifier_key])
    assert sealed == 3
    assert entries() == waiting
    assert head == TreeHead(origin=ORIGIN, size=3, root=root_of([hash_leaf(e) for e in waiting]))
    assert not OutboxEntry.objects.exists()


@pytest.mark.django_db
def test_a_leaf_keeps_its_hash_and_what_it_is_about():
    record(Counted(number=7), about="model/beta")

    seal(now=MONDAY)

    leaf = Leaf.objects.get()
    assert bytes(leaf.leaf_hash) == hash_leaf(bytes(leaf.entry))
    assert (leaf.index, leaf.about, leaf.event, leaf.recorded_at) == (
        0,
        "model/beta",
        "Counted",
        MONDAY,
    )


@pytest.mark.django_db
def test_sealing_nothing_signs_nothing():
    record_many(2)
    assert seal(now=MONDAY) == 2

    assert seal(now=MONDAY) == 0

    assert Checkpoint.objects.count() == 1


@pytest.mark.django_db
def test_a_long_queue_is_sealed_in_batches_without_a_gap(monkeypatch):
    monkeypatch.setattr(actions, "BATCH", 100)
    record_many(250)
    OutboxEntry.objects.filter(pk=OutboxEntry.objects.earliest("pk").pk + 7).delete()
    record_many(51, begin=250)

    assert seal(now=MONDAY) == 300

    assert list(Leaf.objects.order_by("index").values_list("index", flat=True)) == list(range(300))
    assert list(Checkpoint.objects.order_by("size").values_list("size", flat=True)) == [
        100,
        200,
        300,
    ]
    hashes = [hash_leaf(entry) for entry in entries()]
    for checkpoint in Checkpoint.objects.all():
        assert bytes(checkpoint.root) == root_of(hashes[: checkpoint.size])


@pytest.mark.django_db
def test_a_queue_of_exactly_one_batch_ends(monkeypatch):
    monkeypatch.setattr(actions, "BATCH", 2)
    record_many(4)

    assert seal(now=MONDAY) == 4


def damage_tile() -> None:
    run_sql("ALTER TABLE audits_tile DISABLE TRIGGER lethe_only_grows")
    run_sql("UPDATE audits_tile SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1)")


def damage_root() -> None:
    run_sql("ALTER TABLE audits_checkpoint DISABLE TRIGGER lethe_append_only")
    run_sql("UPDATE audits_checkpoint SET root = set_byte(root, 0, get_byte(root, 0) # 1)")


def damage_note() -> None:
    head = TreeHead(origin=ORIGIN, size=3, root=root_of([hash_leaf(b"another history")] * 3))
    note = sign_note(head.text, name=ORIGIN, seed=bytes(32))
    run_sql("ALTER TABLE audits_checkpoint DISABLE TRIGGER lethe_append_only")
    Checkpoint.objects.update(note=note, root=head.root)


def remove_tile() -> None:
    run_sql("ALTER TABLE audits_tile DISABLE TRIGGER lethe_append_only")
    Tile.objects.all().delete()


def add_leaf() -> None:
    Leaf.objects.create(
        index=3, recorded_at=MONDAY, about="a", event="e", entry=b"", leaf_hash=bytes(32)
    )


def remove_checkpoints() -> None:
    run_sql("ALTER TABLE audits_checkpoint DISABLE TRIGGER lethe_append_only")
    Checkpoint.objects.all().delete()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_tile, "tiles do not have the root"),
        (damage_root, "note and row differ"),
        (damage_note, "not signed by this trail's key"),
        (remove_tile, "missing or too narrow"),
        (add_leaf, "beyond the newest checkpoint"),
        (remove_checkpoints, "beyond the newest checkpoint"),
    ],
)
def test_nothing_is_signed_over_a_damaged_trail(damage, reason):
    record_many(3)
    seal(now=MONDAY)
    damage()
    record_many(1)
    before = list(Checkpoint.objects.values_list("size", flat=True))

    with pytest.raises(TrailDamaged, match=reason):
        seal(now=MONDAY)

    assert list(Checkpoint.objects.values_list("size", flat=True)) == before
    assert OutboxEntry.objects.count() == 1


def sealed_by_another_thread() -> int:
    sealed = []

    def work() -> None:
        sealed.append(seal(now=MONDAY))
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return sealed[0]


@pytest.mark.django_db(transaction=True)
def test_a_second_sealer_leaves_the_work_to_the_first():
    record_many(1)

    with transaction.atomic():
        run_sql(f"SELECT pg_advisory_xact_lock({actions.ONE_SEALER})")
        assert sealed_by_another_thread() == 0

    assert seal(now=MONDAY) == 1


@pytest.mark.django_db(transaction=True)
def test_facts_that_somebody_has_locked_wait_for_the_next_turn():
    record_many(1)

    with transaction.atomic():
        run_sql("SELECT id FROM audits_outboxentry FOR UPDATE")
        assert sealed_by_another_thread() == 0

    assert not Checkpoint.objects.exists()
    assert seal(now=MONDAY) == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_while_eight_writers_and_a_sealer_work_at_once():
    writers, each = 8, 60
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for turn in range(each):
                number = writer * each + turn
                try:
                    with transaction.atomic():
                        record(Counted(number=number), about=f"request/{writer}")
                        if turn % 10 == 9:
                            raise InterruptedError  # noqa: TRY301  # a transaction that leaves a gap
                except InterruptedError:
                    record(Counted(number=number), about=f"request/{writer}")
        except BaseException as failure:  # noqa: BLE001  # reported below, in the test's own thread
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    seals = 0
    while any(thread.is_alive() for thread in threads):
        seals += seal(now=MONDAY) > 0
    for thread in threads:
        thread.join()
    seal(now=MONDAY)

    assert failures == []
    assert seals > 1
    found = [read_entry(entry, index=None) for entry in entries()]
    assert {entry.facts["number"] for entry in found} == set(range(writers * each))
    assert len(found) == writers * each
    assert list(Leaf.objects.order_by("index").values_list("index", flat=True)) == list(
        range(writers * each)
    )
    for writer in range(writers):
        numbers = [e.facts["number"] for e in found if e.about == f"request/{writer}"]
        assert numbers == list(range(writer * each, (writer + 1) * each))
    newest = newest_checkpoint()
    assert newest
    assert newest.root == root_of([hash_leaf(entry) for entry in entries()])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["audits_leaf", "audits_tile", "audits_checkpoint"])
def test_a_sealer_killed_at_any_table_leaves_the_trail_as_it_was(table):
    record_many(2)
    seal(now=MONDAY)
    record_many(3, begin=2)
    run_sql(
        "CREATE OR REPLACE FUNCTION kill_me() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
    )
    run_sql(
        f"CREATE TRIGGER kill_me AFTER INSERT ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION kill_me()"
    )

    with pytest.raises(OperationalError):
        seal(now=MONDAY)

    connection.close()
    run_sql(f"DROP TRIGGER kill_me ON {table}")
    assert (Leaf.objects.count(), OutboxEntry.objects.count()) == (2, 3)
    assert Checkpoint.objects.latest("size").size == 2
    assert seal(now=MONDAY) == 3
    assert Checkpoint.objects.latest("size").size == 5


@pytest.mark.django_db
def test_an_alert_is_raised_and_recorded():
    alert = raise_alert(
        kind="no-version-serves", about="model/beta", detail={"n": 1}, actor=OFFICER, now=MONDAY
    )

    assert (alert.kind, alert.about, alert.detail, alert.raised_at) == (
        "no-version-serves",
        "model/beta",
        {"n": 1},
        MONDAY,
    )
    assert alert.resolved_at is None
    assert OutboxEntry.objects.get().event == "AlertRaised"


@pytest.mark.django_db
def test_an_open_alert_is_not_raised_twice():
    details = count()
    first, again = (
        raise_alert(kind="late", about="request/1", detail={"n": n}, actor=OFFICER, now=MONDAY)
        for n in (next(details), next(details))
    )
    other = raise_alert(kind="late", about="request/2", detail={}, actor=OFFICER, now=MONDAY)

    assert again == first
    assert again.detail == {"n": 0}
    assert other != first
    assert OutboxEntry.objects.filter(event="AlertRaised").count() == 2


@pytest.mark.django_db
def test_a_resolved_alert_may_come_up_again():
    first = raise_alert(kind="late", about="request/1", detail={}, actor=OFFICER, now=MONDAY)
    resolve_alert(alert_id=first.pk, resolution="worker restarted", actor=OFFICER, now=MONDAY)

    second = raise_alert(kind="late", about="request/1", detail={}, actor=OFFICER, now=MONDAY)

    assert second.pk != first.pk
    first.refresh_from_db()
    assert (first.resolution, first.resolved_by, first.resolved_at) == (
        "worker restarted",
        OFFICER,
        MONDAY,
    )


@pytest.mark.django_db
def test_resolving_is_recorded_without_the_words():
    alert = raise_alert(kind="late", about="request/1", detail={}, actor=OFFICER, now=MONDAY)

    resolve_alert(alert_id=alert.pk, resolution="talked to Alice", actor=OFFICER, now=MONDAY)

    recorded = OutboxEntry.objects.get(event="AlertResolved")
    assert recorded.about == "request/1"
    assert b"Alice" not in bytes(recorded.entry)


@pytest.mark.django_db
@pytest.mark.parametrize("alert_id", [-1, 2**70])
def test_an_unknown_or_closed_alert_cannot_be_resolved(alert_id):
    closed = raise_alert(kind="late", about="request/1", detail={}, actor=OFFICER, now=MONDAY)
    resolve_alert(alert_id=closed.pk, resolution="done", actor=OFFICER, now=MONDAY)

    for wrong in (alert_id, closed.pk):
        with pytest.raises(AlertUnknown):
            resolve_alert(alert_id=wrong, resolution="again", actor=OFFICER, now=MONDAY)

    assert Alert.objects.count() == 1
