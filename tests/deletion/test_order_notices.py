"""Recipients that an order to give data up reaches are told by a message, or attested by hand."""

import json
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from deletion import actions, tasks
from deletion.actions import declare_recipient
from deletion.actions.order_notices import TOLD
from deletion.models import OrderNotice, Recipient
from deletion.queries.orders import waiting_notices
from deletion.telling import RETRIES, Way
from deletion.webhooks import message_id
from lineage.errors import LeaseLost
from lineage.graph import EdgeKind, NodeKind
from tests.cast import ALICE, BOB, MONDAY, OFFICER
from tests.deletion.builders import right_now
from tests.deletion.test_disgorgement import approve, attest, follow, left, propose
from tests.lineage.builders import PATIENT_ID, make_dataset, make_node, recorded
from tests.training.calling.recipient_server import LOOPBACK, recipient, status
from training.calling.signing import shown_secret

pytestmark = pytest.mark.django_db

ITEM = "recipient/insurer 1"


@pytest.fixture
def server(settings):
    with recipient() as mine:
        settings.RECIPIENT_PORTS = frozenset({mine.port})
        settings.RECIPIENT_NETWORKS = LOOPBACK
        settings.RECIPIENT_PLAIN_HTTP = True
        yield mine


def declare(server, name="insurer", way=Way.WEBHOOK):
    return declare_recipient(
        name=name,
        way=way,
        url=f"{server.url}/{name}" if way is Way.WEBHOOK else "",
        namespaces={PATIENT_ID: "patient"} if way is Way.WEBHOOK else {},
        waits_for_answer=False,
        actor=OFFICER,
        now=right_now(),
    )


@pytest.fixture
def order(tmp_path):
    """Return an approved order about data that was passed to an insurer."""
    version = make_dataset(tmp_path / "patients", (ALICE, BOB))
    make_node(NodeKind.RECIPIENT, "insurer", sources=[(version.node_id, EdgeKind.PASSED_TO)])
    return approve(propose())


def send():
    for number in waiting_notices(now=right_now(), limit=100):
        tasks.tell_of_order(str(number))


def make_due():
    OrderNotice.objects.update(not_before=MONDAY, lease_until=None)


def test_a_declared_recipient_is_told_by_a_signed_message_that_names_nobody(
    order, server, settings
):
    declare(server)
    declare(server, "bystander")
    assert ITEM in left(order)

    follow()
    send()

    ((method, path, headers, body),) = server.got
    assert (method, path) == ("POST", "/insurer")
    secret = shown_secret("insurer", signing_key=settings.WEBHOOK_SIGNING_KEY)
    assert Webhook(secret).verify(body, headers)
    said = json.loads(body)
    assert (said["type"], said["data"]["do"]) == ("data.ordered-given-up", "give up")
    assert said["data"]["order"] == "FTC C-4743"
    assert said["data"]["what"] == "recipient insurer 1: passed to dataset version patients 1"
    assert not {ALICE, BOB} & set(body.decode().replace('"', " ").split())
    assert ITEM not in left(order)
    kept = order.testimonies.get()
    assert (kept.finding, kept.item) == (TOLD, ITEM)
    assert recorded("ItemTestified")[0]["facts"]["finding"] == TOLD
    follow()
    send()
    assert len(server.got) == 1


def test_who_is_told_by_hand_or_not_declared_is_attested_by_an_officer(order, server):
    follow()
    assert not OrderNotice.objects.exists()
    declare(server, way=Way.BY_HAND)
    follow()
    assert not OrderNotice.objects.exists()

    attest(order, ITEM)

    assert ITEM not in left(order)
    declare(server)
    follow()
    send()
    assert server.got == []


def test_what_fails_is_sent_again_under_its_id_and_then_somebody_tells_by_hand(order, server):
    declare(server)
    follow()
    server.answer = status(500)
    for _ in range(len(RETRIES) + 2):
        make_due()
        send()

    assert len(server.got) == len(RETRIES)
    assert set(server.ids) == {message_id(OrderNotice.objects.get().pk)}
    assert recorded("OrderNoticeFailed")[-1]["facts"]["trouble"] == "it answered 500"
    assert ITEM in left(order)
    declare(server)  # repaired: all attempts anew
    server.answer = status(200)
    send()
    assert ITEM not in left(order)
    assert len(set(server.ids)) == 1


def test_an_officers_word_during_the_message_stands_and_ends_it(order, server):
    declare(server)
    follow()
    notice = OrderNotice.objects.get()
    lease = actions.claim_notice(
        notice_id=notice.pk,
        owner="a",
        length=timedelta(minutes=2),
        actor=OFFICER,
        now=right_now(),
    )
    assert lease is not None
    attest(order, ITEM)

    actions.notice_accepted(notice_id=notice.pk, token=lease.token, actor=OFFICER, now=right_now())

    assert order.testimonies.get().finding == ""
    make_due()
    send()
    assert server.got == []


def test_a_second_worker_waits_and_a_late_one_is_refused(order, server):
    declare(server)
    follow()
    notice = OrderNotice.objects.get()
    claim: Any = {
        "notice_id": notice.pk,
        "owner": "a",
        "length": timedelta(minutes=2),
        "actor": OFFICER,
    }
    first = actions.claim_notice(**claim, now=right_now())

    assert actions.claim_notice(**claim, now=right_now()) is None
    second = actions.claim_notice(**claim, now=right_now() + timedelta(minutes=3))

    assert first is not None
    assert second is not None
    with pytest.raises(LeaseLost):
        actions.notice_accepted(
            notice_id=notice.pk, token=first.token, actor=OFFICER, now=right_now()
        )
    assert ITEM in left(order)
    actions.notice_accepted(notice_id=notice.pk, token=second.token, actor=OFFICER, now=right_now())
    assert ITEM not in left(order)


def test_a_recipient_that_answers_gone_is_disabled(order, server):
    declare(server)
    follow()
    server.answer = status(410)
    send()
    make_due()
    send()

    assert len(server.got) == 1
    assert Recipient.objects.get().disabled_because == "it answered 410: gone"
    assert ITEM in left(order)
