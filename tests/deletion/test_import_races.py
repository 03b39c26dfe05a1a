"""Uploads and single requests at the same time, on connections that really wait for each other."""

from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest
from django.db import connection, transaction

from deletion.models import DeletionRequest, RequestIdentifier
from tests.cast import ALICE, BOB
from tests.deletion.builders import events, make_request, raw
from tests.deletion.test_imports import line, results, send
from tests.lineage.builders import PATIENT_ID, make_namespace, pseudonym

pytestmark = pytest.mark.django_db(transaction=True)


def somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


def in_a_thread(lines):
    try:
        return send(*lines)
    finally:
        connection.close()


def test_whoever_asks_in_the_same_moment_costs_a_chunk_one_line_only():
    make_namespace(PATIENT_ID)

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            make_request(raw(ALICE), key="faster")  # not committed: the upload cannot see it
            sending = pool.submit(in_a_thread, [line(BOB), line(ALICE), line("carol")])
            while not somebody_waits():
                assert not sending.done()
                sleep(0.05)
        answers = sending.result(timeout=60)

    assert results(answers) == ["accepted", "accepted", "accepted", "finished"]
    assert DeletionRequest.objects.get(state="merged").pk == answers[1].request_id
    assert events().count("DeletionRequested") == DeletionRequest.objects.count() == 4
    assert RequestIdentifier.objects.filter(pseudonym=pseudonym(BOB)).exists()


def test_the_same_people_in_opposite_orders_at_once_are_opened_once_and_nothing_deadlocks():
    make_namespace(PATIENT_ID)
    people = [line(f"person-{number}", key=f"k-{number}") for number in range(400)]

    with ThreadPoolExecutor(4) as pool:
        sent = [
            pool.submit(in_a_thread, people[::-1] if turned else people)
            for turned in (False, True, False, True)
        ]
        answers = [one.result(timeout=120) for one in sent]

    said = [result for one in answers for result in results(one)]
    assert said.count("accepted") == 400
    assert said.count("known") == 1200
    assert events().count("DeletionRequested") == DeletionRequest.objects.count() == 400
