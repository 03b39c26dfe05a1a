from datetime import timedelta
from decimal import Decimal

import pytest

from audits.models import OutboxEntry
from lineage.errors import NodeUnknown
from privacy import actions
from privacy.errors import PolicyConflict, PolicyInvalid
from privacy.models import ShieldPolicy
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import make_dataset
from tests.privacy.builders import make_policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def family(tmp_path):
    return make_dataset(tmp_path).family


def test_a_policy_carries_its_approver_and_its_end_and_is_recorded(family):
    policy = make_policy(family)

    assert (policy.approved_by, policy.approved_at) == (OFFICER, MONDAY)
    assert policy.expires_at == MONDAY + timedelta(days=30)
    assert OutboxEntry.objects.get(event="ShieldPolicyApproved").about == "policy/standard"


def test_the_reason_stays_out_of_the_trail(family):
    make_policy(family, reason="asked for by canary-reason")

    entry = bytes(OutboxEntry.objects.get(event="ShieldPolicyApproved").entry)
    assert b"standard" in entry
    assert b"canary-reason" not in entry


def test_a_policy_is_never_changed_another_bound_needs_another_name(family):
    make_policy(family)

    with pytest.raises(PolicyConflict):
        make_policy(family, max_deletions=20)
    assert ShieldPolicy.objects.get().max_deletions == 10
    make_policy(family, name="wider", max_deletions=20)
    assert ShieldPolicy.objects.count() == 2


def test_bounds_are_kept_rounded_down(family):
    policy = make_policy(
        family, max_epsilon=Decimal("1.9999999"), max_delta=Decimal("0.0000019999999999999")
    )

    policy.refresh_from_db()
    assert policy.max_epsilon == Decimal("1.999999")
    assert policy.max_delta == Decimal("0.000001999999999999")


@pytest.mark.parametrize(
    "terms",
    [
        {"max_epsilon": Decimal(0)},
        {"max_epsilon": Decimal("0.0000001")},
        {"max_epsilon": Decimal(101)},
        {"max_delta": Decimal(0)},
        {"max_delta": Decimal("0.01")},
        {"max_deletions": 0},
        {"max_deletions": 1_000_001},
        {"reason": " "},
        {"name": "a\nb"},
        {"name": "two words"},
        {"expires_at": MONDAY},
    ],
)
def test_a_policy_without_bound_reason_or_end_is_refused(family, terms):
    with pytest.raises(PolicyInvalid):
        make_policy(family, **terms)
    assert not ShieldPolicy.objects.exists()


def test_a_policy_needs_a_family():
    with pytest.raises(NodeUnknown):
        actions.approve_shield_policy(
            name="standard",
            family_id=0,
            max_epsilon=Decimal(1),
            max_delta=Decimal("0.000001"),
            max_deletions=1,
            reason="a reason",
            expires_at=MONDAY + timedelta(days=1),
            actor=OFFICER,
            now=MONDAY,
        )
