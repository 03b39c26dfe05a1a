"""Every button asks first, then calls the action, and says what it answered."""

from datetime import timedelta

import pytest
from django.urls import reverse

from audits.actions import raise_alert
from audits.models import Alert
from audits.trail import SYSTEM
from deletion import actions
from deletion.links import pair_of
from deletion.models import Batch, Certificate, DeletionRequest, Run
from lineage.identifiers import IdentifierKind
from tests.browser.story import (
    actor_of,
    ask,
    break_a_place,
    hold,
    no_waiting,
    plan,
)
from tests.deletion.builders import events, raw, right_now, walk
from tests.lineage.builders import (
    PATIENT_ID,
    make_dataset,
    make_node,
    make_version,
    pseudonym,
    scanned,
)
from tests.training.builders import make_model
from training.models import Attestation, Stop

pytestmark = pytest.mark.django_db

PEOPLE = [f"person-{number}" for number in range(6)]


@pytest.fixture
def dataset(tmp_path):
    return make_dataset(tmp_path / "patients", PEOPLE)


@pytest.fixture
def request_row(dataset):
    return ask(PEOPLE[0], days_ago=1)


def button(view, name, row):
    return reverse(f"admin:{view}_{name}", args=[row.pk])


def press(client, page, **said):
    """Press the button of a confirmation page; return what the next page tells."""
    assert client.get(page).status_code == 200
    answer = client.post(page, said, follow=True)
    return [str(message) for message in answer.context["messages"]]


def test_looking_at_a_question_changes_nothing(officer, request_row):
    for name in ("approve", "hold", "release", "cancel"):
        if name == "approve":
            plan(request_row)
        answer = officer.get(button("deletion_deletionrequest", name, request_row))
        assert answer.status_code == 200

    assert DeletionRequest.objects.get().state == "planned"
    assert events(f"request/{request_row.pk}") == ["DeletionRequested", "RequestPlanned"]


def test_a_plan_is_approved_by_the_digest_that_was_shown(officer, staff, request_row):
    batch = plan(request_row)
    page = button("deletion_batch", "approve", batch)

    assert batch.digest in officer.get(page).content.decode()
    said = press(officer, page, seen_digest=batch.digest, repeated=batch.digest[:8].upper())

    assert said == [f"The plan of batch {batch.pk} is approved; work begins with the next sweep."]
    batch.refresh_from_db()
    assert batch.approved_by == actor_of(staff.clara)
    assert events(f"batch/{batch.pk}") == ["PlanApproved"]


def test_a_plan_is_not_approved_by_a_slip_of_the_hand(officer, request_row):
    batch = plan(request_row)
    page = button("deletion_batch", "approve", batch)

    answer = officer.post(page, {"seen_digest": batch.digest, "repeated": "12345678"})

    assert answer.status_code == 200
    assert "not the first characters" in answer.content.decode()
    assert Batch.objects.get().approved_at is None


def test_a_plan_that_lineage_has_outrun_is_refused_in_words(officer, dataset, request_row):
    batch = plan(request_row)
    make_version(dataset.family, scanned(PEOPLE[1:]))
    said = press(
        officer,
        button("deletion_batch", "approve", batch),
        seen_digest=batch.digest,
        repeated=batch.digest[:8],
    )

    assert len(said) == 1
    assert said[0].startswith("Nothing was changed. Lineage changed after the plan was shown")
    assert Batch.objects.get().approved_at is None


def test_a_plan_is_approved_from_the_page_of_a_request_as_well(officer, request_row):
    batch = plan(request_row)

    said = press(
        officer,
        button("deletion_deletionrequest", "approve", request_row),
        seen_digest=batch.digest,
        repeated=batch.digest[:8],
    )

    assert said == [f"The plan of batch {batch.pk} is approved; work begins with the next sweep."]
    assert DeletionRequest.objects.get().state == "in progress"


def test_a_request_without_a_plan_has_none_to_approve(officer, request_row):
    page = button("deletion_deletionrequest", "approve", request_row)

    answer = officer.get(page, follow=True)

    assert [str(message) for message in answer.context["messages"]] == [
        "There is no plan to approve: the request is not in a batch."
    ]


def test_a_plan_is_given_up(officer, request_row):
    batch = plan(request_row)

    said = press(officer, button("deletion_batch", "dissolve", batch))

    assert said == ["The plan is given up; its requests are planned again."]
    assert DeletionRequest.objects.get().state == "received"
    assert events(f"batch/{batch.pk}") == ["PlanDissolved"]


def test_a_hold_takes_a_ground_of_the_requests_regime_only(officer, request_row):
    page = button("deletion_deletionrequest", "hold", request_row)

    refused = officer.post(page, {"article": "11 CCR 7021", "reason": "x"})
    said = press(officer, page, article="GDPR Art. 17(3)(e)", reason="before the court")

    assert refused.status_code == 200
    assert said == ["The request is on hold."]
    assert events(f"request/{request_row.pk}") == ["DeletionRequested", "RequestHeld"]


def test_a_hold_is_released_by_somebody_else(officer, client, staff, request_row):
    hold(request_row, by=staff.clara)
    page = button("deletion_deletionrequest", "release", request_row)

    refused = press(officer, page)
    client.force_login(staff.dora)
    said = press(client, page)

    assert refused == [
        (
            "Nothing was changed. A hold is ended, and a disgorgement approved, by somebody else"
            " than who began it."
        ),
    ]
    assert said == ["The hold is released; the request goes on."]
    assert events(f"request/{request_row.pk}")[-1] == "HoldReleased"


def test_dates_are_extended_once_with_the_date_on_which_the_person_was_told(officer, request_row):
    page = button("deletion_deletionrequest", "extend", request_row)
    told = request_row.received_at

    said = press(
        officer,
        page,
        reason="the request is complex",
        told_at_0=f"{told:%Y-%m-%d}",
        told_at_1=f"{told + timedelta(seconds=1):%H:%M:%S}",
    )

    assert said == ["The dates are extended."]
    assert events(f"request/{request_row.pk}") == ["DeletionRequested", "RequestExtended"]
    shown = officer.get(
        reverse("admin:deletion_deletionrequest_change", args=[request_row.pk])
    ).content.decode()
    assert f"extended, told on {told:%Y-%m-%d}: the request is complex" in shown
    assert f"Before: {request_row.models_by:%Y-%m-%d}" in shown


def moment_said(name, at):
    return {f"{name}_0": f"{at:%Y-%m-%d}", f"{name}_1": f"{at:%H:%M:%S.%f}"}


def test_the_clocks_stand_still_from_the_question_to_the_answer(officer, dataset):
    row = ask(PEOPLE[1], days_ago=9, regime="uk-gdpr")
    view = "deletion_deletionrequest"
    asked = row.received_at + timedelta(days=2)

    said = press(
        officer,
        button(view, "pause", row),
        article="UK GDPR Art. 12A(2)(b)",
        **moment_said("asked_at", asked),
    )
    page = reverse(f"admin:{view}_change", args=[row.pk])
    paused = officer.get(page)
    answered = press(
        officer,
        button(view, "end_pause", row),
        **moment_said("answered_at", asked + timedelta(days=4)),
    )

    assert said == ["The clocks stand still until the person answers."]
    assert "paused, 8 d left" in paused.content.decode()
    offered = [action["title"] for action in paused.context["actions_detail"]]
    assert offered == ["End pause", "Extend", "Deny", "Cancel"]
    assert answered == ["The clocks go on; both dates are later by as long as the answer took."]
    text = officer.get(page).content.decode()
    assert "later by 4 d, for which it was paused" in text
    assert "and 4 d of pauses" in text
    assert DeletionRequest.objects.get().models_by == row.models_by + timedelta(days=4)


def test_a_request_is_denied_after_its_person_was_told(officer, request_row):
    page = button("deletion_deletionrequest", "deny", request_row)
    assert "complain to a supervisory authority" in officer.get(page).content.decode()

    said = press(
        officer,
        page,
        article="GDPR Art. 12(5)(b)",
        **moment_said("told_at", request_row.received_at + timedelta(hours=1)),
    )

    assert said == ["The request is denied."]
    assert events(f"request/{request_row.pk}") == ["DeletionRequested", "RequestDenied"]
    shown = officer.get(reverse("admin:deletion_deletionrequest_change", args=[request_row.pk]))
    assert "GDPR Art. 12(5)(b)" in shown.content.decode()
    assert shown.context["actions_detail"] == []


def test_a_request_is_cancelled(officer, request_row):
    said = press(officer, button("deletion_deletionrequest", "cancel", request_row))

    assert said == ["The request is cancelled."]
    assert events(f"request/{request_row.pk}") == ["DeletionRequested", "RequestCancelled"]


def test_a_wrong_link_is_undone_by_its_number(officer, request_row):
    kinds = {PATIENT_ID: IdentifierKind.TEXT}
    wrong, right = (pair_of(raw(PEOPLE[1]), raw(PEOPLE[other]), kinds=kinds) for other in (2, 3))
    actions.declare_links(pairs=[wrong, right], actor=SYSTEM, now=right_now())
    row = ask(PEOPLE[1], days_ago=1)
    page = reverse("admin:deletion_deletionrequest_change", args=[row.pk])
    before = officer.get(page)
    undone = row.identifiers.get(pseudonym=pseudonym(PEOPLE[2]))

    said = press(
        officer, button("deletion_deletionrequest", "undo_link", row), identifier=undone.pk
    )

    assert "Added by links" in before.content.decode()
    assert all(person not in before.content.decode() for person in PEOPLE)
    assert "Undo link" in [action["title"] for action in before.context["actions_detail"]]
    assert said == ["The link is undone: that identifier is not looked for."]
    assert row.identifiers.get(by_link=True).pseudonym == pseudonym(PEOPLE[3])
    assert events(f"request/{row.pk}")[-1] == "LinkUndone"
    unlinked = officer.get(reverse("admin:deletion_deletionrequest_change", args=[request_row.pk]))
    assert "Added by links" not in unlinked.content.decode()
    assert "Undo link" not in [one["title"] for one in unlinked.context["actions_detail"]]


def test_a_page_offers_what_the_state_allows(officer, staff, request_row):
    def offered():
        page = reverse("admin:deletion_deletionrequest_change", args=[request_row.pk])
        return [action["title"] for action in officer.get(page).context["actions_detail"]]

    received = offered()
    batch = plan(request_row)
    planned = offered()
    hold(request_row, by=staff.clara)
    held = offered()
    actions.release_hold(request_id=request_row.pk, actor=actor_of(staff.dora), now=right_now())
    actions.dissolve_plan(batch_id=batch.pk, actor=actor_of(staff.dora), now=right_now())
    actions.cancel(request_id=request_row.pk, actor=actor_of(staff.dora), now=right_now())

    assert received == ["Place hold", "Extend", "Deny", "Cancel"]
    assert planned == ["Approve plan", "Place hold", "Extend", "Deny", "Cancel"]
    assert held == ["Release hold", "Extend", "Deny", "Cancel"]
    assert offered() == []


def test_the_certificate_of_a_finished_request_is_handed_out(officer, request_row):
    page = reverse("admin:deletion_deletionrequest_certificate", args=[request_row.pk])
    assert officer.get(page).status_code == 404
    with no_waiting():
        walk()

    answer = officer.get(page)

    assert answer.json() == Certificate.objects.get().envelope
    assert answer["Content-Disposition"].startswith("attachment;")


def test_a_stuck_run_is_let_try_again(officer, staff, tmp_path):
    break_a_place(tmp_path / "archive", by=staff.dora)
    run = Run.objects.get(state="stuck")

    said = press(officer, button("deletion_run", "retry", run))

    assert said == ["The run tries again with the next sweep."]
    assert Run.objects.get().state == "running"
    assert events(f"run/{run.pk}")[-1] == "RunRetried"


def test_an_alert_is_resolved_with_what_was_done(officer, staff):
    alert = raise_alert(
        kind="run-stuck",
        about="run/1",
        detail={"why": "its file is damaged"},
        actor=SYSTEM,
        now=right_now(),
    )

    listed = officer.get("/admin/audits/alert/").content.decode()
    said = press(officer, button("audits_alert", "resolve", alert), reason="moved it back")

    assert alert.detail["why"] in listed
    assert said == ["The alert is resolved."]
    alert = Alert.objects.get()
    assert alert.resolution == "moved it back"
    assert alert.resolved_by == actor_of(staff.clara)
    assert events("run/1") == ["AlertRaised", "AlertResolved"]


def test_everything_is_stopped_at_once(officer):
    said = press(officer, reverse("admin:training_stop_stop_everything"), reason="an incident")

    assert said == ["everything is stopped."]
    assert events("stop/everything") == ["StopRaised"]


def test_a_pool_is_stopped(officer):
    address = reverse("admin:training_stop_stop_pool")

    said = press(officer, address, scope="pool/erasure", reason="the bucket moves")

    assert said == ["pool/erasure is stopped."]
    assert events("stop/pool/erasure") == ["StopRaised"]


def test_another_tools_model_is_attested_gone(officer):
    node = make_node(name="elsewhere")

    said = press(
        officer,
        reverse("admin:training_attestation_attest"),
        version=node.pk,
        evidence_class="retired",
        evidence_digest="ab" * 32,
        reason="its maker deleted it",
    )

    assert said == ["model version elsewhere 1 is attested gone."]
    assert events("model/elsewhere")[-1] == "VersionAttestedGone"
    row = Attestation.objects.get()
    page = officer.get(reverse("admin:training_attestation_change", args=[row.pk]))
    assert "not proven by Lethe" in page.content.decode()


def test_an_approximate_removal_is_kept_on_record_and_the_officer_is_told_why_it_closes_nothing(
    officer,
):
    node = make_node(name="elsewhere")

    (said,) = press(
        officer,
        reverse("admin:training_attestation_attest"),
        version=node.pk,
        evidence_class="approximate",
        evidence_digest="ab" * 32,
        reason="its maker unlearned them",
    )

    assert "still counts: approximate unlearning cannot show" in said
    assert events("model/elsewhere")[-1] == "RemovalNotAccepted"
    page = officer.get(
        reverse("admin:training_attestation_change", args=[Attestation.objects.get().pk])
    )
    assert "approximate: closes nothing" in page.content.decode()


def test_a_stop_is_lifted_by_two_people(officer, client, staff, dataset):
    model = make_model(dataset.family)
    press(officer, button("training_model", "stop", model), reason="complaints")
    stop = Stop.objects.get()
    press(officer, button("training_stop", "propose_lift", stop))
    refused = press(officer, button("training_stop", "lift", stop))

    client.force_login(staff.dora)
    said = press(client, button("training_stop", "lift", stop))

    assert refused == [
        "Nothing was changed. A stop is lifted by two people: one proposes, another confirms."
    ]
    assert said == ["The stop of model/triage is lifted."]
    assert events("stop/model/triage") == ["StopRaised", "StopLiftProposed", "StopLifted"]


def test_a_form_from_another_site_is_refused(staff, request_row):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(staff.clara)

    answer = strict.post(button("deletion_deletionrequest", "cancel", request_row))

    assert answer.status_code == 403
    assert DeletionRequest.objects.get().state == "received"
