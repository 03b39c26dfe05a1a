"""Telling recipients over real HTTP: signed, repeated under one id, and ended."""

import json
from base64 import b64decode
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis.strategies import floats, integers
from standardwebhooks.webhooks import Webhook

from audits.models import Alert, OutboxEntry
from config.traces import tables_naming
from deletion import actions, tasks
from deletion.actions import declare_recipient, enable_recipient, retry_telling
from deletion.intake import HashedIdentifier
from deletion.models import Certificate, Delivery, Recipient, Telling
from deletion.queries.recipients import waiting_tellings, waiting_tests
from deletion.telling import RETRIES, Answer, Fate, Way, fate_of, next_attempt
from deletion.webhooks import message_id
from lineage.errors import LeaseLost
from lineage.identifiers import Identifier
from lineage.leases import Token
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deaths import dies
from tests.deletion.builders import make_request, outcomes, raw, right_now, state, walk
from tests.deletion.test_recipients import asked, certified, pass_on, telling_of
from tests.lineage.builders import PATIENT_ID, make_dataset, make_namespace
from tests.training.calling.recipient_server import LOOPBACK, recipient, status
from training.calling.signing import public_key, shown_secret

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


@pytest.fixture
def server(settings):
    with recipient() as mine:
        settings.RECIPIENT_PORTS = frozenset({mine.port})
        settings.RECIPIENT_NETWORKS = LOOPBACK
        settings.RECIPIENT_PLAIN_HTTP = True
        yield mine


def declare(server, **changes):
    said = {
        "name": "hospital",
        "way": Way.WEBHOOK,
        "url": f"{server.url}/hooks",
        "namespaces": {PATIENT_ID: "patient"},
        "waits_for_answer": False,
        **changes,
    }
    make_namespace()
    return declare_recipient(**said, actor=OFFICER, now=right_now())


def reached(tmp_path, *identifiers):
    pass_on(make_dataset(tmp_path))
    return make_request(*identifiers or (raw(ALICE),), now=right_now())


def send():
    """Let the workers send what waits, once."""
    for number in waiting_tellings(now=right_now(), limit=100):
        tasks.tell(str(number))


def make_due():
    Telling.objects.update(not_before=MONDAY, lease_until=None)


def test_a_recipient_is_told_by_a_signed_message_once_the_data_is_erased(
    tmp_path, server, settings
):
    declare(server)
    opened = reached(tmp_path)
    tasks.sweep()
    send()
    assert server.got == []  # nothing is erased yet

    walk()
    send()
    walk()

    ((method, path, headers, body),) = server.got
    assert (method, path) == ("POST", "/hooks")
    said = json.loads(body)
    digest = Identifier(namespace=PATIENT_ID, value=ALICE).digest.hex()
    assert said["data"]["identifiers"] == [{"type": "patient", "format": "sha256", "value": digest}]
    assert said["data"]["request"] == str(opened.request.pk)
    assert ALICE.encode() not in body
    secret = shown_secret("hospital", signing_key=settings.WEBHOOK_SIGNING_KEY)
    assert Webhook(secret).verify(body, headers)
    shown = public_key(settings.WEBHOOK_SIGNING_KEY).removeprefix("whpk_")
    first = headers["webhook-signature"].split(" ")[0].removeprefix("v1a,")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    Ed25519PublicKey.from_public_bytes(b64decode(shown)).verify(b64decode(first), signed)
    telling = telling_of(opened)
    assert headers["webhook-id"] == message_id(telling.pk)

    assert state(opened) == "complete"
    assert outcomes(opened) == {"patients": "erased", "hospital": "notified"}
    (standing,) = certified(opened)["recipients"]
    assert (standing["standing"], standing["told_by"]) == ("notified", "webhook")
    assert [(one.number, one.status) for one in Delivery.objects.all()] == [(1, 204)]
    assert asked() == []
    send()
    assert len(server.got) == 1


def test_what_names_the_person_is_in_the_message_and_nowhere_else(tmp_path, server):
    declare(server)
    digest = Identifier(namespace=PATIENT_ID, value=ALICE).digest.hex()
    opened = reached(tmp_path, HashedIdentifier(namespace=PATIENT_ID, sha256=digest))
    walk()
    server.answer = status(500)
    send()
    assert digest.encode() in server.got[0][3]
    assert tables_naming(digest) == set()
    assert tables_naming(ALICE) == set()

    server.answer = status(200)
    make_due()
    send()
    walk()

    assert state(opened) == "complete"
    assert tables_naming(digest) == set()
    assert digest.encode() not in b"".join(
        bytes(entry) for entry in OutboxEntry.objects.values_list("entry", flat=True)
    )


@pytest.mark.parametrize("code", [302, 307, 400, 404, 429, 500, 503])
def test_what_is_no_success_is_sent_again_under_the_same_id(tmp_path, server, code):
    declare(server)
    opened = reached(tmp_path)
    walk()
    server.answer = status(code, Location=server.url)
    send()

    telling = telling_of(opened)
    assert telling.status == code
    assert telling.last_error == f"it answered {code}"
    assert telling.not_before > right_now()
    send()
    assert len(server.got) == 1  # its time has not come

    make_due()
    server.answer = status(200)
    send()
    assert len(set(server.ids)) == 1
    assert len(server.ids) == 2
    assert outcomes(opened)["hospital"] == "notified"
    assert [one.status for one in Delivery.objects.order_by("pk")] == [code, 200]


def test_a_recipient_may_say_when_to_come_back(tmp_path, server):
    declare(server)
    opened = reached(tmp_path)
    walk()
    server.answer = status(429, Retry_After="7200")
    send()

    assert telling_of(opened).not_before > right_now() + timedelta(minutes=119)


def test_when_the_attempts_have_ended_a_person_must_look_and_may_let_it_try_again(tmp_path, server):
    declare(server)
    opened = reached(tmp_path)
    walk()
    server.answer = status(500)
    for _ in RETRIES:
        make_due()
        send()

    assert len(server.got) == len(RETRIES)
    assert outcomes(opened)["hospital"] == "unreachable"
    make_due()
    send()
    assert len(server.got) == len(RETRIES)
    walk()
    assert state(opened) == "in progress"
    assert asked() == [("recipient/hospital", 1)]
    assert "it answered 500" in Alert.objects.get(kind="recipient-to-tell").detail["why"]

    server.answer = status(200)
    retry_telling(telling_id=telling_of(opened).pk, actor=OFFICER, now=right_now())
    send()
    walk()
    assert state(opened) == "complete"
    assert len(set(server.ids)) == 1
    assert asked() == []


def test_a_recipient_that_answers_gone_is_disabled_until_somebody_enables_it(tmp_path, server):
    declare(server)
    opened = reached(tmp_path)
    walk()
    server.answer = status(410)
    send()

    assert Recipient.objects.get().disabled_because == "it answered 410: gone"
    assert Alert.objects.filter(kind="recipient-disabled").count() == 1
    make_due()
    send()
    assert len(server.got) == 1
    tasks.sweep()
    assert asked() == [("recipient/hospital", 1)]

    server.answer = status(200)
    enable_recipient(recipient="hospital", actor=OFFICER, now=right_now())
    send()
    walk()
    assert state(opened) == "complete"


def test_a_person_whom_the_recipient_cannot_know_by_any_identifier_is_for_people(tmp_path, server):
    opened = reached(tmp_path)
    declare(server)
    Recipient.objects.update(namespaces={"email": "email"})
    walk()
    send()

    assert server.got == []
    assert outcomes(opened)["hospital"] == "unreachable"
    tasks.sweep()
    assert "no identifier" in Alert.objects.get(kind="recipient-to-tell").detail["why"]


def test_an_address_that_leads_inside_is_not_called_and_is_trouble(tmp_path, server, settings):
    declare(server)
    opened = reached(tmp_path)
    walk()
    settings.RECIPIENT_NETWORKS = ()
    send()

    assert server.got == []
    assert "refused" in telling_of(opened).last_error


def test_a_second_worker_waits_and_a_late_one_is_refused(tmp_path, server):
    declare(server)
    opened = reached(tmp_path)
    walk()
    telling = telling_of(opened)
    claim = {
        "telling_id": telling.pk,
        "owner": "a",
        "length": timedelta(minutes=2),
        "actor": OFFICER,
    }
    first = actions.claim_telling(**claim, now=right_now())

    assert actions.claim_telling(**claim, now=right_now()) is None
    send()
    assert server.got == []
    second = actions.claim_telling(**claim, now=right_now() + timedelta(minutes=3))
    assert first is not None
    assert second is not None
    assert second.token > first.token
    report = {"telling_id": telling.pk, "status": 200, "told_by": "webhook", "is_told": True}
    for token, is_good in ((first.token, False), (Token(second.token), True)):
        said = {
            **report,
            "token": token,
            "answer": None,
            "expected_at": None,
            "actor": OFFICER,
            "now": right_now(),
        }
        if is_good:
            actions.telling_accepted(**said)
        else:
            with pytest.raises(LeaseLost):
                actions.telling_accepted(**said)
    assert outcomes(opened)["hospital"] == "notified"


@pytest.mark.parametrize("is_told", [True, False])
def test_an_officers_word_stands_when_a_message_on_its_way_is_accepted_later(
    tmp_path, server, is_told
):
    declare(server, way=Way.OPENDSR, namespaces={PATIENT_ID: "controller_customer_id"})
    opened = reached(tmp_path)
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
    actions.record_told(
        telling_id=telling.pk,
        told_by="registered-letter",
        told_at=right_now(),
        proof_digest="ab" * 32,
        actor=OFFICER,
        now=right_now(),
    )
    walk()
    assert state(opened) == "complete"

    actions.telling_accepted(
        telling_id=telling.pk,
        token=lease.token,
        status=201,
        told_by="opendsr",
        answer=Answer.PENDING,
        expected_at=None,
        is_told=is_told,
        actor=OFFICER,
        now=right_now(),
    )

    assert outcomes(opened)["hospital"] == "notified"
    assert telling_of(opened).told_by == "registered-letter"
    assert telling_of(opened).answer == "pending"  # they are asked on
    assert Delivery.objects.get().status == 201


def test_no_more_than_four_connections_are_opened_to_one_recipient(tmp_path, server):
    declare(server)
    pass_on(make_dataset(tmp_path, [f"person-{number}" for number in range(6)]))
    for number in range(6):
        make_request(raw(f"person-{number}"), key=f"k{number}", now=right_now())
    walk()
    waiting = waiting_tellings(now=right_now(), limit=100)
    assert len(waiting) == 6

    taken = [
        actions.claim_telling(
            telling_id=number,
            owner="a",
            length=timedelta(minutes=2),
            actor=OFFICER,
            now=right_now(),
        )
        for number in waiting
    ]

    assert [lease is not None for lease in taken] == [True] * 4 + [False] * 2


def test_a_bystander_is_told_to_nobody(tmp_path, server):
    declare(server)
    reached(tmp_path)
    walk()
    send()

    digest = Identifier(namespace=PATIENT_ID, value=BOB).digest.hex()
    assert len(server.got) == 1
    assert digest.encode() not in server.got[0][3]


def test_a_test_message_is_sent_and_how_it_went_is_kept(tmp_path, server):
    make_dataset(tmp_path)
    declare(server)
    for code, trouble in ((204, ""), (500, "it answered 500")):
        server.answer = status(code)
        actions.ask_test(recipient="hospital", actor=OFFICER, now=right_now())
        for number in waiting_tests(limit=10):
            tasks.test_recipient(number)
        row = Recipient.objects.get()
        assert (row.test_status, row.test_trouble) == (code, trouble)
        assert waiting_tests(limit=10) == []
    assert [json.loads(body)["type"] for *_, body in server.got] == ["lethe.test"] * 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_that_is_killed_around_the_call_sends_again_under_the_same_id(
    tmp_path, server, when
):
    declare(server)
    opened = reached(tmp_path)
    walk()
    telling = telling_of(opened)

    dies("tests.deletion.killed_tellers", when, str(telling.pk), str(server.port))
    assert len(server.got) == (1 if when == "after" else 0)
    assert outcomes(opened)["hospital"] == ""
    send()
    assert outcomes(opened)["hospital"] == ""  # the lease of the dead worker runs

    make_due()
    send()
    walk()
    assert state(opened) == "complete"
    assert set(server.ids) == {message_id(telling.pk)}
    assert len(server.ids) == (2 if when == "after" else 1)
    assert Certificate.objects.count() == 1


class Processor:
    """A processor that speaks OpenDSR: what it was asked, and how far it says it is."""

    def __init__(self, server):
        self.server, self.answer, self.code = server, Answer.PENDING, 201
        server.answer = self.respond

    def respond(self, handler):
        _, path, _, body = self.server.got[-1]
        number = json.loads(body)["subject_request_id"] if body else path.rpartition("/")[2]
        said = {
            "controller_id": "lethe",
            "subject_request_id": number,
            "expected_completion_time": "2026-12-24T00:00:00Z",
            "received_time": "2026-11-24T00:00:00Z",
            "encoded_request": "c2VjcmV0",
        } | ({} if body else {"request_status": self.answer})
        status(self.code if body else 200, json.dumps(said).encode())(handler)


def declare_processor(server, **changes):
    declare(
        server,
        way=Way.OPENDSR,
        url=f"{server.url}/v2/",
        namespaces={PATIENT_ID: "controller_customer_id"},
        **changes,
    )
    return Processor(server)


def test_a_processor_is_asked_by_opendsr_and_its_answer_is_awaited(tmp_path, server):
    processor = declare_processor(server, waits_for_answer=True)
    opened = reached(tmp_path)
    walk()
    send()

    ((method, path, _, body),) = server.got
    telling = telling_of(opened)
    digest = Identifier(namespace=PATIENT_ID, value=ALICE).digest.hex()
    assert (method, path) == ("POST", "/v2/requests")
    said = json.loads(body)
    assert said.pop("submitted_time").endswith("Z")
    assert said == {
        "api_version": "2.0",
        "regulation": "gdpr",
        "subject_request_id": str(telling.pk),
        "subject_request_type": "erasure",
        "subject_identities": [
            {
                "identity_type": "controller_customer_id",
                "identity_value": digest,
                "identity_format": "sha256",
            }
        ],
    }
    assert (telling.answer, telling.expected_at.isoformat()) == (
        "pending",
        "2026-12-24T00:00:00+00:00",
    )
    assert tables_naming("c2VjcmV0") == set()  # `encoded_request` must not be kept

    for answer in (Answer.IN_PROGRESS, Answer.COMPLETED):
        walk()
        assert state(opened) == "in progress"
        processor.answer = answer
        make_due()
        send()
        assert telling_of(opened).answer == answer
    assert server.got[-1][:2] == ("GET", f"/v2/requests/{telling.pk}")
    walk()
    assert state(opened) == "complete"
    (standing,) = certified(opened)["recipients"]
    assert (standing["answer"], standing["told_by"]) == ("completed", "opendsr")
    assert len(standing["proof_digest"]) == 64


def test_a_processor_that_only_has_to_accept_is_followed_after_the_request_is_complete(
    tmp_path, server
):
    processor = declare_processor(server)
    opened = reached(tmp_path)
    walk()
    send()
    walk()
    assert state(opened) == "complete"

    processor.answer = Answer.COMPLETED
    make_due()
    send()

    assert telling_of(opened).answer == "completed"
    assert outcomes(opened)["hospital"] == "notified"
    make_due()
    send()
    assert len(server.got) == 2  # it is asked no more


def test_a_processor_that_cancels_is_for_people(tmp_path, server):
    processor = declare_processor(server, waits_for_answer=True)
    opened = reached(tmp_path)
    walk()
    send()
    processor.answer = Answer.CANCELLED
    make_due()
    send()

    assert outcomes(opened)["hospital"] == "unreachable"
    assert Alert.objects.filter(kind="recipient-refused").count() == 1
    walk()
    assert state(opened) == "in progress"

    processor.answer = Answer.COMPLETED
    retry_telling(telling_id=telling_of(opened).pk, actor=OFFICER, now=right_now())
    send()
    make_due()
    send()
    walk()
    assert state(opened) == "complete"
    posted = {json.loads(body)["subject_request_id"] for *_, body in server.got if body}
    assert posted == {str(telling_of(opened).pk)}


def test_an_answer_that_does_not_come_by_its_date_is_alerted_until_it_comes(tmp_path, server):
    processor = declare_processor(server)
    opened = reached(tmp_path)
    walk()
    send()
    tasks.sweep()
    assert not Alert.objects.filter(kind="recipient-answer-late").exists()

    Telling.objects.update(expected_at=MONDAY)
    tasks.sweep()
    alert = Alert.objects.get(kind="recipient-answer-late")
    assert alert.detail == {"recipient": "hospital", "requests": 1}

    processor.answer = Answer.COMPLETED
    make_due()
    send()
    tasks.sweep()
    alert.refresh_from_db()
    assert alert.resolved_at is not None
    assert telling_of(opened).answer == "completed"


def test_a_processor_that_does_not_answer_questions_is_asked_now_and_then(tmp_path, server):
    declare_processor(server)
    opened = reached(tmp_path)
    walk()
    send()
    server.answer = status(500)
    for _ in range(len(RETRIES) + 2):
        make_due()
        send()

    telling = telling_of(opened)
    assert telling.attempts > len(RETRIES)
    assert telling.not_before > right_now() + timedelta(hours=5)
    assert outcomes(opened)["hospital"] == "notified"


def test_an_answer_that_is_not_about_this_request_is_no_answer(tmp_path, server):
    declare_processor(server)
    opened = reached(tmp_path)
    walk()
    for body in (b"", b"[]", b"{", b'{"subject_request_id": "another"}', b"[" * 9999):
        server.answer = status(201, body)
        make_due()
        send()
        assert telling_of(opened).last_error == "its answer is not one of OpenDSR"
    assert outcomes(opened)["hospital"] == ""


@given(integers(min_value=0, max_value=20), floats(min_value=0, max_value=1))
def test_the_schedule_is_the_published_one_with_some_jitter(attempts, jitter):
    at = next_attempt(attempts, jitter=jitter, now=MONDAY)

    if attempts >= len(RETRIES):
        assert at is None
    else:
        assert at is not None
        assert RETRIES[attempts] <= at - MONDAY <= RETRIES[attempts] * 1.2


@given(integers(min_value=0, max_value=10**9))
def test_a_recipient_is_never_called_sooner_than_it_asked_nor_a_day_later(seconds):
    asked_for = timedelta(seconds=seconds)
    at = next_attempt(1, jitter=0, asked=asked_for, now=MONDAY)

    assert at is not None
    assert at - MONDAY >= min(asked_for, timedelta(days=1))
    assert at - MONDAY <= timedelta(days=1)


@given(integers(min_value=100, max_value=599))
def test_only_2xx_is_success_and_only_410_is_gone(code):
    fate = fate_of(code)

    assert (fate is Fate.DELIVERED) == (200 <= code < 300)
    assert (fate is Fate.GONE) == (code == 410)


def test_the_published_schedule_takes_three_days():
    assert [delay.total_seconds() for delay in RETRIES[:4]] == [0, 5, 300, 1800]
    assert sum(RETRIES, timedelta(0)) > timedelta(days=3)
