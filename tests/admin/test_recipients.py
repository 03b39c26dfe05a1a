"""Who was reached outside is shown where officers look, and is told from there."""

from datetime import timedelta

import pytest
from django.urls import reverse

from audits.permissions import Role
from deletion.actions import declare_recipient
from deletion.callbacks import key_in
from deletion.models import Callback, Recipient, Telling
from deletion.telling import Way
from lineage.graph import EdgeKind, NodeKind
from tests.admin.test_buttons import press
from tests.browser.story import actor_of, ask, no_waiting, plan
from tests.deletion.builders import right_now, walk
from tests.deletion.processor_keys import signer
from tests.lineage.builders import PATIENT_ID, make_dataset, make_node

pytestmark = pytest.mark.django_db

PEOPLE = ["person-0", "person-1"]
RECIPIENTS = "/admin/deletion/recipient/"


@pytest.fixture
def version(tmp_path):
    version = make_dataset(tmp_path, PEOPLE)
    make_node(NodeKind.RECIPIENT, "hospital", sources=[(version.node_id, EdgeKind.PASSED_TO)])
    return version


def said(client, page):
    return " ".join(client.get(page).content.decode().split())


def test_a_recipient_is_shown_before_the_approval_and_recorded_by_hand_at_the_end(officer, version):
    reached = ask(PEOPLE[0], days_ago=1)
    other = ask("nobody-we-know", days_ago=1)
    request_page = f"/admin/deletion/deletionrequest/{reached.pk}/change/"
    batch = plan(reached)

    for page in (request_page, f"/admin/deletion/batch/{batch.pk}/change/"):
        assert "hospital" in said(officer, page)
        assert "told once the data is erased" in said(officer, page)

    with no_waiting():
        walk()
    assert "not declared" in said(officer, RECIPIENTS)
    row = Telling.objects.get()
    assert f"/admin/deletion/telling/{row.pk}/change/" in said(officer, request_page)
    record = reverse("admin:deletion_telling_record", args=[row.pk])
    answer = {"told_at_0": "2026-01-02", "told_at_1": "10:00:00", "proof_digest": "ab" * 32}
    assert press(officer, record, told_by="By Mail", **answer) == []  # asked again
    assert press(officer, record, told_by="letter", **answer) == ["It is recorded."]
    with no_waiting():
        walk()

    reached.refresh_from_db()
    assert reached.state == "complete"
    assert "notified" in said(officer, request_page)
    attach = reverse("admin:deletion_telling_attach", args=[row.pk])
    assert press(officer, attach, name="Ann Smith", digest="cd" * 32) == []  # asked again
    assert press(officer, attach, name="receipt", digest="cd" * 32) == ["It is attached."]
    shown = said(officer, f"/admin/deletion/telling/{row.pk}/change/")
    assert "cd" * 32 in shown
    assert "no: it came later" in shown
    assert "1, 1 later" in said(officer, request_page)
    stranger = said(officer, f"/admin/deletion/deletionrequest/{other.pk}/change/")
    assert "hospital" not in stranger


def test_an_officer_excuses_a_recipient_with_ground_and_reason(officer, version):
    reached = ask(PEOPLE[0], days_ago=1)
    with no_waiting():
        walk()
    row = Telling.objects.get()

    assert press(
        officer,
        reverse("admin:deletion_telling_excuse", args=[row.pk]),
        ground="impossible",
        reason="dissolved",
    ) == ["The reason is kept."]
    with no_waiting():
        walk()

    reached.refresh_from_db()
    assert reached.state == "complete"


def test_an_administrator_declares_a_recipient_and_an_officer_may_not(officer, as_role, version):
    page = reverse("admin:deletion_recipient_declare")
    declaration = {
        "name": "hospital",
        "way": "webhook",
        "url": "https://hospital.example/hooks",
        "namespaces": f"{PATIENT_ID} = patient",
    }

    assert officer.get(page).status_code == 403
    admin = as_role(Role.ADMINISTRATOR)
    (refused,) = press(admin, page, **declaration | {"url": "http://hospital.example/"})
    assert refused.startswith("Nothing was changed. The address is none that Lethe calls")
    assert press(admin, page, **declaration) == ["hospital is declared."]

    row = Recipient.objects.get()
    assert row.namespaces == {PATIENT_ID: "patient"}
    shown = f"{RECIPIENTS}{row.pk}/change/"
    assert "https://hospital.example/hooks" in said(admin, shown)
    disable = reverse("admin:deletion_recipient_disable", args=[row.pk])
    assert press(admin, disable, reason="moved") == ["Nothing is sent any more."]
    assert "disabled" in said(admin, shown)
    enable = reverse("admin:deletion_recipient_enable", args=[row.pk])
    assert press(admin, enable) == ["It is sent to again."]
    test = reverse("admin:deletion_recipient_test", args=[row.pk])
    assert press(admin, test) == ["The test message goes out with the next sweep."]
    assert "on its way" in said(admin, shown)


def test_a_declared_key_lets_a_processor_call_back_and_the_pages_show_it(
    officer, as_role, version, settings
):
    settings.PUBLIC_URL = "https://lethe.example"
    admin = as_role(Role.ADMINISTRATOR)
    key = signer(host="processor.example")
    declaration = {
        "name": "hospital",
        "way": "opendsr",
        "url": "https://processor.example/v2",
        "namespaces": f"{PATIENT_ID} = controller_customer_id",
        "callback_key": key.certificate,
    }
    ask(PEOPLE[0], days_ago=1)
    with no_waiting():
        walk()
    row = Telling.objects.get()

    page = reverse("admin:deletion_recipient_declare")
    assert press(admin, page, **declaration) == ["hospital is declared."]

    hospital = Recipient.objects.get()
    shown = said(officer, f"{RECIPIENTS}{hospital.pk}/change/")
    assert f"https://lethe.example/api/v1/recipients/{hospital.pk}/callbacks" in shown
    assert key_in(key.public).digest[:16] in shown
    Callback.objects.create(
        telling=row, at=right_now(), answer="completed", hearing="contradiction", digest="ef" * 32
    )
    callbacks = said(officer, f"/admin/deletion/telling/{row.pk}/change/")
    assert "contradiction" in callbacks
    assert "ef" * 32 in callbacks
    old = signer(since=right_now() - timedelta(days=9), days=8)
    Recipient.objects.update(callback_key=old.certificate)
    assert "its certificate is not valid" in said(officer, f"{RECIPIENTS}{hospital.pk}/change/")
    settings.PUBLIC_URL = ""
    Recipient.objects.update(callback_key=key.public)
    assert "PUBLIC_URL is not set" in said(officer, f"{RECIPIENTS}{hospital.pk}/change/")


def test_what_could_not_be_told_is_tried_again(officer, staff, version):
    ask(PEOPLE[0], days_ago=1)
    declare_recipient(
        name="hospital",
        way=Way.BY_HAND,
        url="",
        namespaces={},
        waits_for_answer=False,
        actor=actor_of(staff.clara),
        now=right_now(),
    )
    with no_waiting():
        walk()
    Telling.objects.update(attempts=10)
    row = Telling.objects.get()

    again = reverse("admin:deletion_telling_again", args=[row.pk])
    assert press(officer, again) == ["The message goes out with the next sweep."]

    row.refresh_from_db()
    assert row.attempts == 0
