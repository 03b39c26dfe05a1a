from datetime import timedelta
from hashlib import sha256

import pytest
from django.conf import settings
from django.db import IntegrityError

from audits.models import OutboxEntry
from config.traces import tables_naming
from deletion import actions
from deletion.actions import requests
from deletion.errors import (
    HoldGroundUnknown,
    HoldUnknown,
    IdempotencyKeyReused,
    MoveNotAllowed,
    RegimeUnknown,
    RequestUnknown,
    TwoPeopleNeeded,
)
from deletion.intake import HashedIdentifier
from deletion.keys import commitment, unwrap
from deletion.models import DeletionRequest, Hold, RequestIdentifier, Share
from deletion.queries.merging import answered_by
from lineage.errors import IdentifierMalformed, NamespaceUnknown
from lineage.identifiers import Digest
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import DORA, events, make_request, plan_and_approve, raw, state
from tests.lineage.builders import PATIENT_ID, make_dataset, make_namespace, pseudonym

pytestmark = pytest.mark.django_db

CLAIMS = "GDPR Art. 17(3)(e)"


@pytest.fixture(autouse=True)
def patients():
    make_namespace(PATIENT_ID)


def hold(opened, *, article=CLAIMS, reason="a lawsuit", actor=OFFICER):
    return actions.place_hold(
        request_id=opened.request.pk, article=article, reason=reason, actor=actor, now=MONDAY
    )


def release(opened, *, actor=DORA):
    return actions.release_hold(request_id=opened.request.pk, actor=actor, now=MONDAY)


def cancel(opened, *, actor=OFFICER):
    return actions.cancel(request_id=opened.request.pk, actor=actor, now=MONDAY)


def test_a_request_starts_its_clocks_at_receipt_and_is_recorded():
    opened = make_request()

    request = opened.request
    assert (request.state, request.received_at) == ("received", MONDAY)
    assert request.erase_by == MONDAY + timedelta(days=10)
    assert request.models_by == MONDAY + timedelta(days=20)
    assert events(f"request/{request.pk}") == ["DeletionRequested"]


def test_no_table_holds_what_the_person_said_in_the_clear():
    digest = sha256(ALICE.encode())

    make_request(raw(ALICE), key=f"delete {ALICE}")

    assert tables_naming(ALICE) == set()
    assert tables_naming(digest.hexdigest()) == set()
    assert tables_naming(str(pseudonym(ALICE))) == {"deletion_requestidentifier"}


def test_the_receipt_opens_the_commitment_in_the_trail_for_its_person_only():
    opened = make_request(raw(ALICE))

    key = opened.receipt.commitment_key
    entry = bytes(OutboxEntry.objects.get(event="DeletionRequested").entry).decode()
    mine = commitment(key, PATIENT_ID, Digest(sha256(ALICE.encode()).digest()))
    theirs = commitment(key, PATIENT_ID, Digest(sha256(BOB.encode()).digest()))
    assert opened.receipt.commitments == ((PATIENT_ID, mine),)
    assert mine in entry
    assert theirs not in entry
    assert tables_naming(key.hex()) == set()


def test_the_key_in_the_row_is_wrapped():
    opened = make_request()

    wrapped = bytes(DeletionRequest.objects.get().wrapped_key or b"")
    key = unwrap(
        wrapped,
        request_id=opened.request.pk,
        key_encryption_key=settings.REQUEST_KEY_ENCRYPTION_KEY,
    )
    assert key.commitment_key == opened.receipt.commitment_key
    assert key.secret not in wrapped


def test_the_same_key_and_demand_again_give_the_same_request_and_no_second_fact():
    first = make_request(key="k")
    second = make_request(key="k", now=MONDAY + timedelta(days=1))

    assert second.request.pk == first.request.pk
    assert second.receipt == first.receipt
    assert events() == ["NamespaceDeclared", "DeletionRequested"]


def test_the_same_key_with_another_demand_is_refused():
    make_request(raw(ALICE), key="k")

    with pytest.raises(IdempotencyKeyReused):
        make_request(raw(BOB), key="k")
    with pytest.raises(IdempotencyKeyReused):
        make_request(raw(ALICE), key="k", regime="ccpa")
    assert DeletionRequest.objects.count() == 1


def test_another_caller_may_use_the_same_key():
    first = make_request(raw(ALICE), key="k")
    second = make_request(raw(BOB), key="k", caller="user:8")

    assert first.request.pk != second.request.pk


def test_a_key_whose_request_is_closed_cannot_be_used_again():
    cancel(make_request(key="k"))

    with pytest.raises(IdempotencyKeyReused):
        make_request(key="k")


def test_one_request_leads_for_a_person_in_whatever_spelling_and_form_they_ask():
    first = make_request(raw(ALICE), key="k1")

    spelt = make_request(raw(f"  {ALICE.upper()} "), key="k2")
    hashed = make_request(
        HashedIdentifier(namespace=PATIENT_ID, sha256=sha256(ALICE.encode()).hexdigest()),
        key="k3",
    )

    for other in (spelt, hashed):
        assert other.request.state == "merged"
        assert answered_by(other.request) == first.request.pk
    assert RequestIdentifier.objects.get(leads=True).request_id == first.request.pk
    assert events().count("DeletionRequested") == 3


def test_a_request_that_shares_one_identifier_waits_and_holds_up_nobody_else():
    make_namespace("email")
    first = make_request(raw(ALICE), key="k1")

    both = make_request(raw("new@example.org", "email"), raw(ALICE), key="k2")
    alone = make_request(raw("new@example.org", "email"), key="k3")

    assert (both.request.state, both.request.behind_id) == ("received", first.request.pk)
    assert (alone.request.state, alone.request.behind_id) == ("received", None)


def test_only_the_persons_own_constraint_says_that_they_have_an_open_request(monkeypatch):
    opened = make_request(raw(ALICE), key="k1")
    monkeypatch.setattr(requests, "uuid4", lambda: opened.request.pk)

    with pytest.raises(IntegrityError, match="deletion_deletionrequest_pkey"):
        make_request(raw(BOB), key="k2")

    assert events().count("DeletionRequested") == 1


def test_whoever_was_faster_with_the_same_key_and_another_demand_has_used_it(monkeypatch):
    make_request(raw(ALICE), key="k1")
    looks = iter([None])
    look = requests._opened_with  # noqa: SLF001  # the first look came before the other's commit
    monkeypatch.setattr(requests, "_opened_with", lambda *by: next(looks, look(*by)))

    with pytest.raises(IdempotencyKeyReused):
        make_request(raw(BOB), key="k1")


@pytest.mark.parametrize(
    ("identifier", "changes", "refusal"),
    [
        (raw(ALICE, "fax"), {}, NamespaceUnknown),
        (raw("   "), {}, IdentifierMalformed),
        (HashedIdentifier(namespace=PATIENT_ID, sha256="abc"), {}, IdentifierMalformed),
        (raw(ALICE), {"regime": "hammurabi"}, RegimeUnknown),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(identifier, changes, refusal):
    with pytest.raises(refusal) as refused:
        make_request(identifier, **changes)

    assert ALICE not in str(refused.value)
    assert not DeletionRequest.objects.exists()
    assert events() == ["NamespaceDeclared"]


def test_a_cancelled_request_forgets_what_it_said():
    opened = make_request()

    cancel(opened)

    request = DeletionRequest.objects.get()
    assert (request.state, request.cancelled_at) == ("cancelled", MONDAY)
    assert request.wrapped_key is None
    assert request.body_tag == ""
    assert not RequestIdentifier.objects.exists()
    assert tables_naming(str(pseudonym(ALICE))) == set()
    assert events(f"request/{request.pk}") == ["DeletionRequested", "RequestCancelled"]


def test_a_cancelled_request_leaves_the_person_free_to_ask_again():
    cancel(make_request(key="k1"))

    assert make_request(key="k2").request.state == "received"


def test_a_request_cannot_be_cancelled_once_work_has_begun(tmp_path):
    make_dataset(tmp_path)
    opened = make_request()
    plan_and_approve(opened)

    with pytest.raises(MoveNotAllowed):
        cancel(opened)
    hold(opened)
    with pytest.raises(MoveNotAllowed):
        cancel(opened)


def test_what_is_not_there_cannot_be_cancelled_or_held():
    opened = make_request()
    DeletionRequest.objects.all().delete()

    with pytest.raises(RequestUnknown):
        cancel(opened)
    with pytest.raises(RequestUnknown):
        hold(opened)


def test_a_hold_names_a_ground_of_the_regime_and_keeps_the_officers_words_out_of_the_trail():
    opened = make_request()

    hold(opened, reason=f"the case of {ALICE}")

    assert state(opened) == "held"
    assert tables_naming(ALICE) == {"deletion_hold"}
    entry = bytes(OutboxEntry.objects.get(event="RequestHeld").entry).decode()
    assert CLAIMS in entry
    assert "legal claims" in entry


def test_a_hold_on_any_other_ground_is_refused():
    opened = make_request()

    with pytest.raises(HoldGroundUnknown):
        hold(opened, article="we would rather keep it")
    assert state(opened) == "received"


def test_a_hold_is_released_by_somebody_else():
    opened = make_request()
    hold(opened)

    with pytest.raises(TwoPeopleNeeded):
        release(opened, actor=OFFICER)
    release(opened)

    assert state(opened) == "received"
    assert events(f"request/{opened.request.pk}")[-1] == "HoldReleased"
    with pytest.raises(HoldUnknown):
        release(opened)


def test_the_words_of_a_hold_go_when_the_request_closes():
    opened = make_request()
    hold(opened, reason=f"the case of {ALICE}")
    with pytest.raises(TwoPeopleNeeded):
        cancel(opened)  # they could have it sent again, and erase alone what they held
    assert state(opened) == "held"

    cancel(opened, actor=DORA)

    assert (Hold.objects.get().reason, Hold.objects.get().released_at) == ("", MONDAY)
    assert tables_naming(ALICE) == set()
    with pytest.raises(HoldUnknown):
        release(opened)


def test_a_hold_during_the_work_suspends_the_open_targets_and_the_release_opens_them(tmp_path):
    make_dataset(tmp_path)
    opened = make_request()
    plan_and_approve(opened)

    hold(opened)

    assert state(opened) == "held"
    assert [(share.outcome, share.note) for share in Share.objects.all()] == [("held", CLAIMS)]

    release(opened)

    assert state(opened) == "in progress"
    assert [(share.outcome, share.note) for share in Share.objects.all()] == [("", "")]


def test_a_request_cannot_be_held_twice():
    opened = make_request()
    hold(opened)

    with pytest.raises(MoveNotAllowed):
        hold(opened)
    assert Hold.objects.count() == 1
