import shutil

import pytest

from lineage.actions import note_seen_gone, register_version, retire_families
from lineage.errors import FamilyRetired, StoreUnknown
from lineage.graph import VersionState
from lineage.models import DatasetVersion
from lineage.queries import adapter_of, head_of, scan_family
from lineage.stores.errors import PlaceMissing
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.lineage.builders import (
    PEOPLE,
    make_dataset,
    make_family,
    make_version,
    recorded,
    write_people,
)

pytestmark = pytest.mark.django_db


def retire(*families):
    return retire_families(family_ids=[one.pk for one in families], actor=OFFICER, now=MONDAY)


@pytest.fixture
def version(tmp_path):
    return make_dataset(tmp_path / "patients")


def test_a_family_that_is_given_up_has_no_clear_version_and_the_bystander_has(version, tmp_path):
    other = make_dataset(tmp_path / "other", name="other")

    assert retire(version.family) == 1

    assert DatasetVersion.objects.get(pk=version.pk).state == VersionState.RETIRED
    assert DatasetVersion.objects.get(pk=other.pk).state == VersionState.CLEAR
    (entry,) = recorded("FamilyGivenUp")
    assert entry["facts"] == {"family": "patients", "versions": [1]}


def test_giving_up_twice_changes_and_records_nothing(version):
    retire(version.family)

    assert retire(version.family) == 0
    assert len(recorded("FamilyGivenUp")) == 1


def test_nothing_is_registered_of_it_any_more_under_no_name(version, tmp_path):
    retire(version.family)
    write_people(tmp_path / "patients" / "part-1.parquet", ["zoe-canary-11"])

    with pytest.raises(FamilyRetired):
        make_version(version.family)
    with pytest.raises(FamilyRetired):
        make_family(version.family.store, name="the-same-under-another-name")
    assert make_family(version.family.store) == version.family  # the same again changes nothing


def test_what_an_erasure_left_is_registered_so_that_the_index_follows(version, tmp_path):
    retire(version.family)
    folder = tmp_path / "patients"
    write_people(folder / "part-0.parquet", [one for one in PEOPLE if one != ALICE])

    left = make_version_after_erasure(version.family)

    assert (left.seq, left.state, left.member_count) == (2, VersionState.RETIRED, len(PEOPLE) - 1)


def make_version_after_erasure(family):
    return register_version(
        family_id=family.pk,
        scanned=scan_family(family.pk),
        since=head_of(family.pk),
        after_erasure=True,
        actor=OFFICER,
        now=MONDAY,
    )


def test_a_place_that_was_seen_gone_is_searched_without_trouble_and_found_if_it_returns(
    version, tmp_path
):
    store = version.family.store
    shutil.rmtree(tmp_path / "patients")
    with pytest.raises(PlaceMissing):
        adapter_of(store.pk).parts()

    note_seen_gone(store_id=store.pk, finding="no such place", actor=OFFICER, now=MONDAY)

    assert list(adapter_of(store.pk).parts()) == []
    assert scan_family(version.family_id).row_count == 0
    write_people(tmp_path / "patients" / "part-0.parquet", [BOB])
    assert scan_family(version.family_id).row_count == 1
    assert recorded("StoreSeenGone")[0]["facts"]["store"] == "patients"


def test_a_store_that_nobody_knows_cannot_be_seen_gone(db):
    with pytest.raises(StoreUnknown):
        note_seen_gone(store_id=404, finding="no such place", actor=OFFICER, now=MONDAY)
