from hashlib import sha256

import pytest
from django.conf import settings

from audits.models import Alert
from config.traces import tables_naming
from deletion import actions
from deletion.errors import MoveNotAllowed, NotComplete
from deletion.keys import commitment
from deletion.models import (
    Certificate,
    DeletionRequest,
    Found,
    Obligation,
    RequestIdentifier,
    Run,
    Share,
)
from deletion.queries.requests import certificate_of, request_numbered
from deletion.states import ENDED_WELL, Outcome
from lineage.identifiers import Digest
from lineage.models import Membership, Subject, Suppression
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import (
    events,
    make_request,
    plan_and_approve,
    raw,
    state,
    statement_of,
)
from tests.lineage.builders import (
    PATIENT_ID,
    make_dataset,
    make_namespace,
    pseudonym,
    suppression_tag,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(tmp_path):
    """ALICE's request with one open target; lineage says that she has left the training set."""
    make_dataset(tmp_path)
    opened = make_request(raw(ALICE))
    plan_and_approve(opened)
    Membership.objects.filter(subject__pseudonyms=pseudonym(ALICE)).update(to_seq=1)
    return opened


def end(outcome=Outcome.ERASED) -> None:
    Share.objects.update(outcome=outcome, decided_at=MONDAY)


def complete(opened):
    return actions.complete_request(request_id=opened.request.pk, actor=OFFICER, now=MONDAY)


@pytest.mark.parametrize("outcome", ["", *sorted(set(Outcome) - ENDED_WELL)])
def test_nothing_is_complete_while_a_target_is_open(alice, outcome):
    end(outcome)

    with pytest.raises(NotComplete):
        complete(alice)

    assert state(alice) == "in progress"
    assert tables_naming(str(pseudonym(ALICE))) == {
        "deletion_requestidentifier",
        "lineage_pseudonym",
    }
    with pytest.raises(NotComplete):
        certificate_of(request_numbered(alice.request.pk))


@pytest.mark.parametrize("outcome", sorted(ENDED_WELL))
def test_a_request_is_complete_when_every_target_has_ended_well(alice, outcome):
    end(outcome)

    certificate = complete(alice)

    assert state(alice) == "complete"
    assert events(f"request/{alice.request.pk}")[-1] == "RequestCompleted"
    assert certificate == certificate_of(request_numbered(alice.request.pk))


def test_a_request_without_any_target_is_never_complete():
    make_namespace(PATIENT_ID)
    opened = make_request()
    DeletionRequest.objects.update(state="in progress")

    with pytest.raises(NotComplete):
        complete(opened)


def test_a_request_completes_once(alice):
    end()
    complete(alice)

    with pytest.raises(MoveNotAllowed):
        complete(alice)
    assert Certificate.objects.count() == 1
    assert events().count("RequestCompleted") == 1


def test_with_the_certificate_everything_that_names_the_person_is_gone_but_the_bystander_stays(
    alice,
):
    end()
    bobs = Membership.objects.filter(subject__pseudonyms=pseudonym(BOB)).values()
    before = list(bobs)

    complete(alice)

    request = DeletionRequest.objects.get()
    assert (request.wrapped_key, request.body_tag) == (None, "")
    assert not RequestIdentifier.objects.exists()
    assert not Found.objects.exists()
    for said in (ALICE, sha256(ALICE.encode()).hexdigest(), str(pseudonym(ALICE))):
        assert tables_naming(said) == set()
    assert list(Suppression.objects.values_list("tag", flat=True)) == [suppression_tag(ALICE)]
    assert list(bobs) == before
    assert tables_naming(str(pseudonym(BOB))) == {"lineage_pseudonym"}


def test_the_certificate_is_signed_and_the_receipt_opens_it(alice):
    end()

    certificate = complete(alice)

    statement = statement_of(certificate)
    predicate = statement["predicate"]
    mine = commitment(
        alice.receipt.commitment_key, PATIENT_ID, Digest(sha256(ALICE.encode()).digest())
    )
    assert predicate["commitments"] == [mine]
    assert predicate["outcomes"] == {"erased": 1}
    assert predicate["data"]["in_time"] is True
    assert predicate["namespaces"] == [PATIENT_ID]
    assert [one["target"] for one in predicate["targets"]] == ["store/patients"]


def test_somebody_who_is_still_in_a_training_set_is_planned_once_more(alice):
    end()
    Membership.objects.filter(subject__pseudonyms=pseudonym(ALICE)).update(to_seq=None)

    assert complete(alice) is None

    assert state(alice) == "received"
    assert not Certificate.objects.exists()
    assert DeletionRequest.objects.get().wrapped_key is not None
    assert set(events(f"request/{alice.request.pk}")) >= {"RequestReopened", "AlertRaised"}
    assert Alert.objects.get().detail == {"still_in": ["dataset/patients"]}
    with pytest.raises(MoveNotAllowed):
        actions.cancel(request_id=alice.request.pk, actor=OFFICER, now=MONDAY)


def test_a_subject_whom_another_open_request_names_as_well_is_not_cut_yet(alice):
    make_namespace("card")
    other = make_request(raw("card-canary-1", "card"), key="k2")
    mark = pseudonym("card-canary-1", "card")
    subject = Subject.objects.get(pseudonyms=pseudonym(ALICE))
    subject.pseudonyms.create(value=mark, namespace_id="card")
    end()

    complete(alice)

    assert Subject.objects.filter(pk=subject.pk).exists()
    assert tables_naming(str(mark)) == {"deletion_requestidentifier", "lineage_pseudonym"}
    assert state(other) == "received"


def test_the_database_keeps_no_key_of_a_closed_request(alice):
    end()
    complete(alice)

    with pytest.raises(Exception, match="a_closed_request_has_no_key"):
        DeletionRequest.objects.update(wrapped_key=b"1")


def test_a_certificate_shows_every_target_of_every_plan(alice):
    end()
    first = Obligation.objects.get()
    run = Run.objects.create(
        kind="erase", store=first.store, state="succeeded", because="x", started_at=MONDAY
    )
    run.evidence = {"rows_erased": 3, "digest": "d"}
    run.save()
    Share.objects.update(run=run)

    certificate = complete(alice)

    statement = statement_of(certificate)
    (target,) = statement["predicate"]["targets"]
    assert target["evidence"] == {"rows_erased": 3, "digest": "d"}
    assert len(target["evidence_digest"]) == 64
    assert settings.TRAIL_SIGNING_KEY.hex() not in str(certificate.envelope)
