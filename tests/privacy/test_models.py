import pytest

from tests.lineage.builders import make_dataset
from tests.privacy.builders import COST, make_account, make_policy, make_release

pytestmark = pytest.mark.django_db


def test_rows_name_themselves_without_naming_anybody(tmp_path):
    version = make_dataset(tmp_path)
    account = make_account(version.family)
    release = make_release(version)

    assert str(account) == f"account of {version.family_id}"
    assert str(release.recipe) == "sizes-by-ward r1"
    assert str(release) == f"release of {release.recipe_id} (committed)"
    assert str(account.journal.get()) == f"{COST} of {account.pk}"
    assert str(make_policy(version.family)) == "standard"
