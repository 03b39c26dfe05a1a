"""The newest checkpoint outside the database, and what the sealer does when it disagrees."""

import pytest

from audits import queries
from audits.actions import recover_trail, seal, tell_witness
from audits.errors import NothingToRecover, TrailRestored, WitnessUnreadable
from audits.models import Alert, Checkpoint, Leaf, OutboxEntry
from audits.notes import TreeHead, sign_note
from audits.queries import require_witnessed_trail, trail_signer
from audits.tasks import seal as seal_task
from audits.witness import FILE, publish, read_witness
from tests.audits.builders import record_many
from tests.cast import MONDAY, OFFICER

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path, settings):
    settings.WITNESS_DIR = tmp_path
    return tmp_path


def witnessed() -> TreeHead:
    head = queries.witnessed_head()
    assert head is not None
    return head


def note_of(head: TreeHead) -> str:
    return sign_note(head.text, name=head.origin, seed=trail_signer().seed)


def test_each_seal_shows_the_witness_the_newest_checkpoint(folder):
    for size in (2, 5):
        record_many(size - Leaf.objects.count())
        seal(now=MONDAY)
        assert (folder / FILE).read_text() == Checkpoint.objects.get(size=size).note

    assert [path.name for path in folder.iterdir()] == [FILE]
    require_witnessed_trail()


def test_a_seal_that_was_killed_before_it_told_the_witness_is_told_by_the_next(folder):
    record_many(2)
    seal(now=MONDAY)
    seen = (folder / FILE).read_text()
    record_many(1)
    seal(now=MONDAY)
    newest = (folder / FILE).read_text()
    (folder / FILE).write_text(seen)

    seal(now=MONDAY)

    assert (folder / FILE).read_text() == newest != seen


def test_a_trail_shorter_than_what_was_witnessed_is_not_sealed(folder):
    record_many(3)
    seal(now=MONDAY)
    head = witnessed()
    publish(folder, note_of(TreeHead(origin=head.origin, size=4, root=head.root)))
    record_many(1)
    seen = (folder / FILE).read_text()

    with pytest.raises(TrailRestored, match="seen 4 facts, the database has 3"):
        seal_task()

    assert (Leaf.objects.count(), OutboxEntry.objects.exclude(event="AlertRaised").count()) == (
        3,
        1,
    )
    assert (folder / FILE).read_text() == seen
    alert = Alert.objects.get()
    assert (alert.kind, alert.about) == ("trail-restored", "trail")


def test_a_trail_that_went_another_way_since_is_not_sealed(folder):
    record_many(3)
    seal(now=MONDAY)
    head = witnessed()
    publish(folder, note_of(TreeHead(origin=head.origin, size=2, root=head.root)))
    record_many(1)

    with pytest.raises(TrailRestored, match="some are not those witnessed"):
        seal(now=MONDAY)

    assert Leaf.objects.count() == 3


def test_a_trail_under_another_name_is_not_sealed(folder, settings):
    record_many(1)
    seal(now=MONDAY)
    settings.TRAIL_ORIGIN = "lethe.example/trail/9"
    record_many(1)

    with pytest.raises(TrailRestored, match=r"this is lethe\.example/trail/9"):
        seal(now=MONDAY)

    assert Leaf.objects.count() == 1


@pytest.mark.parametrize("content", ["", "not a note", "\udcff", "a\n1\nb\n\n— a b\n"])
def test_a_witness_that_cannot_be_read_stops_the_sealer_rather_than_being_replaced(folder, content):
    record_many(1)
    (folder / FILE).write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(WitnessUnreadable):
        seal(now=MONDAY)

    assert (folder / FILE).read_bytes() == content.encode(errors="surrogateescape")
    assert not Leaf.objects.exists()


def test_a_folder_that_is_not_there_is_no_empty_witness(folder, settings):
    settings.WITNESS_DIR = folder / "not-mounted"
    record_many(1)

    with pytest.raises(WitnessUnreadable, match="mounted"):
        seal_task()

    assert not settings.WITNESS_DIR.exists()
    assert Alert.objects.get().kind == "witness-unreadable"


def test_a_note_by_another_key_is_not_believed(folder):
    record_many(1)
    seal(now=MONDAY)
    head = witnessed()
    publish(folder, sign_note(head.text, name=head.origin, seed=bytes(32)))

    with pytest.raises(WitnessUnreadable, match="not signed by a known key"):
        read_witness(folder, public_key=trail_signer().public_key)


def test_the_witness_is_only_told_what_cites_what_it_has_seen(folder):
    record_many(1)
    seal(now=MONDAY)
    head = witnessed()
    publish(folder, note_of(TreeHead(origin=head.origin, size=7, root=head.root)))

    with pytest.raises(TrailRestored, match="does not cite"):
        tell_witness()


def test_without_a_witness_everything_is_sealed_and_nothing_can_be_recovered(settings):
    settings.WITNESS_DIR = None
    record_many(1)

    assert seal(now=MONDAY) == 1
    with pytest.raises(NothingToRecover):
        recover_trail(recovered_by="a", approved_by="b", export=None, actor=OFFICER, now=MONDAY)
