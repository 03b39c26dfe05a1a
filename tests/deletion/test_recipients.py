"""Recipients: whoever was given somebody's data is told that it was erased, or excused."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from audits.models import Alert
from deletion import actions, tasks
from deletion.actions import (
    declare_recipient,
    disable_recipient,
    enable_recipient,
    excuse,
    record_told,
    retry_telling,
)
from deletion.errors import RecipientInvalid, RecipientUnknown, TellingUnknown
from deletion.models import Batch, Certificate, Obligation, Recipient, Share, Telling
from deletion.queries.requests import targets_of
from deletion.telling import Ground, Way
from lineage.errors import NamespaceUnknown
from lineage.graph import EdgeKind, NodeKind
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import (
    DORA,
    events,
    make_request,
    outcomes,
    raw,
    right_now,
    state,
    statement_of,
    walk,
    work_off,
)
from tests.lineage.builders import (
    PATIENT_ID,
    make_dataset,
    make_node,
    make_store,
    make_version,
    write_people,
)
from training.errors import AddressRefused

pytestmark = pytest.mark.django_db

PROOF = "ab" * 32


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def pass_on(version, name="hospital"):
    make_node(NodeKind.RECIPIENT, name, sources=[(version.node_id, EdgeKind.PASSED_TO)])


def declare(name="hospital", *, way=Way.BY_HAND, url="", namespaces=None, **changes):
    return declare_recipient(
        name=name,
        way=way,
        url=url,
        namespaces=namespaces or {},
        waits_for_answer=changes.get("waits_for_answer", False),
        actor=OFFICER,
        now=changes.get("now", right_now()),
    )


def telling_of(opened, name="hospital"):
    return Telling.objects.get(
        share__request=opened.request, share__obligation__recipient__name=name
    )


def tell(opened, name="hospital"):
    return record_told(
        telling_id=telling_of(opened, name).pk,
        told_by="registered-letter",
        told_at=right_now(),
        proof_digest=PROOF,
        actor=OFFICER,
        now=right_now(),
    )


def asked():
    """Return what the open alerts ask people to tell, and about how many requests."""
    alerts = Alert.objects.filter(kind="recipient-to-tell", resolved_at=None).order_by("about")
    return [(alert.about, alert.detail["requests"]) for alert in alerts]


def certified(opened):
    return statement_of(Certificate.objects.get(request=opened.request))["predicate"]


def test_a_recipient_is_told_by_hand_once_the_data_is_erased_and_then_the_request_is_complete(
    tmp_path,
):
    pass_on(make_dataset(tmp_path))
    declare()
    alice = make_request(raw(ALICE), key="k1", now=right_now())
    stranger = make_request(raw("nobody-we-know"), key="k2", now=right_now())

    tasks.sweep()

    assert Batch.objects.get().plan["recipients"] == [
        {
            "recipient": "hospital",
            "requests": [str(alice.request.pk)],
            "standing": "told once the data is erased",
        }
    ]
    assert outcomes(alice) == {"patients": "", "hospital": ""}
    assert asked() == []  # nothing is erased yet

    walk()
    assert (state(alice), state(stranger)) == ("in progress", "complete")
    assert outcomes(alice) == {"patients": "erased", "hospital": ""}
    assert asked() == [("recipient/hospital", 1)]

    tell(alice)
    walk()
    assert state(alice) == "complete"
    assert asked() == []
    assert certified(stranger)["recipients"] == []
    (said,) = certified(alice)["recipients"]
    assert said == {
        "recipient": "hospital",
        "standing": "notified",
        "note": f"registered-letter; recorded by {OFFICER}",
        "told_by": "registered-letter",
        "told_at": said["told_at"],
        "proof_digest": PROOF,
    }
    assert certified(alice)["outcomes"] == {"erased": 1, "notified": 1}
    assert "RecipientTold" in events("recipient/hospital")
    obligation = Obligation.objects.get(kind="tell")
    assert obligation.discharged_at is not None
    assert obligation.due_at == alice.request.models_by


def test_a_recipient_that_nobody_declared_is_asked_for_at_once_and_can_be_recorded(tmp_path):
    pass_on(make_dataset(tmp_path))
    opened = make_request(now=right_now())

    tasks.sweep()
    assert asked() == [("recipient/hospital", 1)]
    assert "nobody declared" in Alert.objects.get().detail["why"]

    walk()
    assert state(opened) == "in progress"
    tell(opened)
    walk()
    assert state(opened) == "complete"
    assert asked() == []


def test_an_officer_may_say_why_a_recipient_need_not_be_told(tmp_path):
    pass_on(make_dataset(tmp_path))
    opened = make_request(now=right_now())
    walk()

    excuse(
        telling_id=telling_of(opened).pk,
        ground=Ground.IMPOSSIBLE,
        reason="the company was dissolved",
        actor=OFFICER,
        now=right_now(),
    )
    walk()

    assert state(opened) == "complete"
    (said,) = certified(opened)["recipients"]
    assert said["standing"] == "excused"
    assert said["note"] == "impossible: the company was dissolved"
    assert certified(opened)["outcomes"] == {"erased": 1, "excused": 1}


def test_telling_is_recorded_once_and_not_in_the_future(tmp_path):
    pass_on(make_dataset(tmp_path))
    opened = make_request(now=right_now())
    walk()
    said = {"telling_id": telling_of(opened).pk, "proof_digest": "", "actor": OFFICER}

    with pytest.raises(RecipientInvalid):
        record_told(
            **said, told_by="letter", told_at=right_now() + timedelta(days=1), now=right_now()
        )
    with pytest.raises(RecipientInvalid):
        record_told(**said, told_by="told Ann Smith", told_at=MONDAY, now=right_now())
    tell(opened)
    with pytest.raises(TellingUnknown):
        tell(opened)
    with pytest.raises(TellingUnknown):
        retry_telling(telling_id=said["telling_id"], actor=OFFICER, now=right_now())


def test_a_hold_suspends_telling_and_its_release_goes_on(tmp_path):
    pass_on(make_dataset(tmp_path))
    opened = make_request(now=right_now())
    walk()
    actions.place_hold(
        request_id=opened.request.pk,
        article="GDPR Art. 17(3)(e)",
        reason="",
        actor=OFFICER,
        now=right_now(),
    )

    assert outcomes(opened)["hospital"] == "held"
    with pytest.raises(TellingUnknown):
        tell(opened)
    tasks.sweep()
    assert asked() == []

    actions.release_hold(request_id=opened.request.pk, actor=DORA, now=right_now())
    assert outcomes(opened)["hospital"] == ""
    tell(opened)
    walk()
    assert state(opened) == "complete"


def test_a_recipient_of_a_model_that_was_only_measured_on_somebody_is_not_told(tmp_path):
    version = make_dataset(tmp_path)
    model = make_node(sources=[(version.node_id, EdgeKind.EVALUATED_ON)])
    make_node(NodeKind.RECIPIENT, "clinic", sources=[(model.pk, EdgeKind.PASSED_TO)])
    opened = make_request(now=right_now())

    walk()

    assert certified(opened)["recipients"] == []
    assert asked() == []


def test_who_was_reached_during_the_work_is_told_before_the_request_is_complete(tmp_path):
    version = make_dataset(tmp_path)
    opened = make_request(now=right_now())
    tasks.sweep()
    pass_on(version)

    walk()
    assert state(opened) == "in progress"
    assert outcomes(opened) == {"patients": "erased", "hospital": ""}

    tell(opened)
    walk()
    assert state(opened) == "complete"
    assert [one["recipient"] for one in certified(opened)["recipients"]] == ["hospital"]


def test_a_request_that_is_planned_again_tells_new_recipients_only(tmp_path):
    first = make_dataset(tmp_path)
    pass_on(first)
    opened = make_request(now=right_now())
    tasks.sweep()
    work_off()
    tell(opened)
    write_people(tmp_path / "part-1.parquet", (ALICE, BOB))  # written back before the final check
    again = make_version(first.family)
    pass_on(again, "university")

    walk()

    assert state(opened) == "in progress"
    assert outcomes(opened) == {"patients": "erased", "hospital": "notified", "university": ""}
    tell(opened, "university")
    walk()
    assert state(opened) == "complete"
    told = [one["recipient"] for one in certified(opened)["recipients"]]
    assert told == ["hospital", "university"]


def test_a_request_whose_plan_knew_no_duty_to_tell_still_completes(tmp_path):
    """So it was for every request that was at work when this duty came."""
    pass_on(make_dataset(tmp_path))
    opened = make_request(now=right_now())
    tasks.sweep()
    Obligation.objects.filter(kind="tell").delete()
    Recipient.objects.all().delete()
    assert not Share.objects.filter(obligation__kind="tell").exists()

    walk()
    assert state(opened) == "in progress"
    tell(opened)
    walk()
    assert state(opened) == "complete"


def test_the_same_alert_is_not_raised_again_within_a_day(tmp_path):
    pass_on(make_dataset(tmp_path))
    make_request(now=right_now())
    walk()
    alert = Alert.objects.get(kind="recipient-to-tell")
    alert.resolved_at = right_now()
    alert.save()

    tasks.sweep()
    assert asked() == []
    actions.ask_people(actor=OFFICER, now=right_now() + timedelta(days=1, minutes=1))
    assert asked() == [("recipient/hospital", 1)]


def test_declaring_anew_opens_what_could_not_be_told(tmp_path):
    pass_on(make_dataset(tmp_path))
    opened = make_request(now=right_now())
    walk()
    Share.objects.filter(telling__isnull=False).update(outcome="unreachable", note="no answer")
    Telling.objects.update(attempts=10, not_before=right_now() + timedelta(days=9))

    declare()

    telling = telling_of(opened)
    assert (telling.attempts, telling.not_before, telling.share.outcome) == (0, None, "")
    assert events("recipient/hospital")[-1] == "RecipientDeclared"


def test_a_declaration_that_does_not_hold_together_is_refused(tmp_path):
    make_store(tmp_path)
    url = "https://hospital.example/hooks"
    email = {PATIENT_ID: "patient"}

    for refused in (
        {"name": " hospital"},
        {"way": Way.BY_HAND, "url": url},
        {"way": Way.WEBHOOK, "url": url},
        {"way": Way.WEBHOOK, "url": url, "namespaces": email, "waits_for_answer": True},
        {"way": Way.WEBHOOK, "url": url, "namespaces": {PATIENT_ID: "a b"}},
        {"way": Way.OPENDSR, "url": url, "namespaces": email},
    ):
        with pytest.raises(RecipientInvalid):
            declare(**refused)
    with pytest.raises(NamespaceUnknown):
        declare(way=Way.WEBHOOK, url=url, namespaces={"shoe-size": "shoe"})
    with pytest.raises(AddressRefused):
        declare(way=Way.WEBHOOK, url="http://hospital.example/", namespaces=email)
    assert not Recipient.objects.exists()


def test_only_who_is_told_by_messages_is_disabled_and_enabled(tmp_path):
    make_store(tmp_path)
    declare("by-hand")
    declare(way=Way.WEBHOOK, url="https://hospital.example/", namespaces={PATIENT_ID: "id"})
    said: Any = {"actor": OFFICER, "now": right_now()}

    with pytest.raises(RecipientUnknown):
        disable_recipient(recipient="by-hand", because="x", **said)
    with pytest.raises(RecipientUnknown):
        enable_recipient(recipient="hospital", **said)
    with pytest.raises(RecipientUnknown):
        disable_recipient(recipient="nobody", because="x", **said)
    disable_recipient(recipient="hospital", because="moved", **said)
    assert Recipient.objects.get(name="hospital").disabled_because == "moved"
    enable_recipient(recipient="hospital", **said)
    assert Recipient.objects.get(name="hospital").disabled_at is None
    assert events("recipient/hospital") == [
        "RecipientDeclared",
        "RecipientDisabled",
        "RecipientEnabled",
    ]


def test_the_targets_of_a_request_name_its_recipients(tmp_path, capsys):
    pass_on(make_dataset(tmp_path))
    opened = make_request(now=right_now())
    walk()

    shown = {view.target: view.outcome for view in targets_of(opened.request, now=right_now())}
    assert shown == {"store/patients": "erased", "recipient/hospital": ""}
    call_command("request_status", str(opened.request.pk))
    assert "recipient/hospital" in capsys.readouterr().out
