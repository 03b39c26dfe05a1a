import io
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from audits.actions import seal
from audits.bundle import verify_bundle
from audits.models import OutboxEntry
from config.traces import files_naming
from deletion.models import DeletionRequest, Recipient
from tests.cast import ALICE, BOB
from tests.deletion.builders import events, make_request, raw, right_now, state, walk
from tests.lineage.builders import PATIENT_ID, make_dataset, make_namespace
from training.calling.signing import public_key, shown_secret

pytestmark = pytest.mark.django_db


@pytest.fixture
def said(monkeypatch):
    """Let a command read this from its standard input."""

    def say(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return say


def request_deletion(**options: str) -> str:
    out = io.StringIO()
    call_command(
        "request_deletion", **{"regime": "gdpr", "namespace": PATIENT_ID, **options}, stdout=out
    )
    return out.getvalue()


def test_an_operator_opens_a_request_without_naming_anybody_on_the_command_line(said):
    make_namespace(PATIENT_ID)
    said(f"{ALICE}\n")

    printed = request_deletion()

    request = DeletionRequest.objects.get()
    assert printed.splitlines()[0] == f"request {request.pk}"
    assert "receipt for the person: " in printed
    assert ALICE not in printed
    assert request.verification == "operator-attested"
    assert events(f"request/{request.pk}") == ["DeletionRequested"]


def test_the_same_key_and_person_print_the_same_request(said):
    make_namespace(PATIENT_ID)
    said(f"{ALICE}\n")
    first = request_deletion(key="ticket-1")
    said(f"{ALICE}\n")

    assert request_deletion(key="ticket-1") == first


@pytest.mark.parametrize(
    ("line", "options", "why"),
    [
        ("", {}, "no identifier on standard input"),
        ("   \n\n", {}, "no identifier on standard input"),
        (f"{ALICE}\n{BOB}\n", {}, "one identifier at a time"),
        (f"{ALICE}\x07\n", {}, "IdentifierMalformed: "),
        (f"{ALICE}\n", {"regime": "hammurabi"}, "RegimeUnknown: "),
        (f"{ALICE}\n", {"namespace": "fax"}, "NamespaceUnknown: "),
    ],
)
def test_a_refusal_is_one_line_that_names_nobody(said, line, options, why):
    make_namespace(PATIENT_ID)
    said(line)

    with pytest.raises(CommandError, match=why) as refused:
        request_deletion(**options)

    assert ALICE not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not DeletionRequest.objects.exists()


def test_a_bundle_is_written_once_the_request_is_complete_and_sealed(tmp_path, settings):
    settings.COALESCE = settings.COALESCE * 0
    make_dataset(tmp_path / "data")
    opened = make_request(raw(ALICE), now=right_now())
    folder = tmp_path / "bundle"

    with pytest.raises(CommandError, match="NotComplete"):
        call_command("export_bundle", str(opened.request.pk), str(folder))
    walk()
    assert state(opened) == "complete"
    with pytest.raises(CommandError, match="NotSealedYet"):
        call_command("export_bundle", str(opened.request.pk), str(folder))
    assert not folder.exists()
    seal(now=right_now())
    out = io.StringIO()
    call_command("export_bundle", str(opened.request.pk), str(folder), stdout=out)

    assert verify_bundle(folder).entry.about == f"request/{opened.request.pk}"
    assert str(folder) in out.getvalue()
    assert files_naming(folder, ALICE) == set()


def test_a_bundle_of_nobodys_request_or_into_no_folder_is_refused(tmp_path, settings):
    settings.COALESCE = settings.COALESCE * 0
    with pytest.raises(CommandError, match="RequestUnknown"):
        call_command("export_bundle", str(uuid4()), str(tmp_path / "x"))
    make_dataset(tmp_path / "data")
    opened = make_request(raw(ALICE), now=right_now())
    walk()
    seal(now=right_now())
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_bundle", str(opened.request.pk), str(tmp_path / "file"))


def test_an_operator_declares_a_recipient_and_gets_what_it_verifies_with(settings):
    make_namespace(PATIENT_ID)
    out = io.StringIO()
    said = ["declare_recipient", "hospital", "--webhook", "https://hospital.example/secret-path"]

    call_command(*said, "--send", f"{PATIENT_ID}=patient", "--test", stdout=out)

    row = Recipient.objects.get()
    assert (row.way, row.namespaces) == ("webhook", {PATIENT_ID: "patient"})
    assert row.test_asked_at is not None
    key = settings.WEBHOOK_SIGNING_KEY
    assert public_key(key) in out.getvalue()
    assert shown_secret("hospital", signing_key=key) in out.getvalue()
    assert events("recipient/hospital") == ["RecipientDeclared", "RecipientTestAsked"]
    entry = bytes(OutboxEntry.objects.filter(event="RecipientDeclared").values_list("entry")[0][0])
    assert b"hospital.example" in entry
    assert b"secret-path" not in entry
    with pytest.raises(CommandError, match="RecipientInvalid"):
        call_command(*said)
    with pytest.raises(CommandError, match="AddressRefused"):
        call_command(
            "declare_recipient", "x", "--opendsr", "http://x/", "--send", f"{PATIENT_ID}=email"
        )
    call_command("declare_recipient", "archive", "--by-hand", stdout=out)
    assert Recipient.objects.get(name="archive").way == "by hand"
