"""Recipients: reached, and not told by Lethe. The plan, the certificate and an alert say so."""

import pytest

from audits.models import Alert
from deletion import tasks
from deletion.models import Batch, Certificate
from lineage.graph import EdgeKind, NodeKind
from tests.cast import ALICE, BOB
from tests.deletion.builders import (
    events,
    make_request,
    raw,
    right_now,
    state,
    statement_of,
    walk,
    work_off,
)
from tests.lineage.builders import make_dataset, make_node, make_version, write_people

pytestmark = pytest.mark.django_db

NOT_TOLD = "reached, not told by Lethe"


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def pass_on(version, name="hospital"):
    make_node(NodeKind.RECIPIENT, name, sources=[(version.node_id, EdgeKind.PASSED_TO)])


def asked():
    """Return what the alerts are about, and whom they name for how many requests."""
    alerts = Alert.objects.filter(kind="recipients-reached").order_by("pk")
    return [(alert.about, alert.detail["recipients"]) for alert in alerts]


def certified(opened):
    certificate = Certificate.objects.get(request=opened.request)
    return statement_of(certificate)["predicate"]["recipients"]


def test_plan_certificate_and_one_alert_name_a_recipient_who_was_reached(tmp_path):
    pass_on(make_dataset(tmp_path))
    alice = make_request(raw(ALICE), key="k1", now=right_now())
    stranger = make_request(raw("nobody-we-know"), key="k2", now=right_now())

    tasks.sweep()
    tasks.sweep()

    batch = Batch.objects.get()
    assert batch.plan["recipients"] == [
        {"recipient": "hospital 1", "requests": [str(alice.request.pk)], "standing": NOT_TOLD}
    ]
    assert asked() == [(f"batch/{batch.pk}", {"hospital 1": 1})]
    assert "AlertRaised" in events(f"batch/{batch.pk}")

    walk()
    assert (state(alice), state(stranger)) == ("complete", "complete")
    assert certified(alice) == [{"recipient": "hospital 1", "standing": NOT_TOLD}]
    assert certified(stranger) == []
    assert len(asked()) == 1


def test_a_recipient_of_a_model_that_was_only_measured_on_somebody_is_not_named(tmp_path):
    version = make_dataset(tmp_path)
    model = make_node(sources=[(version.node_id, EdgeKind.EVALUATED_ON)])
    make_node(NodeKind.RECIPIENT, "clinic", sources=[(model.pk, EdgeKind.PASSED_TO)])
    opened = make_request(now=right_now())

    walk()

    assert certified(opened) == []  # measured on them only: nothing of theirs went to the clinic
    assert asked() == []


def test_a_recipient_who_was_reached_during_the_work_is_named_and_asked_for(tmp_path):
    version = make_dataset(tmp_path)
    opened = make_request(now=right_now())
    tasks.sweep()
    assert asked() == []

    pass_on(version)
    work_off()
    tasks.sweep()

    assert certified(opened) == [{"recipient": "hospital 1", "standing": NOT_TOLD}]
    assert asked() == [(f"request/{opened.request.pk}", {"hospital 1": 1})]


def test_a_request_that_is_planned_again_asks_for_new_recipients_only(tmp_path):
    first = make_dataset(tmp_path)
    pass_on(first)
    opened = make_request(now=right_now())
    tasks.sweep()
    work_off()
    write_people(tmp_path / "part-1.parquet", (ALICE, BOB))  # written back before the final check
    again = make_version(first.family)
    pass_on(again, "university")

    walk()

    assert state(opened) == "complete"
    assert [recipients for _, recipients in asked()] == [{"hospital 1": 1}, {"university 1": 1}]
    assert [one["recipient"] for one in certified(opened)] == ["hospital 1", "university 1"]
