"""Registrations at the same time, on connections of their own that really wait for each other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from audits.models import Alert
from lineage.actions import register_version
from lineage.errors import ScanOutdated
from lineage.graph import VersionState
from lineage.models import DatasetVersion, Pseudonym, Subject
from lineage.queries import member_shards, memberships_of
from tests.cast import ALICE, MONDAY, OFFICER
from tests.lineage.builders import (
    forget,
    make_family,
    make_store,
    make_version,
    pseudonym,
    scanned,
    subject,
)

pytestmark = pytest.mark.django_db(transaction=True)

MANY = [f"person-{n}" for n in range(300)]


def at_once(*works: Callable[[], object]) -> None:
    """Run each work in a thread with its own connection; raise what one of them raises."""
    start = Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        try:
            start.wait(timeout=10)
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(run, work) for work in works]:
            done.result(timeout=60)


def test_families_that_share_new_people_give_each_of_them_one_number(tmp_path):
    families = [
        make_family(make_store(tmp_path / name, name=name), name=name) for name in ("a", "b", "c")
    ]

    at_once(*[lambda f=f: make_version(f, scanned(MANY, family=f.name)) for f in families])

    assert Subject.objects.count() == Pseudonym.objects.count() == len(MANY)
    person = subject(MANY[0])
    assert {stay.family_id for stay in memberships_of([person])} == {f.pk for f in families}


def test_of_two_scans_that_began_together_and_differ_one_is_registered_and_one_refused(tmp_path):
    family = make_family(make_store(tmp_path))
    refused: list[ScanOutdated] = []

    def register(people: list[str]) -> None:
        try:
            register_version(
                family_id=family.pk, scanned=scanned(people), since=0, actor=OFFICER, now=MONDAY
            )
        except ScanOutdated as refusal:
            refused.append(refusal)

    at_once(lambda: register(MANY[:200]), lambda: register(MANY[100:]))

    assert len(refused) == 1
    version = DatasetVersion.objects.get()
    assert len(member_shards(version_id=version.pk)) == 200 == Subject.objects.count()


def test_the_same_scan_twice_at_once_becomes_one_version(tmp_path):
    family = make_family(make_store(tmp_path))

    at_once(*[lambda: make_version(family, scanned(MANY))] * 3)

    assert DatasetVersion.objects.count() == 1


def test_a_registration_that_meets_a_forgetting_either_precedes_it_or_is_quarantined(tmp_path):
    family = make_family(make_store(tmp_path))
    make_version(family, scanned([*MANY, ALICE]))

    at_once(lambda: forget(ALICE), lambda: make_version(family, scanned([ALICE, *MANY[:10]])))

    version = DatasetVersion.objects.get(seq=2)
    assert Alert.objects.exists() == (version.state == VersionState.QUARANTINED)
    assert pseudonym(ALICE) not in member_shards(version_id=version.pk)
    assert Subject.objects.count() == Pseudonym.objects.count() == len(MANY)
