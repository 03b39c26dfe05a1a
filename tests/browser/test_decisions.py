"""What officers decide, pressed in a real browser and read back from the rows."""

import pytest
from playwright.sync_api import expect

from deletion.models import Batch, DeletionRequest
from tests.browser.story import ask, hold, make_staff, plan
from tests.lineage.builders import make_dataset
from tests.training.builders import make_model
from training.models import Stop

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REQUESTS = "/admin/deletion/deletionrequest/"
PERSON = "person-17"


def make_request(tmp_path):
    make_dataset(tmp_path, [PERSON, "person-18"])
    return ask(PERSON, days_ago=1)


def test_an_officer_approves_a_plan_by_repeating_its_digest(visit, tmp_path):
    make_staff()
    request = make_request(tmp_path)
    batch = plan(request)
    visit.sign_in("clara")

    visit.page.get_by_role("link", name="Batches").click()
    visit.page.get_by_role("link", name=f"Batch {batch.pk}", exact=True).click()
    visit.picture("batch")
    visit.page.get_by_role("link", name="Approve plan").click()
    visit.page.get_by_label("Type the first 8 characters").fill("00000000")
    visit.page.get_by_role("button", name="Approve this plan").click()
    expect(visit.page.get_by_text("These are not the first characters")).to_be_visible()
    visit.picture("approve-refused")
    visit.page.get_by_label("Type the first 8 characters").fill(batch.digest[:8])
    visit.page.get_by_role("button", name="Approve this plan").click()

    expect(visit.page.get_by_text("is approved; work begins")).to_be_visible()
    visit.picture("approved")
    batch = Batch.objects.get()
    assert batch.approved_at is not None
    assert DeletionRequest.objects.get().state == "in progress"


def test_a_hold_needs_a_ground_and_another_officer_to_release_it(visit, tmp_path):
    staff = make_staff()
    request = make_request(tmp_path)
    visit.sign_in("clara")

    visit.open(f"{REQUESTS}{request.pk}/change/")
    visit.page.get_by_role("link", name="Place hold").click()
    visit.page.get_by_label("Legal ground").select_option("GDPR Art. 17(3)(e)")
    visit.page.get_by_label("Reason").fill("a claim before the court")
    visit.picture("hold")
    visit.page.get_by_role("button", name="Place the hold").click()
    expect(visit.page.get_by_text("The request is on hold.")).to_be_visible()
    visit.page.get_by_role("link", name="Release hold").click()
    visit.page.get_by_role("button", name="Release the hold").click()
    expect(
        visit.page.get_by_text("A hold is ended, and a disgorgement approved, by somebody else")
    ).to_be_visible()
    visit.picture("hold-refused")
    assert DeletionRequest.objects.get().state == "held"

    visit.sign_out()
    visit.sign_in(staff.dora.username)
    visit.open(f"{REQUESTS}{request.pk}/release/")
    visit.page.get_by_role("button", name="Release the hold").click()

    expect(visit.page.get_by_text("The hold is released")).to_be_visible()
    assert DeletionRequest.objects.get().state == "received"


def test_a_person_is_looked_up_without_leaving_their_identifier_anywhere(visit, tmp_path):
    make_staff()
    make_dataset(tmp_path, [PERSON, "person-18"])
    visit.sign_in("clara")

    visit.page.get_by_role("link", name="Where is a person?").click()
    visit.picture("where-is-before")
    visit.page.get_by_label("Identifier").fill(PERSON.upper())
    visit.page.get_by_role("button", name="Look up").click()

    expect(visit.page.get_by_text("from 1, still there")).to_be_visible()
    visit.picture("where-is-after")
    assert visit.page.url == f"{visit.site}/admin/lineage/where-is/"
    assert PERSON.upper() not in visit.page.content()
    assert visit.page.get_by_label("Identifier").input_value() == ""


def test_a_stopped_model_is_let_go_by_two_people(visit, tmp_path):
    staff = make_staff()
    model = make_model(make_dataset(tmp_path).family)
    visit.sign_in("clara")

    visit.open(f"/admin/training/model/{model.pk}/change/")
    visit.page.get_by_role("link", name="Stop", exact=True).click()
    visit.page.get_by_label("Reason").fill("complaints")
    visit.picture("stop")
    visit.page.get_by_role("button", name="Stop it now").click()
    expect(visit.page.get_by_text("model/triage is stopped.")).to_be_visible()
    visit.page.get_by_role("link", name="Propose to lift the stop").click()
    visit.page.get_by_role("button", name="Propose the lift").click()
    visit.page.get_by_role("link", name="Lift the stop", exact=True).click()
    visit.page.get_by_role("button", name="Lift the stop").click()
    expect(visit.page.get_by_text("A stop is lifted by two people")).to_be_visible()
    assert Stop.objects.get().lifted_at is None

    visit.sign_out()
    visit.sign_in(staff.dora.username)
    visit.open(f"/admin/training/model/{model.pk}/lift/")
    visit.page.get_by_role("button", name="Lift the stop").click()

    expect(visit.page.get_by_text("is lifted.")).to_be_visible()
    assert Stop.objects.get().lifted_at is not None


def test_an_auditor_sees_everything_and_presses_nothing(visit, tmp_path):
    staff = make_staff()
    request = make_request(tmp_path)
    hold(request, by=staff.clara)
    visit.sign_in("aldo")

    visit.open(f"{REQUESTS}{request.pk}/change/")

    expect(
        visit.page.get_by_role(
            "heading", name=f"Deletion request {str(request.pk)[:8]}", exact=True
        )
    ).to_be_visible()
    expect(visit.page.get_by_role("link", name="Release hold")).to_have_count(0)
    expect(visit.page.get_by_role("link", name="Where is a person?")).to_have_count(0)
    visit.picture("auditor")
    refused = visit.page.goto(f"{visit.site}{REQUESTS}{request.pk}/release/")
    assert refused is not None
    assert refused.status == 403
    visit.page.wait_for_load_state("networkidle")  # its note about the refusal may come late
    visit.wrong.clear()
