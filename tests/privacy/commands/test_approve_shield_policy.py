from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command

from audits.permissions import Role
from privacy.models import ShieldPolicy
from tests.lineage.builders import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def officer(tmp_path) -> User:
    make_dataset(tmp_path)
    User.objects.create_user("eve")
    officer = User.objects.create_user("clara")
    officer.groups.add(Group.objects.get_or_create(name=Role.OFFICER.value)[0])
    return officer


def approve(**changes: str) -> None:
    said = {
        "--family": "patients",
        "--max-epsilon": "2.5",
        "--max-delta": "0.000001",
        "--max-deletions": "10",
        "--days": "90",
        "--reason": "retrained each quarter",
        "--officer": "clara",
        **{f"--{name.replace('_', '-')}": value for name, value in changes.items()},
    }
    call_command(
        "approve_shield_policy", "standard", *(word for pair in said.items() for word in pair)
    )


def test_an_officers_decision_is_kept_in_their_number_not_their_name(officer, capsys):
    approve()

    policy = ShieldPolicy.objects.get()
    assert (policy.approved_by, policy.max_epsilon) == (f"user:{officer.pk}", Decimal("2.5"))
    assert policy.expires_at - policy.approved_at == timedelta(days=90)
    assert capsys.readouterr().out == (
        f"standard: up to ε=2.5 at δ=0.000001 for 10 people, approved by user:{officer.pk}, "
        f"expires {policy.expires_at.date()}\n"
    )


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"officer": "eve"}, "does not name an active compliance officer"),
        ({"officer": "nobody"}, "does not name an active compliance officer"),
        ({"family": "strangers"}, "NodeUnknown"),
        ({"max_epsilon": "small"}, "--max-epsilon is not a number"),
        ({"max_epsilon": "NaN"}, "--max-epsilon is not a number below 1000"),
        ({"max_delta": "1e1000"}, "--max-delta is not a number below 1000"),
        ({"max_epsilon": "0"}, "PolicyInvalid"),
        ({"days": "0"}, "--days is not between 1 and 3650"),
        ({"days": "1000000000"}, "--days is not between 1 and 3650"),
    ],
)
def test_a_refusal_is_one_line(changes, refusal):
    with pytest.raises(CommandError, match=refusal) as refused:
        approve(**changes)

    assert "\n" not in str(refused.value)
    assert not ShieldPolicy.objects.exists()
