"""Messages of one agent at the same time, on connections of their own that wait for each other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any

import pytest
from django.db import connection, transaction

from deletion import actions
from deletion.models import Agent, DeletionRequest, SignedDemand
from lineage.identifiers import IdentifierKind
from tests.cast import OFFICER
from tests.deletion.agent import BUSINESS, EXERCISE, Signer
from tests.deletion.builders import events, right_now
from tests.lineage.builders import make_namespace

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "alice.canary@example.org"
AT_ONCE = 4


@pytest.fixture
def agent(settings):
    settings.DRP_BUSINESS_ID = BUSINESS
    make_namespace("email", kind=IdentifierKind.EMAIL)
    make_namespace("phone", kind=IdentifierKind.TEXT)
    signer = Signer()
    signer.declare()
    signer.set_up()
    return signer


def waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


def all_at_once(send: Callable[[], Any], *, meanwhile: Callable[[], object] = list) -> list[Any]:
    """Send from several threads while the agent is locked; return the answers."""

    def sent() -> Any:
        try:
            return send()
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        with transaction.atomic():
            Agent.objects.select_for_update(no_key=True).get()
            answers = [pool.submit(sent) for _ in range(AT_ONCE)]
            while waiting() < AT_ONCE:
                assert not any(answer.done() for answer in answers)
                sleep(0.02)
            meanwhile()
        return [answer.result(timeout=60) for answer in answers]


def test_one_message_sent_several_times_at_once_is_one_request(agent):
    body = agent.sign(agent.demand(ADDRESS))

    answers = all_at_once(lambda: agent.send("POST", EXERCISE, body))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["request_id"] for answer in answers}) == 1
    request = DeletionRequest.objects.get()
    assert SignedDemand.objects.get().request_id == request.pk
    assert events(f"request/{request.pk}") == ["DeletionRequested", "RequestSigned"]


def test_one_message_sets_one_token_up_however_often_it_is_sent_at_once(agent):
    body = agent.sign(agent.said())

    answers = all_at_once(lambda: agent.send("POST", agent.page, body))

    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]
    (made,) = [answer.json()["token"] for answer in answers if answer.status_code == 200]
    agent.token = made
    assert agent.send("GET", agent.page).status_code == 200


def test_an_agent_disabled_while_its_messages_wait_opens_nothing(agent):
    body = agent.sign(agent.demand(ADDRESS))

    answers = all_at_once(
        lambda: agent.send("POST", EXERCISE, body),
        meanwhile=lambda: actions.disable_agent(
            agent=agent.code, because="stolen", actor=OFFICER, now=right_now()
        ),
    )

    assert {answer.status_code for answer in answers} == {404}
    assert not DeletionRequest.objects.exists()
