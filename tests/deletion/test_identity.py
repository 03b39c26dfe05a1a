import re
import socketserver
import threading
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core import mail
from typing_extensions import override

from audits.models import Alert, OutboxEntry
from config.traces import redis_naming, tables_naming
from deletion import actions, tasks
from deletion.errors import CodeNotAllowed, CodeWrong, MoveNotAllowed, VerificationNotPossible
from deletion.identity import new_code
from deletion.intake import HashedIdentifier, RawIdentifier
from deletion.links import pair_of
from deletion.models import DeletionRequest, EmailCheck
from deletion.queries.deadlines import near_dates
from deletion.queries.identity import codes_wanted
from deletion.queries.plans import awaiting_plan
from lineage.identifiers import IdentifierKind
from tests.cast import ALICE, MONDAY, OFFICER
from tests.deletion.builders import INTAKE, events, make_request, raw, right_now, walk
from tests.lineage.builders import make_namespace, make_store, recorded

pytestmark = pytest.mark.django_db

BYSTANDER = "bob@example.org"
ADDRESS = "alice.canary@example.org"
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def readers(settings, tmp_path):
    """A mail server is set up, and Alice and Bob read a newsletter."""
    settings.EMAIL_HOST = "mail.example"
    settings.COALESCE = settings.COALESCE * 0
    make_namespace("email", kind=IdentifierKind.EMAIL)
    file = tmp_path / "readers" / "part-0.parquet"
    file.parent.mkdir()
    pq.write_table(pa.table({"email": [ADDRESS, BYSTANDER]}), file)
    make_store(file.parent, columns={"email": "email"})
    return file


def open_request(*identifiers, now=None):
    return make_request(
        *(identifiers or (raw(" Alice.Canary@example.org", "email"),)),
        verification="email-code",
        now=now or right_now(),
    )


def read_code():
    """Return the digits in the newest mail."""
    (code,) = re.findall(r"\d{8}", str(mail.outbox[-1].body))
    return code


def confirm(opened, code, *, now=None):
    return actions.confirm_code(
        request_id=opened.request.pk, code=code, actor=INTAKE, now=now or right_now()
    )


def another(opened, *, now):
    return actions.want_code(request_id=opened.request.pk, actor=INTAKE, now=now)


def other_than(code):
    return f"{(int(code) + 1) % 10**8:08d}"


def test_the_code_that_the_person_read_lets_the_request_go_on_and_the_address_is_destroyed(
    readers, settings
):
    opened = open_request()
    assert opened.request.state == "unverified"
    assert awaiting_plan(limit=9, now=MONDAY) == []
    assert codes_wanted(now=right_now(), limit=9) == [opened.request.pk]
    assert EmailCheck.objects.exists()

    tasks.sweep()
    queued = redis_naming(str(opened.request.pk), url=settings.REDIS_URL)
    assert queued
    assert redis_naming(ADDRESS, url=settings.REDIS_URL) == set()
    tasks.send_code(str(opened.request.pk))
    sent = mail.outbox[-1]
    assert sent.to == [ADDRESS], "the spelling by which the person is looked for"
    assert "valid for 10 minutes" in sent.body
    assert tables_naming(ADDRESS) == tables_naming(read_code()) == set()
    confirmed = confirm(opened, read_code())

    assert (confirmed.state, confirmed.verification) == ("received", "email-code")
    assert confirmed.verified_at is not None
    assert confirmed.models_by == opened.request.models_by, "the clock ran from receipt"
    assert not EmailCheck.objects.exists()
    assert awaiting_plan(limit=9, now=MONDAY) == [opened.request.pk]
    names = ["DeletionRequested", "CodeMade", "RequestVerified"]
    assert events(f"request/{opened.request.pk}") == names
    assert not any(b"canary" in bytes(one.entry) for one in OutboxEntry.objects.all())
    assert pq.read_table(readers)["email"].to_pylist() == [ADDRESS, BYSTANDER]
    walk()
    assert DeletionRequest.objects.get().state == "complete"
    assert pq.read_table(readers)["email"].to_pylist() == [BYSTANDER]


NUMBER = RawIdentifier(namespace="customer", value="4711")


def link_number():
    kinds = {"email": IdentifierKind.EMAIL, "customer": IdentifierKind.TEXT}
    pair = pair_of(raw(ADDRESS, "email"), NUMBER, kinds=kinds)
    actions.declare_links(pairs=[pair], actor=INTAKE, now=MONDAY)


def test_what_is_linked_to_an_address_counts_once_the_address_is_confirmed():
    make_namespace("customer")
    link_number()
    opened = open_request()
    assert opened.request.identifiers.count() == 1, "a code proves an address alone"
    tasks.send_code(str(opened.request.pk))
    assert opened.request.identifiers.count() == 1

    confirmed = confirm(opened, read_code())

    assert (confirmed.state, confirmed.behind_id) == ("received", None)
    linked = opened.request.identifiers.get(by_link=True)
    assert (linked.namespace_id, linked.leads) == ("customer", True)
    assert events(f"request/{opened.request.pk}")[-2:] == ["RequestVerified", "IdentifiersLinked"]


def test_who_is_confirmed_stands_behind_a_demand_of_the_linked_person():
    make_namespace("customer")
    opened = open_request()
    tasks.send_code(str(opened.request.pk))
    known = make_request(NUMBER, key="k2", caller="user:8", now=right_now())
    link_number()

    confirmed = confirm(opened, read_code())

    assert (confirmed.state, confirmed.behind_id) == ("received", known.request.pk)
    assert set(opened.request.identifiers.values_list("leads", flat=True)) == {False}
    assert events(f"request/{opened.request.pk}")[-1] == "RequestQueued"
    actions.cancel(request_id=known.request.pk, actor=OFFICER, now=right_now())
    tasks.steps.take_turns()
    assert set(opened.request.identifiers.values_list("leads", flat=True)) == {True}


def test_the_address_is_readable_with_the_requests_own_key_only():
    opened = open_request()
    sealed = bytes(EmailCheck.objects.get().sealed_address)

    letter = actions.make_code(request_id=opened.request.pk, actor=INTAKE, now=right_now())

    assert ADDRESS.encode() not in sealed
    assert letter is not None
    assert letter.address == ADDRESS
    assert ADDRESS not in repr(letter)
    assert letter.code not in repr(letter)


def test_five_wrong_codes_make_the_right_one_worthless():
    opened = open_request()
    tasks.send_code(str(opened.request.pk))
    code = read_code()

    for left in (4, 3, 2, 1, 0):
        with pytest.raises(CodeWrong):
            confirm(opened, other_than(code))
        assert EmailCheck.objects.get().tries_left == left
    with pytest.raises(CodeNotAllowed):
        confirm(opened, code)

    assert DeletionRequest.objects.get().state == "unverified"
    assert [entry["facts"]["tries_left"] for entry in recorded("CodeRefused")] == [4, 3, 2, 1, 0]


def test_a_code_is_valid_for_ten_minutes_and_only_the_newest():
    opened = open_request()
    tasks.send_code(str(opened.request.pk))
    first, made_at = read_code(), EmailCheck.objects.get().code_made_at
    assert made_at is not None

    with pytest.raises(CodeNotAllowed):
        confirm(opened, first, now=made_at + 10 * MINUTE + SECOND)
    another(opened, now=made_at + MINUTE)
    tasks.send_code(str(opened.request.pk))
    if read_code() != first:
        with pytest.raises(CodeWrong):
            confirm(opened, first)

    assert confirm(opened, read_code()).state == "received"


def test_codes_are_not_sent_as_often_as_somebody_likes():
    opened = open_request()
    with pytest.raises(CodeNotAllowed, match="on its way"):
        another(opened, now=right_now())  # the first one is not sent yet

    for _ in range(5):
        tasks.send_code(str(opened.request.pk))
        check = EmailCheck.objects.get()
        made_at = check.code_made_at
        assert made_at is not None
        with pytest.raises(CodeNotAllowed):
            another(opened, now=made_at + MINUTE - SECOND)
        if check.codes < 5:
            another(opened, now=made_at + MINUTE)

    with pytest.raises(CodeNotAllowed, match="somebody has to decide"):
        another(opened, now=right_now() + DAY)
    tasks.send_code(str(opened.request.pk))
    assert len(mail.outbox) == 5, "nobody wanted a sixth"


def test_an_address_that_nobody_confirmed_is_destroyed_and_somebody_decides():
    opened = open_request(now=MONDAY)
    actions.follow_checks(actor=OFFICER, now=MONDAY + 13 * DAY)
    assert EmailCheck.objects.exists()

    for _ in range(2):
        actions.follow_checks(actor=OFFICER, now=MONDAY + 14 * DAY)

    assert not EmailCheck.objects.exists()
    with pytest.raises(CodeNotAllowed):
        another(opened, now=MONDAY + 15 * DAY)
    assert Alert.objects.get(kind="person-not-verified").resolved_at is None
    actions.deny(
        request_id=opened.request.pk,
        article="GDPR Art. 12(6)",
        told_at=MONDAY + 15 * DAY,
        actor=OFFICER,
        now=MONDAY + 15 * DAY,
    )
    actions.follow_checks(actor=OFFICER, now=MONDAY + 16 * DAY)
    assert Alert.objects.get(kind="person-not-verified").resolved_at is not None
    assert events(f"request/{opened.request.pk}") == [
        "DeletionRequested",
        "VerificationExpired",
        "AlertRaised",
        "RequestDenied",
        "AlertResolved",
    ]


def test_the_clock_of_an_unverified_request_runs_and_people_are_asked_in_time():
    opened = open_request(now=MONDAY)

    (near,) = near_dates(kind="deadline-near", limit=9, now=opened.request.erase_by - DAY)

    assert (near.request_id, near.state) == (opened.request.pk, "unverified")


def test_a_withdrawn_request_forgets_the_address():
    opened = open_request()

    actions.cancel(request_id=opened.request.pk, actor=INTAKE, now=right_now())

    assert not EmailCheck.objects.exists()
    tasks.send_code(str(opened.request.pk))
    assert mail.outbox == []
    with pytest.raises(MoveNotAllowed):
        confirm(opened, "12345678")


@pytest.mark.parametrize(
    "identifiers",
    [
        (raw(ALICE),),
        (raw(ADDRESS, "email"), raw(ALICE)),
        (raw("alice@nowhere", "email"),),
        (HashedIdentifier(namespace="email", sha256="00" * 32),),
    ],
)
def test_a_code_proves_one_written_address_and_nothing_else(identifiers):
    make_namespace()

    with pytest.raises(VerificationNotPossible):
        open_request(*identifiers)

    assert not DeletionRequest.objects.exists()


def test_without_a_mail_server_nobody_is_promised_a_code(settings):
    settings.EMAIL_HOST = ""

    with pytest.raises(VerificationNotPossible, match="EMAIL_HOST"):
        open_request()

    assert not DeletionRequest.objects.exists()


def test_the_same_demand_again_is_the_same_request_and_sends_nothing():
    opened = open_request()
    tasks.send_code(str(opened.request.pk))

    assert open_request().request.pk == opened.request.pk
    assert codes_wanted(now=right_now(), limit=9) == []


def test_a_code_keeps_its_leading_zeros():
    assert new_code(below=lambda _: 7) == "00000007"
    assert new_code(below=lambda end: end - 1) == "99999999"


class Refusing(socketserver.StreamRequestHandler):
    """A mail server that takes nobody's mail, and says whom it is about."""

    @override
    def handle(self) -> None:
        self.wfile.write(b"220 mail.example\r\n")
        for line in self.rfile:
            if line[:4].upper() in {b"EHLO", b"HELO"}:
                self.wfile.write(b"250 mail.example\r\n")
            elif line[:4].upper() == b"RCPT":
                self.wfile.write(b"550 no such person: alice.canary@example.org\r\n")
            else:
                self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def refusing(settings):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusing) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        settings.EMAIL_USE_TLS = False
        yield
        server.shutdown()
        thread.join()


def test_a_code_that_the_mail_server_refuses_is_sent_again_and_then_somebody_must_look(
    refusing, settings, caplog
):
    settings.ATTEMPTS = 2
    opened = open_request()

    tasks.send_code(str(opened.request.pk))
    tasks.send_code(str(opened.request.pk))  # not yet: there is a pause
    assert EmailCheck.objects.get().failures == 1
    EmailCheck.objects.update(not_before=None)
    tasks.send_code(str(opened.request.pk))

    assert codes_wanted(now=right_now() + DAY, limit=9) == []
    (first, last) = recorded("CodeNotSent")
    assert (first["facts"]["error"], last["facts"]["attempts"]) == ("SMTPRecipientsRefused", 2)
    assert Alert.objects.get().kind == "code-not-sent"
    assert tables_naming(ADDRESS) == set()
    assert "canary" not in caplog.text
    another(opened, now=right_now())
    assert codes_wanted(now=right_now(), limit=9) == [opened.request.pk]


@pytest.mark.usefixtures("refusing")
def test_an_address_that_cannot_be_encoded_is_somebodys_to_look_at(settings, caplog):
    settings.ATTEMPTS = 1
    opened = open_request(raw("canary@\u3002\u00fc.example.org", "email"))

    tasks.send_code(str(opened.request.pk))

    assert Alert.objects.get().kind == "code-not-sent"
    (said,) = recorded("CodeNotSent")
    assert said["facts"]["error"] == "UnicodeError"
    assert "canary" not in caplog.text
    check = EmailCheck.objects.get()
    assert (check.codes, check.code_tag, check.wanted_at) == (0, "", None), "nobody has read it"


def test_the_failure_of_an_older_code_takes_nothing_from_the_newest():
    opened = open_request()
    first = actions.make_code(request_id=opened.request.pk, actor=INTAKE, now=right_now())
    assert first is not None
    another(opened, now=right_now() + MINUTE)
    tasks.send_code(str(opened.request.pk))
    code = read_code()
    late = {"request_id": opened.request.pk, "number": first.number, "error": "TimeoutError"}

    actions.code_not_sent(**late, actor=INTAKE, now=right_now())

    assert EmailCheck.objects.get().codes == 2
    assert recorded("CodeNotSent") == []
    assert confirm(opened, code).state == "received"


def test_the_failure_of_an_older_code_does_not_count_after_that_of_the_newest():
    opened = open_request()
    letters = []
    for minute in (0, 1):
        if minute:
            another(opened, now=right_now() + MINUTE)
        made = actions.make_code(request_id=opened.request.pk, actor=INTAKE, now=right_now())
        assert made is not None
        letters.append(made.number)

    for number in reversed(letters):
        actions.code_not_sent(
            request_id=opened.request.pk,
            number=number,
            error="TimeoutError",
            actor=INTAKE,
            now=right_now(),
        )

    check = EmailCheck.objects.get()
    assert (check.codes, check.failures) == (1, 1)
    assert len(recorded("CodeNotSent")) == 1
    assert codes_wanted(now=right_now() + DAY, limit=9) == [opened.request.pk]
