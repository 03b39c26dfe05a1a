import pytest

from lineage.actions import retire_families
from lineage.errors import FamilyRetired, LeaseLost
from privacy.actions import commit_release, withdraw_releases
from privacy.models import Account, Release
from privacy.states import ReleaseState
from tests.cast import MONDAY, OFFICER
from tests.lineage.builders import make_dataset, recorded
from tests.privacy.builders import (
    COST,
    make_account,
    make_declaration,
    make_drawing,
    make_release,
    make_reservation,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(tmp_path):
    version = make_dataset(tmp_path / "patients")
    make_account(version.family)
    return version


def withdraw(*families):
    ids = [one.pk for one in families]
    retire_families(family_ids=ids, actor=OFFICER, now=MONDAY)
    return withdraw_releases(family_ids=ids, actor=OFFICER, now=MONDAY)


def test_a_result_is_erased_and_stays_charged_and_the_bystanders_is_untouched(version, tmp_path):
    release = make_release(version)
    other = make_dataset(tmp_path / "other", name="other")
    make_account(other.family)
    kept = make_release(other, source={"family": "other"}, name="others")
    assert release.result is not None

    assert withdraw(version.family) == 1

    release.refresh_from_db()
    assert (release.state, release.result) == (ReleaseState.WITHDRAWN, None)
    assert Account.objects.get(family=version.family).spent_nano_rho == COST
    kept.refresh_from_db()
    assert (kept.state, kept.result is None) == (ReleaseState.COMMITTED, False)
    assert recorded("ReleaseWithdrawn")[0]["facts"]["release_id"] == str(release.pk)


def test_a_draw_that_never_began_is_paid_back(version):
    release = make_reservation(version)

    withdraw(version.family)

    assert Release.objects.get(pk=release.pk).state == ReleaseState.VOID
    assert Account.objects.get().spent_nano_rho == 0


def test_a_draw_that_began_ends_charged_and_its_worker_keeps_nothing(version):
    release, token = make_drawing(version)

    withdraw(version.family)

    assert Release.objects.get(pk=release.pk).state == ReleaseState.FAILED_CHARGED
    with pytest.raises(LeaseLost):
        commit_release(
            release_id=release.pk,
            token=token,
            result={"keys": [], "counts": {}},
            actor=OFFICER,
            now=MONDAY,
        )
    assert Account.objects.get().spent_nano_rho == COST


def test_nothing_is_drawn_from_a_family_that_was_given_up(version):
    withdraw(version.family)

    with pytest.raises(FamilyRetired):
        make_reservation(version)
    assert make_declaration()["source"] == {"family": version.family.name}
    assert not Release.objects.exists()


def test_withdrawing_where_nothing_was_drawn_records_nothing(version):
    before = len(recorded("ReleaseWithdrawn"))

    assert withdraw(version.family) == 0
    assert len(recorded("ReleaseWithdrawn")) == before == 0
