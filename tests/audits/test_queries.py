import pytest

from audits import queries
from audits.actions import raise_alert, seal
from audits.errors import FactUnknown, NotSealedYet
from audits.merkle import verify_consistency
from audits.models import Checkpoint
from audits.proofs import check_proof
from tests.audits.builders import Counted, record, record_many
from tests.cast import MONDAY, OFFICER

pytestmark = pytest.mark.django_db


def test_a_timeline_shows_sealed_and_waiting_facts_in_order():
    record_many(2)
    record(Counted(number=9), about="request/2")
    seal(now=MONDAY)
    record(Counted(number=2))

    shown = queries.timeline("request/1")

    assert [(entry.index, entry.facts["number"]) for entry in shown] == [(0, 0), (1, 1), (None, 2)]
    assert {(entry.actor, entry.event, entry.at, entry.about) for entry in shown} == {
        (OFFICER, "Counted", MONDAY, "request/1")
    }


def test_only_sealed_facts_are_projected():
    record_many(3)
    seal(now=MONDAY)
    record(Counted(number=3))
    raise_alert(kind="late", about="request/1", detail={}, actor=OFFICER, now=MONDAY)

    everything = [entry.facts["number"] for entry in queries.entries_of({"Counted"})]

    assert everything == [0, 1, 2]
    assert [entry.index for entry in queries.entries_of({"Counted"}, size=2)] == [0, 1]
    assert list(queries.entries_of({"AlertRaised"})) == []
    assert queries.facts_beyond({"Counted"}, size=3) == 1
    assert queries.facts_beyond({"Counted"}, size=1) == 3
    assert queries.unsealed_since() == MONDAY


def test_a_sealed_fact_is_proven_under_the_newest_checkpoint():
    record(Counted(number=1), about="request/1")
    record_many(300, about="request/2")
    seal(now=MONDAY)
    record_many(5, about="request/3")
    seal(now=MONDAY)

    proof = queries.proof_of(about="request/1", event="Counted")

    head = check_proof(proof, keys=[queries.trail_signer().verifier_key])
    assert (proof.index, head.size) == (0, 306)


def test_every_checkpoint_is_the_beginning_of_the_newest():
    for step in (1, 255, 1, 300):
        record_many(step)
        seal(now=MONDAY)
    newest = queries.newest_checkpoint()
    assert newest

    for old in Checkpoint.objects.all():
        assert verify_consistency(
            old_size=old.size,
            old_root=bytes(old.root),
            size=newest.size,
            root=newest.root,
            proof=queries.consistency_with(old_size=old.size, size=newest.size),
        )


def test_a_waiting_fact_and_an_unknown_one_are_told_apart():
    record(Counted(number=1))

    with pytest.raises(NotSealedYet):
        queries.proof_of(about="request/1", event="Counted")
    with pytest.raises(FactUnknown):
        queries.proof_of(about="request/2", event="Counted")


def test_an_empty_trail_has_no_checkpoint():
    assert queries.newest_checkpoint() is None
    assert queries.unsealed_since() is None
    assert queries.read_tile(0, 0) == b""


def test_entries_are_handed_out_as_they_were_hashed():
    record_many(3)
    seal(now=MONDAY)

    second, third = queries.entry_bytes(begin=1, end=3)

    assert b'"number":1' in second
    assert b'"number":2' in third


def test_open_alerts_are_listed_oldest_first():
    for about in ("request/1", "request/2"):
        raise_alert(kind="late", about=about, detail={"n": 1}, actor=OFFICER, now=MONDAY)

    shown = queries.open_alerts()

    assert [(alert.about, alert.kind, alert.detail) for alert in shown] == [
        ("request/1", "late", {"n": 1}),
        ("request/2", "late", {"n": 1}),
    ]
