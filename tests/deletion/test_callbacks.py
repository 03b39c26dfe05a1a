"""Processors that call back: signed, at an address of their own, and in any order."""

import json
import threading
from datetime import timedelta
from typing import Any
from urllib.request import Request, urlopen

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from audits.models import Alert
from config.traces import tables_naming
from deletion import actions
from deletion.actions import declare_recipient, retry_telling
from deletion.errors import RecipientInvalid, TellingUnknown
from deletion.models import Callback, Evidence, Recipient
from deletion.opendsr import Status, call_in
from deletion.telling import Answer, Way
from lineage.leases import Token
from tests.cast import ALICE, BOB, OFFICER
from tests.deletion.builders import make_request, outcomes, raw, right_now, state, walk
from tests.deletion.processor_keys import signer
from tests.deletion.test_recipients import asked, certified, pass_on, telling_of
from tests.deletion.test_telling import Processor, make_due, send
from tests.lineage.builders import PATIENT_ID, make_dataset, make_namespace, recorded
from tests.training.calling.recipient_server import LOOPBACK, recipient

pytestmark = pytest.mark.django_db

BASE = "https://lethe.example"


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0
    settings.PUBLIC_URL = BASE


@pytest.fixture
def server(settings):
    with recipient() as mine:
        settings.RECIPIENT_PORTS = frozenset({mine.port})
        settings.RECIPIENT_NETWORKS = LOOPBACK
        settings.RECIPIENT_PLAIN_HTTP = True
        yield mine


def declare(server, *, name="hospital", key=None, way=Way.OPENDSR, wait=True, **changes):
    make_namespace()
    return declare_recipient(
        name=name,
        way=way,
        url=changes.get("url", f"{server.url}/v2"),
        namespaces={PATIENT_ID: "controller_customer_id"},
        waits_for_answer=wait,
        callback_key=signer(name).certificate if key is None else key,
        actor=OFFICER,
        now=right_now(),
    )


def told(tmp_path, server, **changes):
    """Return a request whose processor has accepted the message, and may call back."""
    declare(server, **changes)
    pass_on(make_dataset(tmp_path))
    opened = make_request(raw(ALICE), now=right_now())
    walk()
    Processor(server)
    send()
    return opened


def address(name="hospital"):
    return f"/api/v1/recipients/{Recipient.objects.get(name=name).pk}/callbacks"


def body_of(telling, answer, **changes):
    return json.dumps(
        {
            "controller_id": "lethe",
            "expected_completion_time": "2026-12-24T00:00:00Z",
            "status_callback_url": f"{BASE}{address()}",
            "subject_request_id": str(telling.pk),
            "request_status": answer,
            **changes,
        }
    ).encode()


def call(  # noqa: PLR0913  # what a callback is made of
    body, *, by="hospital", at=None, signature=None, domain="localhost", old=False
):
    """Call back over HTTP; return the status of the answer."""
    prefix = "X-OpenGDPR" if old else "X-OpenDSR"
    signed = signer(by).sign(body) if signature is None else signature
    return (
        Client()
        .post(
            at or address(),
            body,
            content_type="application/json",
            headers={f"{prefix}-Processor-Domain": domain, f"{prefix}-Signature": signed},
        )
        .status_code
    )


def standing(opened):
    telling = telling_of(opened)
    return telling.answer, outcomes(opened)["hospital"]


def test_a_processor_that_calls_back_ends_its_telling_without_being_asked(tmp_path, server):
    opened = told(tmp_path, server)
    telling = telling_of(opened)
    ((_, _, _, sent),) = server.got
    assert json.loads(sent)["status_callback_urls"] == [f"{BASE}{address()}"]
    document = {"name": "certificate-of-destruction", "sha256": "cd" * 32}

    assert call(body_of(telling, "in_progress")) == 202
    assert standing(opened) == ("in_progress", "")
    last = body_of(
        telling,
        "completed",
        extensions={"localhost": {"evidence": [document]}},
        results_url="https://processor.example/canary-of-a-person",
    )
    assert call(last, old=True) == 202  # the headers' older names, section 10.1

    assert standing(opened) == ("completed", "notified")
    assert len(server.got) == 1  # nobody had to ask
    kept = {one.name: (one.digest, one.attached_by) for one in Evidence.objects.all()}
    by = f"recipient:{Recipient.objects.get().pk}"
    digest = telling_of(opened).proof_digest
    assert kept == {
        "opendsr-callback": (digest, by),
        "certificate-of-destruction": ("cd" * 32, by),
    }
    assert [one["facts"]["hearing"] for one in recorded("CallbackTaken")] == ["news", "news"]
    assert tables_naming("canary-of-a-person") == set()
    walk()
    assert state(opened) == "complete"
    (said,) = certified(opened)["recipients"]
    assert [one["name"] for one in said["evidence"]] == [
        "opendsr-callback",
        "certificate-of-destruction",
    ]
    make_due()
    send()
    assert len(server.got) == 1


@pytest.mark.parametrize(
    "how",
    [
        {"signature": ""},
        {"signature": "bm8="},
        {"by": "university"},
        {"domain": "elsewhere.example"},
        {"domain": ""},
        {"at": "/api/v1/recipients/999999/callbacks"},
    ],
)
def test_what_the_recipient_did_not_sign_is_refused_and_changes_nothing(tmp_path, server, how):
    opened = told(tmp_path, server)
    before = recorded("RecipientAnswered")

    assert call(body_of(telling_of(opened), "completed"), **how) == 403

    assert standing(opened) == ("pending", "")
    assert not Callback.objects.exists()
    assert recorded("RecipientAnswered") == before


def test_a_signature_over_another_body_is_refused(tmp_path, server):
    opened = told(tmp_path, server)
    good = body_of(telling_of(opened), "in_progress")

    for changed in (good.replace(b"in_progress", b"completed"), good + b" ", b""):
        assert call(changed, signature=signer("hospital").sign(good)) == 403

    assert standing(opened) == ("pending", "")


def test_another_recipient_ends_nothing_at_its_own_address_nor_at_this_one(tmp_path, server):
    opened = told(tmp_path, server)
    declare(server, name="university")
    telling = telling_of(opened)
    own = body_of(telling, "completed", status_callback_url=f"{BASE}{address('university')}")

    assert call(own, by="university", at=address("university")) == 404
    assert call(body_of(telling, "completed"), by="university") == 403
    assert call(body_of(telling, "completed"), by="university", at=address("university")) == 400

    assert standing(opened) == ("pending", "")


def test_a_callback_about_nothing_or_about_what_was_never_sent_is_unknown(tmp_path, server):
    declare(server)
    pass_on(make_dataset(tmp_path))
    opened = make_request(raw(ALICE), now=right_now())
    walk()  # to be told, and no worker has begun
    telling = telling_of(opened)

    assert call(body_of(telling, "completed")) == 404
    telling.pk = opened.request.pk
    assert call(body_of(telling, "completed")) == 404
    assert standing(opened) == ("", "")


def test_a_huge_body_is_refused_unread(tmp_path, server):
    opened = told(tmp_path, server)
    body = body_of(telling_of(opened), "completed", results_url="x" * 70_000)

    assert call(body) == 413
    assert call(body, signature="") == 413
    for length in ("9" * 5000, "-1", "many"):
        said: Any = {"CONTENT_LENGTH": length, "HTTP_X_OPENDSR_SIGNATURE": "bm8="}
        assert Client().generic("POST", address(), b"{}", **said).status_code == 413
    assert standing(opened) == ("pending", "")


def test_what_is_signed_and_not_readable_is_refused(tmp_path, server):
    opened = told(tmp_path, server)

    for body in (b"{", b"[]", body_of(telling_of(opened), "denied")):
        assert call(body) == 400
    assert standing(opened) == ("pending", "")


def test_late_repeated_and_contradictory_callbacks_do_no_harm(tmp_path, server):
    opened = told(tmp_path, server)
    telling = telling_of(opened)
    first, done = body_of(telling, "pending"), body_of(telling, "completed")
    assert call(body_of(telling, "in_progress")) == 202
    assert call(first) == 202
    assert standing(opened) == ("in_progress", "")
    assert call(done) == 202
    walk()
    assert state(opened) == "complete"
    certificate = certified(opened)
    facts = len(recorded("CallbackTaken"))

    for repeated in (first, done):
        assert call(repeated) == 202
    assert len(recorded("CallbackTaken")) == facts
    assert not Alert.objects.filter(resolved_at=None).exists()
    assert call(body_of(telling, "cancelled")) == 202

    assert standing(opened) == ("completed", "notified")
    assert certified(opened) == certificate
    alert = Alert.objects.get(resolved_at=None)
    assert (alert.kind, alert.about) == ("recipient-contradicts-itself", "recipient/hospital")
    hearings = [one.hearing for one in Callback.objects.order_by("pk")]
    assert hearings == ["news", "behind", "news", "contradiction"]


def test_what_comes_after_the_certificate_is_kept_beside_it(tmp_path, server):
    opened = told(tmp_path, server, wait=False)
    walk()
    assert state(opened) == "complete"
    certificate = certified(opened)

    assert call(body_of(telling_of(opened), "completed")) == 202

    assert telling_of(opened).answer == "completed"
    assert certified(opened) == certificate
    (attached,) = recorded("EvidenceAttached")
    assert attached["facts"]["after_certificate"] is True


def test_a_processor_that_cancels_by_callback_is_for_people_and_an_old_cancellation_counts_once(
    tmp_path, server
):
    opened = told(tmp_path, server)
    refusal = body_of(telling_of(opened), "cancelled")
    assert call(refusal) == 202
    assert standing(opened) == ("cancelled", "unreachable")
    assert Alert.objects.filter(kind="recipient-refused").count() == 1

    retry_telling(telling_id=telling_of(opened).pk, actor=OFFICER, now=right_now())
    send()
    assert call(refusal) == 202  # sent again by somebody who had not heard us

    assert standing(opened) == ("pending", "")
    assert call(body_of(telling_of(opened), "completed")) == 202
    assert standing(opened) == ("completed", "notified")


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("said", ["pending", "completed", "cancelled"])
def test_a_callback_may_be_faster_than_the_answer_to_the_message(
    tmp_path, server, wait, accepted, said
):
    declare(server, wait=wait)
    pass_on(make_dataset(tmp_path))
    opened = make_request(raw(ALICE), now=right_now())
    walk()
    telling = telling_of(opened)
    lease = actions.claim_telling(
        telling_id=telling.pk,
        owner="a",
        length=timedelta(minutes=2),
        actor=OFFICER,
        now=right_now(),
    )
    assert lease is not None

    assert call(body_of(telling, said)) == 202
    finish(telling, lease.token, accepted=accepted, is_told=not wait)

    told_by_now = not wait or said == "completed"
    expected = "notified" if told_by_now else "unreachable" if said == "cancelled" else ""
    assert standing(opened) == (said, expected)
    assert telling_of(opened).sent_at is not None
    assert telling_of(opened).told_by == "opendsr"
    make_due()
    Processor(server).answer = Answer.COMPLETED
    send()
    methods = [method for method, *_ in server.got]
    assert methods == (["GET"] if said == "pending" else [])  # never sent again; asked as before
    if said == "pending":
        assert standing(opened) == ("completed", "notified")


def finish(telling, token: Token, *, accepted, is_told):
    """Report what became of the message, as its worker does: its last attempt."""
    said = {"telling_id": telling.pk, "token": token, "actor": OFFICER, "now": right_now()}
    if accepted:
        actions.telling_accepted(
            **said,
            status=201,
            told_by="opendsr",
            answer=Answer.PENDING,
            expected_at=None,
            is_told=is_told,
        )
    else:
        actions.telling_failed(
            **said, status=400, trouble="it answered 400", again_at=None, is_gone=False
        )


def test_an_answer_that_was_asked_for_does_not_undo_a_newer_callback(tmp_path, server):
    opened = told(tmp_path, server)
    telling = telling_of(opened)
    assert call(body_of(telling, "completed")) == 202

    actions.telling_answered(
        telling_id=telling.pk,
        token=Token(telling_of(opened).fencing_token),
        status=200,
        said=Status(answer=Answer.PENDING, expected_at=None),
        digest="ab" * 32,
        actor=OFFICER,
        now=right_now(),
    )

    assert standing(opened) == ("completed", "notified")


def test_an_officers_word_stands_when_a_callback_comes(tmp_path, server):
    opened = told(tmp_path, server)
    telling = telling_of(opened)
    actions.record_told(
        telling_id=telling.pk,
        told_by="registered-letter",
        told_at=right_now(),
        proof_digest="ab" * 32,
        actor=OFFICER,
        now=right_now(),
    )

    assert call(body_of(telling, "completed")) == 202

    assert telling_of(opened).told_by == "registered-letter"
    assert telling_of(opened).proof_digest == "ab" * 32
    assert Evidence.objects.get().name == "opendsr-callback"


def test_no_more_callbacks_are_kept_than_anybody_needs(tmp_path, server, monkeypatch):
    monkeypatch.setattr("deletion.actions.callbacks.MOST_KEPT", 3)
    opened = told(tmp_path, server)
    telling = telling_of(opened)

    answers = [call(body_of(telling, "pending", results_count=n)) for n in range(5)]

    assert answers == [202, 202, 202, 429, 429]
    assert Callback.objects.count() == 3


def test_an_outdated_certificate_lets_nobody_call_and_polling_goes_on(tmp_path, server):
    opened = told(tmp_path, server)
    gone = signer("hospital", since=right_now() - timedelta(days=9), days=8).certificate
    Recipient.objects.update(callback_key=gone)

    assert call(body_of(telling_of(opened), "completed")) == 403
    assert standing(opened) == ("pending", "")
    Processor(server).answer = Answer.COMPLETED
    make_due()
    send()

    assert standing(opened) == ("completed", "notified")
    assert Evidence.objects.get().name == "opendsr-answer"


def test_a_disabled_recipient_is_not_believed_until_it_is_enabled(tmp_path, server):
    opened = told(tmp_path, server)
    body = body_of(telling_of(opened), "completed")
    actions.disable_recipient(
        recipient="hospital", because="key stolen", actor=OFFICER, now=right_now()
    )

    assert call(body) == 403
    with pytest.raises(TellingUnknown):  # it may have been disabled while its callback came
        actions.take_callback(
            recipient_id=Recipient.objects.get().pk,
            call=call_in(body, address=address(), domain="localhost"),
            actor=OFFICER,
            now=right_now(),
        )
    assert standing(opened) == ("pending", "")
    assert not Callback.objects.exists()
    actions.enable_recipient(recipient="hospital", actor=OFFICER, now=right_now())
    send()
    assert call(body) == 202

    assert standing(opened) == ("completed", "notified")


@pytest.mark.parametrize(
    ("at", "kept"),
    [
        ("0001-01-01T00:00:00+15:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("2036-12-01T00:00:00+23:00", "2036-11-30T01:00:00+00:00"),
    ],
)
def test_a_moment_that_the_database_could_not_give_back_stops_nothing(tmp_path, server, at, kept):
    opened = told(tmp_path, server)

    said = body_of(telling_of(opened), "in_progress", expected_completion_time=at)
    assert call(said) == 202

    expected_at = telling_of(opened).expected_at
    assert (expected_at and expected_at.isoformat()) == kept
    make_due()
    send()
    assert standing(opened) == ("in_progress", "")


def test_without_a_key_or_an_address_of_ours_nobody_is_invited_to_call(tmp_path, server, settings):
    opened = told(tmp_path, server, key="")

    assert "status_callback_urls" not in json.loads(server.got[0][3])
    assert call(body_of(telling_of(opened), "completed")) == 403
    settings.PUBLIC_URL = ""
    with pytest.raises(RecipientInvalid, match="PUBLIC_URL"):
        declare(server)


def test_a_key_that_does_not_fit_its_recipient_is_refused(server):
    for wrong, why in (
        ({"key": "no key"}, "no certificate"),
        ({"key": signer(host="elsewhere.example").certificate}, "not issued"),
        ({"way": Way.WEBHOOK, "wait": False}, "only a processor"),
        ({"key": f"{signer().certificate}-----BEGIN PRIVATE KEY-----\nAA=="}, "a private key"),
    ):
        with pytest.raises(RecipientInvalid, match=why):
            declare(server, **wrong)
    assert not Recipient.objects.exists()


def test_the_command_declares_the_key_and_says_where_to_call(server, tmp_path, capsys):
    make_namespace()
    file = tmp_path / "processor.pem"
    said = ["declare_recipient", "hospital", "--opendsr", server.url, "--callback-key", str(file)]
    said += ["--send", f"{PATIENT_ID}=controller_customer_id"]

    with pytest.raises(CommandError, match="readable PEM"):
        call_command(*said)
    file.write_text(signer("hospital").public)
    call_command(*said)

    assert f"it may call back at: {BASE}{address()}" in capsys.readouterr().out
    (declared,) = recorded("RecipientDeclared")
    assert len(declared["facts"]["callback_key"]) == 64


def test_the_callback_of_one_request_leaves_that_of_a_bystander_alone(tmp_path, server):
    declare(server)
    pass_on(make_dataset(tmp_path))
    alice = make_request(raw(ALICE), key="k1", now=right_now())
    bob = make_request(raw(BOB), key="k2", now=right_now())
    walk()
    Processor(server)
    send()
    assert standing(alice) == standing(bob) == ("pending", "")

    assert call(body_of(telling_of(alice), "completed")) == 202

    assert standing(alice) == ("completed", "notified")
    assert standing(bob) == ("pending", "")
    assert asked() == []


@pytest.mark.django_db(transaction=True)
def test_a_real_processor_calls_a_real_service_before_it_answers_the_message(
    tmp_path, server, live_server, settings
):
    settings.PUBLIC_URL = live_server.url
    declare(server)
    pass_on(make_dataset(tmp_path))
    opened = make_request(raw(ALICE), now=right_now())
    walk()
    processor, called = Processor(server), threading.Event()
    answers = []

    def call_first(handler):
        sent = json.loads(server.got[-1][3])
        (where,) = sent["status_callback_urls"]
        body = json.dumps(
            {"subject_request_id": sent["subject_request_id"], "request_status": "completed"}
        ).encode()
        headers = {
            "content-type": "application/json",
            "x-opendsr-processor-domain": "localhost",
            "x-opendsr-signature": signer("hospital").sign(body),
        }
        with urlopen(Request(where, body, headers), timeout=10) as answer:  # noqa: S310  # ours
            answers.append(answer.status)
        called.set()
        processor.respond(handler)

    server.answer = call_first
    send()

    assert called.is_set()
    assert answers == [202]
    assert standing(opened) == ("completed", "notified")
    walk()
    assert state(opened) == "complete"
    assert len(server.got) == 1


@pytest.mark.django_db(transaction=True)
def test_callbacks_that_come_at_once_count_once_each_and_end_where_they_must(tmp_path, server):
    opened = told(tmp_path, server)
    telling = telling_of(opened)
    bodies = [body_of(telling, answer) for answer in ("pending", "in_progress", "completed")] * 4
    where, answers = address(), []

    def post(body):
        answers.append(call(body, at=where))
        connection.close()

    threads = [threading.Thread(target=post, args=[body]) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [202] * len(bodies)
    assert standing(opened) == ("completed", "notified")
    assert Callback.objects.count() == len(recorded("CallbackTaken")) == 3
    assert len(recorded("RecipientTold")) == 1
    assert not Alert.objects.filter(resolved_at=None).exists()
