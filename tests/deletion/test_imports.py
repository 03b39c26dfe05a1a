import json
from hashlib import sha256
from itertools import chain

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from audits.models import OutboxEntry
from config.traces import tables_naming
from deletion.actions import bulk, cancel
from deletion.actions.bulk import Upload, check_requests, import_requests, start_import
from deletion.answers import Acceptable, Ended, Refused, Taken, as_json
from deletion.bulk import Form, lines_in
from deletion.keys import commitment
from deletion.models import DeletionRequest, Import, RequestIdentifier
from deletion.queries.merging import answered_by
from lineage.identifiers import Digest, IdentifierKind
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import INTAKE, events, make_request, raw
from tests.lineage.builders import PATIENT_ID, make_namespace, pseudonym

pytestmark = pytest.mark.django_db

UPLOAD = Upload(caller=INTAKE, key="monday")


@pytest.fixture(autouse=True)
def patients():
    make_namespace(PATIENT_ID)


def line(value=ALICE, **changes):
    return {
        "regime": "gdpr",
        "verification": "account-login",
        "identifiers": [{"namespace": PATIENT_ID, "value": value}],
        **changes,
    }


def hashed(value):
    return [{"namespace": PATIENT_ID, "sha256": sha256(value.encode()).hexdigest()}]


def blocks(*lines):
    return [json.dumps(each).encode() + b"\n" for each in lines]


def send(*lines, upload=UPLOAD, more=()):
    """Send lines of JSON, and blocks of bytes behind them; return the answers."""
    return list(chain.from_iterable(sending([*blocks(*lines), *more], upload=upload)))


def sending(read, *, upload=UPLOAD):
    begun = start_import(upload=upload, source="http", actor=INTAKE, now=MONDAY)
    return import_requests(
        import_id=begun,
        lines=lines_in(read, form=Form.NDJSON),
        upload=upload,
        actor=INTAKE,
        clock=lambda: MONDAY,
    )


def check(*lines):
    answers = check_requests(
        lines=lines_in(blocks(*lines), form=Form.NDJSON), upload=UPLOAD, clock=lambda: MONDAY
    )
    return list(chain.from_iterable(answers))


def results(answers):
    return [json.loads(as_json(answer))["result"] for answer in answers]


def titles(answers):
    return {
        answer.line: type(answer.refusal).__name__
        for answer in answers
        if isinstance(answer, Refused)
    }


def test_a_line_opens_what_a_single_request_would():
    single = make_request(raw(BOB), key="single", verification="account-login")
    (taken, ended) = send(line(ALICE))

    opened = DeletionRequest.objects.get(pk=taken.request_id)
    same = ("regime", "state", "received_at", "acknowledge_by", "erase_by", "models_by")
    for name in (*same, "caller", "verification"):
        assert getattr(opened, name) == getattr(single.request, name), name
    assert opened.identifiers.get().pseudonym == pseudonym(ALICE)
    assert events(f"request/{opened.pk}") == ["DeletionRequested"]
    assert ended == Ended(import_id=ended.import_id, count=ended.count)


def test_the_answer_gives_the_key_that_opens_the_commitment_in_the_trail():
    (taken, _) = send(line(ALICE))

    entry = bytes(OutboxEntry.objects.get(event="DeletionRequested").entry).decode()
    digest = Digest(sha256(ALICE.encode()).digest())
    assert commitment(taken.commitment_key, PATIENT_ID, digest) in entry
    assert taken.commitment_key.hex() in as_json(taken).decode()
    assert taken.commitment_key.hex() not in repr(taken)


def test_no_table_and_no_answer_holds_what_the_lines_said():
    answers = send(line(ALICE, key=f"delete-{ALICE}"), line(BOB, regime=ALICE), line("   "))

    assert RequestIdentifier.objects.filter(pseudonym=pseudonym(ALICE)).exists()  # presence
    assert tables_naming(ALICE) == set()
    assert not any(ALICE in as_json(answer).decode() for answer in answers)


def test_the_same_upload_again_opens_nothing_and_answers_the_same_requests():
    first = send(line(ALICE), line(BOB, identifiers=hashed(BOB)))
    again = send(line(ALICE), line(BOB, identifiers=hashed(BOB)))

    assert results(first) == ["accepted", "accepted", "finished"]
    assert results(again) == ["known", "known", "finished"]
    for before, after in zip(first[:2], again[:2], strict=True):
        assert (before.request_id, before.commitment_key, before.erase_by) == (
            after.request_id,
            after.commitment_key,
            after.erase_by,
        )
    assert DeletionRequest.objects.count() == 2
    assert events().count("DeletionRequested") == 2


def test_a_single_request_with_the_documented_key_is_the_same_demand():
    (taken, _) = send(line(ALICE))

    single = make_request(raw(ALICE), key="monday#1", verification="account-login")

    assert single.request.pk == taken.request_id


def test_a_line_with_a_key_of_its_own_is_known_wherever_it_stands():
    first = send(line(ALICE, key="a"), line(BOB, key="b"))
    turned = send(line(BOB, key="b"), line(ALICE, key="a"), upload=Upload(caller=INTAKE, key="x"))

    assert results(turned) == ["known", "known", "finished"]
    assert [turned[1].request_id, turned[0].request_id] == [one.request_id for one in first[:2]]


def test_a_changed_line_under_the_same_key_is_refused_and_opens_nothing():
    send(line(ALICE))

    answers = send(line(BOB))

    assert titles(answers) == {1: "IdempotencyKeyReused"}
    assert DeletionRequest.objects.count() == 1


def test_a_person_twice_in_one_upload_is_merged_the_second_time():
    answers = send(line(ALICE), line(f" {ALICE.upper()} "), line(BOB), line(ALICE, key="k"))

    assert results(answers) == ["accepted"] * 4 + ["finished"]
    merged = DeletionRequest.objects.filter(state="merged")
    assert set(merged.values_list("pk", "behind")) == {
        (answers[1].request_id, answers[0].request_id),
        (answers[3].request_id, answers[0].request_id),
    }
    assert events().count("RequestMerged") == 2


def test_a_key_twice_in_one_chunk_is_known_for_the_same_demand_and_refused_for_another():
    answers = send(line(ALICE, key="k"), line(ALICE, key="k"), line(BOB, key="k"))

    assert results(answers) == ["accepted", "known", "refused", "finished"]
    assert answers[0].request_id == answers[1].request_id
    assert titles(answers) == {3: "IdempotencyKeyReused"}


def test_a_person_who_asked_already_is_merged_as_for_a_single_request():
    earlier = make_request(raw(ALICE), key="earlier")

    answers = send(line(BOB), line(ALICE))

    assert results(answers) == ["accepted", "accepted", "finished"]
    merged = DeletionRequest.objects.get(state="merged")
    assert (merged.pk, answered_by(merged)) == (answers[1].request_id, earlier.request.pk)


def test_lines_go_before_one_that_nobody_has_confirmed_the_first_of_them_leads(settings):
    settings.EMAIL_HOST = "mail.example.org"
    make_namespace("email", kind=IdentifierKind.EMAIL)
    addresses = ["alice@example.org", "alice@example.com"]
    people = [{"namespace": "email", "value": address} for address in addresses]
    unverified = make_request(
        *(raw(address, "email") for address in addresses[:1]), key="k", verification="email-code"
    )

    answers = send(line(BOB), line(identifiers=people), line(identifiers=people[:1]))

    assert results(answers) == ["accepted", "accepted", "accepted", "finished"]
    leader, merged = answers[1].request_id, answers[2].request_id
    rows = DeletionRequest.objects.in_bulk([leader, merged, unverified.request.pk])
    assert (rows[leader].state, rows[leader].behind_id) == ("received", None)
    assert (rows[merged].state, rows[merged].behind_id) == ("merged", leader)
    waits = rows[unverified.request.pk]
    assert (waits.state, waits.behind_id) == ("unverified", leader)


def test_every_reason_that_refuses_a_single_request_refuses_a_line():
    closed = make_request(raw("carol"), key="closed")
    cancel(request_id=closed.request.pk, actor=OFFICER, now=MONDAY)
    strange = [{"namespace": "fax", "value": ALICE}]

    answers = send(
        line(regime="hammurabi"),
        line(identifiers=strange),
        line("   "),
        line("carol", key="closed"),
        line(verification="By Phone"),
        line(BOB),
    )

    assert titles(answers) == {
        1: "RegimeUnknown",
        2: "NamespaceUnknown",
        3: "IdentifierMalformed",
        4: "IdempotencyKeyReused",
        5: "LineMalformed",
    }
    assert RequestIdentifier.objects.get().pseudonym == pseudonym(BOB)


def test_what_was_read_before_a_stream_broke_stays_taken():
    answers = send(line(ALICE), more=[b"\xff\n", *blocks(line(BOB))])

    assert results(answers) == ["accepted", "broken-off"]
    assert json.loads(as_json(answers[-1]))["problem"] == {
        "type": "/problems/UploadUnreadable",
        "title": "Upload unreadable",
        "detail": "line 2: not UTF-8",
    }
    assert RequestIdentifier.objects.get().pseudonym == pseudonym(ALICE)
    row = Import.objects.get()
    assert (row.accepted, row.ended_at, row.broken_because) == (1, MONDAY, "line 2: not UTF-8")


def test_the_row_of_an_import_and_the_trail_say_the_same(monkeypatch):
    monkeypatch.setattr(bulk, "chunks_of", lambda lines: ([one] for one in lines))

    send(line(ALICE), line(ALICE, regime="x", key="x"), line("carol"))

    row = Import.objects.get()
    assert (row.accepted, row.known, row.refused) == (2, 0, 1)
    assert (row.source, row.started_by, row.ended_at) == ("http", INTAKE, MONDAY)
    assert events(f"import/{row.pk}") == [
        "ImportStarted",
        "LinesTaken",
        "LinesTaken",
        "LinesTaken",
        "ImportEnded",
    ]
    last = OutboxEntry.objects.get(event="ImportEnded")
    assert json.loads(bytes(last.entry))["facts"] == {
        "import_id": str(row.pk),
        "accepted": 2,
        "known": 0,
        "refused": 1,
        "broken_because": "",
    }


def test_whoever_stops_reading_the_answers_leaves_an_end_behind():
    answers = sending(blocks(line(ALICE)))
    (taken,) = next(answers)
    assert isinstance(taken, Taken)

    answers.close()

    assert Import.objects.get().broken_because == "the caller went away before the end"
    assert DeletionRequest.objects.count() == 1


def test_a_mistake_of_ours_is_not_taken_for_somebody_who_was_faster(monkeypatch):
    opened = make_request(raw(ALICE), key="k1")
    monkeypatch.setattr("deletion.actions.requests.uuid4", lambda: opened.request.pk)

    with pytest.raises(IntegrityError, match="deletion_deletionrequest_pkey"), transaction.atomic():
        send(line(BOB))


def test_a_chunk_costs_the_same_statements_whatever_its_size():
    with CaptureQueriesContext(connection) as few:
        send(line("p-1"), upload=Upload(caller=INTAKE, key="few"))
    with CaptureQueriesContext(connection) as many:
        send(*[line(f"q-{n}") for n in range(300)], upload=Upload(caller=INTAKE, key="many"))

    assert len(many) == len(few)


def test_a_check_answers_each_line_and_opens_nothing():
    make_request(raw("carol"), key="earlier")
    before = (DeletionRequest.objects.count(), OutboxEntry.objects.count())

    answers = check(line(ALICE), line("carol"), line(ALICE, key="k"), line(BOB, regime="x"))

    assert answers[0] == Acceptable(line=1)
    assert titles(answers) == {
        4: "RegimeUnknown",
    }
    assert (DeletionRequest.objects.count(), OutboxEntry.objects.count()) == before
    assert not Import.objects.exists()
