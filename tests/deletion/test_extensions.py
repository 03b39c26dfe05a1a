from datetime import timedelta

import pytest

from deletion import actions
from deletion.errors import ExtensionNotAllowed, MoveNotAllowed, PlanOutdated
from deletion.models import Batch, DeletionRequest, Extension, Obligation
from deletion.queries.pauses import lawful_until
from deletion.queries.requests import may_be_extended
from lineage.graph import EdgeKind, NodeKind
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import INTAKE, events, make_request, plan_and_approve, raw, walk
from tests.lineage.builders import make_dataset, make_node, recorded

pytestmark = pytest.mark.django_db

REASON = "the request is complex"
DAY = timedelta(days=1)
CAROL = "carol-canary-9e03"


@pytest.fixture(autouse=True)
def patients(settings, tmp_path):
    settings.COALESCE = settings.COALESCE * 0
    make_dataset(tmp_path / "patients", [ALICE, BOB])


def extend(opened, *, reason=REASON, told_at=MONDAY, now=MONDAY + DAY):
    return actions.extend(
        request_id=opened.request.pk, reason=reason, told_at=told_at, actor=OFFICER, now=now
    )


def test_both_dates_move_once_and_the_trail_says_why():
    opened = make_request(raw(ALICE))
    before = opened.request

    after = extend(opened)

    assert after.erase_by > before.erase_by
    assert after.models_by > before.models_by
    assert lawful_until(after) >= after.models_by
    row = Extension.objects.get()
    assert (row.erase_by_before, row.models_by_before) == (before.erase_by, before.models_by)
    (entry,) = recorded("RequestExtended")
    assert entry["about"] == f"request/{before.pk}"
    assert entry["facts"]["reason"] == REASON
    with pytest.raises(ExtensionNotAllowed):
        extend(opened)


def test_only_requests_that_wait_for_it_make_an_obligation_due_earlier():
    alice, bob = make_request(raw(ALICE)), make_request(raw(BOB), key="key-2")
    plan_and_approve(alice, bob)
    obligation = Obligation.objects.get()
    due_at = obligation.due_at

    extend(alice)
    obligation.refresh_from_db()
    assert obligation.due_at == due_at

    extend(bob)
    obligation.refresh_from_db()
    assert obligation.due_at == DeletionRequest.objects.earliest("erase_by").erase_by > due_at


def test_a_plan_with_the_earlier_dates_is_not_approved():
    opened = make_request(raw(ALICE))
    batch = actions.plan_batch(request_ids=[opened.request.pk], actor=INTAKE, now=MONDAY)
    assert batch is not None
    extend(opened)

    with pytest.raises(PlanOutdated):
        actions.approve_plan(
            batch_id=batch.pk, seen_digest=batch.digest, actor=INTAKE, now=MONDAY + DAY
        )

    assert Batch.objects.get().approved_at is None


@pytest.mark.parametrize(
    "said",
    [
        {"reason": "we forgot"},
        {"told_at": MONDAY + 2 * DAY},
        {"told_at": MONDAY - DAY},
        {"told_at": MONDAY + 40 * DAY, "now": MONDAY + 40 * DAY},
    ],
)
def test_what_the_law_does_not_allow_changes_nothing(said):
    opened = make_request(raw(ALICE))

    with pytest.raises(ExtensionNotAllowed):
        extend(opened, **said)

    assert DeletionRequest.objects.get().models_by == opened.request.models_by
    assert events(f"request/{opened.request.pk}") == ["DeletionRequested"]


def test_a_finished_request_is_not_extended():
    opened = make_request(raw(ALICE))
    assert may_be_extended(opened.request, now=MONDAY)
    walk()

    assert not may_be_extended(DeletionRequest.objects.get(), now=MONDAY)
    with pytest.raises(MoveNotAllowed):
        extend(opened)


def test_a_law_that_extends_nothing_offers_nothing():
    assert not may_be_extended(make_request(raw(ALICE), regime="lgpd").request, now=MONDAY)


def test_a_request_of_which_somebody_is_still_to_be_told_is_extended_as_well(tmp_path):
    passed_on = make_dataset(tmp_path / "others", [CAROL], name="others")
    make_node(NodeKind.RECIPIENT, "hospital", sources=[(passed_on.node_id, EdgeKind.PASSED_TO)])
    carol = make_request(raw(CAROL))
    plan_and_approve(carol)
    telling = Obligation.objects.get(kind="tell")
    before = telling.due_at

    after = extend(carol)

    telling.refresh_from_db()
    assert telling.due_at == after.models_by > before
