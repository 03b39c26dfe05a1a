"""Work at the same time, on connections of their own that really wait for each other."""

from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest
from django.db import connection, transaction

from deletion import actions, tasks
from deletion.models import Certificate, Run
from lineage.actions.locks import keep_people
from lineage.models import DatasetFamily
from tests.cast import ALICE, BOB
from tests.deletion.builders import make_request, raw, right_now, state, work_off
from tests.lineage.builders import make_dataset, make_version, write_people

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.COALESCE = settings.COALESCE * 0


def locks_awaited():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return cursor.fetchone()[0]


def test_somebody_registered_again_during_the_final_check_is_not_certified(tmp_path):
    make_dataset(tmp_path)
    opened = make_request(raw(ALICE), now=right_now())
    while not Run.objects.filter(state="succeeded").exists():
        tasks.sweep()
        work_off()
    write_people(tmp_path / "late.parquet", (ALICE, BOB))

    def complete():
        try:
            return actions.complete_request(
                request_id=opened.request.pk, actor=tasks.SWEEPER, now=right_now()
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            keep_people()  # a registration is under way
            completing = pool.submit(complete)
            while not locks_awaited():
                assert not completing.done()
                sleep(0.05)
            make_version(DatasetFamily.objects.get())
        certificate = completing.result(timeout=60)

    assert certificate is None
    assert not Certificate.objects.exists()
    assert state(opened) == "received"
