"""Authorised agents over the Data Rights Protocol: real signatures, over HTTP."""

import json
import logging
from base64 import b64decode, b64encode
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import CommandError, call_command

from audits.models import OutboxEntry
from audits.permissions import Role
from config.traces import redis_naming, tables_naming
from deletion import actions, tasks
from deletion.drp import UNVERIFIABLE, Reason, denied_as, standing_of
from deletion.errors import AgentInvalid, AgentUnknown, VerificationReserved
from deletion.models import Agent, DeletionRequest, SignedDemand
from deletion.queries.agents import digest_of
from deletion.regimes import REGIMES
from deletion.states import RequestState
from lineage.identifiers import IdentifierKind
from tests.cast import OFFICER
from tests.deletion.agent import BUSINESS, EXERCISE, MINUTE, Signer
from tests.deletion.builders import events, make_request, raw, right_now, walk
from tests.deletion.test_api import client_of
from tests.lineage.builders import make_namespace, make_store

pytestmark = pytest.mark.django_db

ADDRESS = "alice.canary@example.org"
PHONE = "+14155550123"
BYSTANDER = "bob@example.org"
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def customers(settings, tmp_path):
    """Alice and Bob are customers, and agents are listened to."""
    settings.DRP_BUSINESS_ID = BUSINESS
    settings.COALESCE = settings.COALESCE * 0
    make_namespace("email", kind=IdentifierKind.EMAIL)
    make_namespace("phone", kind=IdentifierKind.TEXT)
    file = tmp_path / "customers" / "part-0.parquet"
    file.parent.mkdir()
    pq.write_table(pa.table({"email": [ADDRESS, BYSTANDER]}), file)
    make_store(file.parent, columns={"email": "email"})
    return file


@pytest.fixture
def agent():
    signer = Signer()
    signer.declare()
    signer.set_up()
    return signer


def refused(answer, status, *, fatal=None):
    """Say whether an answer refuses in the protocol's own words, repeating nothing."""
    said = answer.json()
    assert (answer.status_code, said["code"]) == (status, str(status)), said
    assert answer["Content-Type"] == "application/json"
    assert said["message"]
    assert "canary" not in answer.content.decode()
    assert said.get("fatal") is fatal, said
    assert set(said) <= {"code", "message", "fatal"}
    return True


def nothing_done():
    return not DeletionRequest.objects.exists() and not SignedDemand.objects.exists()


def test_a_person_for_whom_an_agent_asks_is_erased_and_a_bystander_is_not(
    customers, agent, settings, caplog
):
    caplog.set_level(logging.DEBUG)
    assert pq.read_table(customers)["email"].to_pylist() == [ADDRESS, BYSTANDER]

    asked = agent.ask(
        " Alice.Canary@example.org",
        agent__request__id="req-1",
        name="Alice Canary",
        phone_number=PHONE,
        regime="ccpa",
        address={"street_address": "1 Canary Row"},
        status_callback="https://agent.example/canary",
    )

    assert asked.status_code == 200, asked.content
    said = asked.json()
    request = DeletionRequest.objects.get()
    assert said["request_id"] == str(request.pk)
    assert said["status"] == "in_progress"
    assert said["agent_request_id"] == "req-1"
    assert said["expected_by"][:19] == request.models_by.isoformat()[:19]
    assert said["received_at"][:19] == request.received_at.isoformat()[:19]
    assert (request.regime, request.verification) == ("ccpa", "signed-agent")
    assert request.caller == "agent:PERMISSION_SLIP"
    assert [one.namespace_id for one in request.identifiers.all()] == ["email"]
    about = f"request/{request.pk}"
    assert events(about) == ["DeletionRequested", "RequestSigned"]
    tasks.sweep()
    assert redis_naming(ADDRESS, url=settings.REDIS_URL) == set()
    walk()
    one = f"{EXERCISE}/{request.pk}"
    shown = agent.send("GET", one).json()
    assert shown["status"] == "fulfilled"
    assert shown["agent_request_id"] == "req-1"
    assert pq.read_table(customers)["email"].to_pylist() == [BYSTANDER]
    for trace in (ADDRESS, "Alice Canary", "canary", PHONE, "Canary Row", "agent.example"):
        assert tables_naming(trace) == set(), trace
        assert not any(trace in line for line in caplog.messages), trace
        assert not any(trace.encode() in bytes(e.entry) for e in OutboxEntry.objects.all())
    (signed,) = [
        json.loads(bytes(each.entry))["facts"]
        for each in OutboxEntry.objects.filter(about=about, event="RequestSigned")
    ]
    assert signed == {
        "request_id": str(request.pk),
        "agent": "PERMISSION_SLIP",
        "public_key": agent.key.public_key().public_bytes_raw().hex(),
        "verified": ["email"],
    }


def test_a_person_of_whom_nothing_was_found_is_not_called_fulfilled(customers, agent):
    asked = agent.ask("stranger@example.org").json()
    again = agent.ask("stranger@example.org").json()
    assert agent.send("GET", f"{EXERCISE}/{again['request_id']}").json()["status"] == "in_progress"

    walk()

    for said in (asked, again):
        shown = agent.send("GET", f"{EXERCISE}/{said['request_id']}").json()
        assert (shown["status"], shown["reason"]) == ("denied", "no_match")
    assert pq.read_table(customers)["email"].to_pylist() == [ADDRESS, BYSTANDER]


def test_a_merged_request_is_fulfilled_with_the_one_that_answers_it(agent):
    first, second = agent.ask(ADDRESS).json(), agent.ask(ADDRESS).json()
    assert first["request_id"] != second["request_id"]
    assert DeletionRequest.objects.get(pk=second["request_id"]).state == "merged"

    walk()

    shown = agent.send("GET", f"{EXERCISE}/{second['request_id']}").json()
    assert shown["status"] == "fulfilled"


def test_a_request_that_names_no_law_has_the_one_declared(agent):
    agent.ask(ADDRESS)

    assert DeletionRequest.objects.get().regime == "gdpr"


def test_the_same_message_is_the_same_request_also_when_it_is_revoked(agent):
    body = agent.sign(agent.demand(ADDRESS, agent__request__id="req-1"))
    first = agent.send("POST", EXERCISE, body).json()
    again = agent.send("POST", f"{EXERCISE}/", b"\n" + body + b"\n").json()
    one = f"{EXERCISE}/{first['request_id']}"

    revoked = agent.send("DELETE", one, agent.sign({"reason": "Alice canary changed her mind"}))
    replayed = agent.send("POST", EXERCISE, body)
    twice = agent.send("DELETE", one, agent.sign({}))

    assert again["request_id"] == first["request_id"]
    assert revoked.json()["status"] == "revoked"
    assert replayed.json()["status"] == "revoked"
    assert twice.json()["status"] == "revoked"
    assert DeletionRequest.objects.get().state == "cancelled"
    assert tables_naming("canary") == set()


def test_the_same_demand_under_the_agents_own_id_is_the_same_request(agent):
    first = agent.ask(ADDRESS, agent__request__id="req-1")
    signed_anew = agent.ask(ADDRESS, agent__request__id="req-1")
    other_person = agent.ask(BYSTANDER, agent__request__id="req-1")

    assert signed_anew.json()["request_id"] == first.json()["request_id"]
    assert refused(other_person, 422)
    assert DeletionRequest.objects.count() == 1


def test_an_agents_own_id_is_its_own(agent):
    other = Signer("OTHER_AGENT")
    other.declare()
    other.set_up()

    first = agent.ask(ADDRESS, agent__request__id="1").json()
    second = other.ask(BYSTANDER, agent__request__id="1").json()

    assert first["request_id"] != second["request_id"]
    one = f"{EXERCISE}/{first['request_id']}"
    assert refused(other.send("GET", one), 403)
    assert refused(other.send("DELETE", one, other.sign({})), 403)
    assert refused(agent.send("GET", f"{EXERCISE}/{uuid4()}"), 403)
    assert refused(other.send("GET", agent.page), 403)
    assert agent.send("GET", agent.page).json() == {}
    assert DeletionRequest.objects.get(pk=first["request_id"]).state == "received"


def test_nobody_but_an_agent_sees_what_was_not_signed_by_it(agent):
    opened = make_request(raw(ADDRESS, "email"), now=right_now())

    assert refused(agent.send("GET", f"{EXERCISE}/{opened.request.pk}"), 403)
    assert refused(agent.send("DELETE", f"{EXERCISE}/{opened.request.pk}", agent.sign({})), 403)
    assert DeletionRequest.objects.get().state == "received"


@pytest.mark.parametrize(
    ("changes", "status", "fatal"),
    [
        ({"agent__id": "OTHER_AGENT"}, 403, True),
        ({"agent__id": None}, 403, True),
        ({"business__id": "ELSEWHERE"}, 403, True),
        ({"business__id": ""}, 403, True),
        ({"issued__at": "2999-01-01T00:00:00Z"}, 400, None),
        ({"issued__at": "2026-01-01T00:00:00"}, 400, True),
        ({"issued__at": 7}, 400, True),
        ({"issued__at": None}, 400, True),
        ({"expires__at": "2026-01-01T00:00:00Z"}, 400, True),
        ({"expires__at": "yesterday, alice canary"}, 400, True),
        ({"expires__at": "0001-01-01T00:00:00+23:59"}, 400, True),
        ({"exercise": "access"}, 422, True),
        ({"exercise": "sale:opt-out"}, 422, True),
        ({"exercise": None}, 422, True),
        ({"exercise": ["deletion"]}, 422, True),
        ({"regime": "gdpr"}, 400, True),
        ({"regime": {"a": 1}}, 400, True),
        ({"email_verified": None}, 422, True),
        ({"email_verified": "true"}, 422, True),
        ({"email_verified": 1}, 422, True),
        ({"email": None}, 422, True),
        ({"email": None, "name": "Alice Canary", "address_verified": True}, 422, True),
        ({"email": 7}, 400, True),
        ({"email": [ADDRESS]}, 400, True),
        ({"email": "alice canary"}, 422, None),
        ({"email": "\ud800canary@example.org"}, 422, None),
        ({"email": "a" * 2000 + "@canary.example"}, 422, None),
        ({"phone_number": "0415 canary", "phone_number_verified": True}, 400, True),
        ({"agent__request__id": 7}, 400, True),
        ({"agent__request__id": "a canary"}, 400, True),
        ({"agent__request__id": "x" * 65}, 400, True),
        ({"agent__request__id": "alice.canary-example.org"}, 400, True),
        ({"agent__request__id": "14155550123-1", "phone_number": PHONE}, 400, True),
    ],
)
def test_what_is_not_as_the_protocol_says_is_refused_and_nothing_is_done(
    agent, changes, status, fatal, caplog
):
    answer = agent.ask(ADDRESS, **changes)

    assert refused(answer, status, fatal=fatal)
    assert nothing_done()
    assert not any("canary" in line for line in caplog.messages)


@pytest.mark.parametrize(
    "signed",
    [
        b"",
        b"[]",
        b"null",
        b'"canary"',
        b'{"agent-id": "canary"',
        b'{"agent-id": NaN}',
        b"\xff\xfe",
        '{"email": "canary"}'.encode("utf-16"),
        b"[" * 40_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"email": "alice.canary@example.org", "email": "bob@example.org"}',
        b'{"address": {"canary": 1, "canary": 2}}',
    ],
)
def test_what_is_signed_and_no_such_json_is_refused(agent, signed):
    assert refused(agent.send("POST", EXERCISE, agent.sign(signed)), 400, fatal=True)
    assert nothing_done()


def test_a_key_that_stands_twice_is_refused_in_a_message_that_is_right_otherwise(agent):
    twins = json.dumps(agent.demand(ADDRESS))[:-1] + f', "email": "{BYSTANDER}"}}'

    assert refused(agent.send("POST", EXERCISE, agent.sign(twins.encode())), 400, fatal=True)
    assert nothing_done()


def test_only_the_agents_own_signature_over_exactly_these_bytes_counts(agent):
    other = Signer("OTHER_AGENT")
    other.declare()
    whole = b64decode(agent.sign(agent.demand(ADDRESS)))
    changed = whole.replace(ADDRESS.encode(), b"mallory.canary@example.o")
    theirs = other.sign(agent.demand(ADDRESS))

    assert refused(agent.send("POST", EXERCISE, b64encode(changed)), 403)
    assert refused(agent.send("POST", EXERCISE, b64encode(b"\0" * 64 + whole[64:])), 403)
    assert refused(agent.send("POST", EXERCISE, b64encode(whole[:63])), 403)
    assert refused(agent.send("POST", EXERCISE, theirs), 403)
    assert refused(agent.send("POST", EXERCISE, b64encode(whole[64:])), 403)
    assert refused(agent.send("POST", EXERCISE, whole), 400, fatal=True)
    assert refused(agent.send("POST", EXERCISE), 403)
    assert refused(agent.send("POST", EXERCISE, b"*" * 100), 400, fatal=True)
    assert nothing_done()


def test_the_checks_come_in_the_order_of_the_protocol(agent):
    """Each message is wrong in everything that comes later as well."""
    said = {"expires__at": "2026-01-01T00:00:00Z"}
    wrong = [(said, "expired")]
    for name, value, word in [
        ("issued__at", "2999-01-01T00:00:00Z", "ahead"),
        ("business__id", "ELSEWHERE", "another business"),
        ("agent__id", "OTHER", "another agent"),
    ]:
        said = said | {name: value}
        wrong.append((said, word))

    for changes, word in wrong:
        assert word in agent.ask(ADDRESS, exercise="access", **changes).json()["message"]
    forged = Signer(agent.code)
    forged.token = agent.token
    assert "signature" in forged.ask(ADDRESS, **said).json()["message"]


def test_a_message_that_is_too_long_is_not_read_and_another_media_type_is_refused(agent):
    body = agent.sign(agent.demand(ADDRESS, padding="x" * 70_000))
    head = {"HTTP_AUTHORIZATION": f"Bearer {agent.token}"}
    right = agent.sign(agent.demand(ADDRESS))

    assert refused(agent.send("POST", EXERCISE, body), 413)
    as_json = agent.client.generic("POST", EXERCISE, right, "application/json", **head)
    assert refused(as_json, 415)
    assert agent.client.put(EXERCISE, **head).status_code == 405
    assert nothing_done()


def test_who_has_no_valid_token_is_a_stranger(agent):
    token, body = agent.token, agent.sign(agent.demand(ADDRESS))
    one = f"{EXERCISE}/{UUID(int=1)}"

    for wrong in ("", "x", token[:-1], f"{token}x", "\u00e9", "a b"):
        agent.token = wrong
        for method, address in [
            ("POST", EXERCISE),
            ("GET", one),
            ("DELETE", one),
            ("GET", agent.page),
        ]:
            answer = agent.send(method, address, body)
            assert refused(answer, 401), wrong
            assert answer["WWW-Authenticate"] == "Bearer"
    assert nothing_done()
    agent.token = token
    assert agent.send("POST", EXERCISE, body).status_code == 200


def test_a_token_is_kept_as_a_digest_replaced_by_a_new_one_and_ends(agent, settings):
    first = agent.token
    assert tables_naming(first) == set()
    assert Agent.objects.get().token_digest == digest_of(first)

    second = agent.set_up()

    assert second != first
    assert agent.send("GET", agent.page).status_code == 200
    agent.token = first
    assert refused(agent.send("GET", agent.page), 401)
    agent.token = second
    Agent.objects.update(token_until=right_now() - SECOND)
    assert refused(agent.send("GET", agent.page), 401)
    assert refused(agent.ask(ADDRESS), 401)
    agent.set_up()  # with the token that has run out in its header
    assert agent.send("GET", agent.page).status_code == 200
    assert not any(b"lethe_agent_" in bytes(one.entry) for one in OutboxEntry.objects.all())
    names = ["AgentDeclared", "AgentSetUp", "AgentSetUp", "AgentSetUp"]
    assert events(f"agent/{agent.code}") == names


def test_whoever_saw_the_message_that_set_a_token_up_gets_none_by_it(agent):
    before = Agent.objects.values().get()
    now = right_now()
    body = agent.sign(agent.said())
    older = agent.sign(agent.said(issued__at=(now - MINUTE).isoformat()))
    assert agent.send("POST", agent.page, body).status_code == 200
    after = Agent.objects.values().get()
    assert after != before

    for replayed in (body, older):
        answer = agent.send("POST", agent.page, replayed)
        assert (answer.status_code, answer.content) == (403, b"")

    assert Agent.objects.values().get() == after


def test_whoever_saw_a_demand_gets_no_token_by_it_and_revokes_nothing(agent):
    body = agent.sign(agent.demand(ADDRESS))
    one = f"{EXERCISE}/{agent.send('POST', EXERCISE, body).json()['request_id']}"

    answer = agent.send("POST", agent.page, body)

    assert (answer.status_code, answer.content) == (403, b"")
    assert refused(agent.send("DELETE", one, body), 400, fatal=True)
    assert DeletionRequest.objects.get().state == "received"


def test_a_moment_of_any_offset_is_kept_so_that_the_agent_can_be_read(agent):
    agent.key = Signer().key
    Agent.objects.update(set_up_at=None)
    agent.declare()

    odd = agent.said(issued__at="2026-01-01T00:00:00+23:00")
    assert agent.send("POST", agent.page, agent.sign(odd)).status_code == 200

    (row,) = Agent.objects.all()
    assert row.set_up_at is not None
    assert row.set_up_at.isoformat() == "2025-12-31T01:00:00+00:00"


def test_no_token_is_made_for_a_message_that_is_not_right_and_nothing_is_said_about_why(agent):
    before = Agent.objects.values().get()
    other = Signer("OTHER_AGENT")
    other.declare()
    theirs = agent.sign(other.said())
    now = right_now()
    wrong = [
        (agent.page, b""),
        (agent.page, b"*"),
        (agent.page, b"x" * 70_000),
        (agent.page, agent.sign(b"{}")),
        (agent.page, other.sign(agent.said())),
        (agent.page, agent.sign(agent.said(business__id="ELSEWHERE"))),
        (agent.page, agent.sign(agent.said(agent__id=other.code))),
        (agent.page, agent.sign(agent.said(issued__at=(now + MINUTE).isoformat()))),
        (agent.page, agent.sign(agent.said(expires__at=(now - SECOND).isoformat()))),
        (agent.page, agent.sign(agent.said(issued__at="0001-01-01T00:00:00+15:00"))),
        (agent.page, agent.sign(agent.said(reason="a revocation that says whom it is for"))),
        (other.page, theirs),
        ("/drp/v1/agent/NOBODY", agent.sign(agent.said(agent__id="NOBODY"))),
        ("/drp/v1/agent/%00", agent.sign(agent.said(agent__id="\0"))),
    ]

    for address, body in wrong:
        answer = agent.send("POST", address, body)
        assert (answer.status_code, answer.content) == (403, b""), address

    assert Agent.objects.filter(code=agent.code).values().get() == before
    assert Agent.objects.get(code=other.code).token_digest == ""


def test_a_disabled_agent_is_a_stranger_until_it_is_enabled_and_sets_up_anew(agent):
    one = agent.ask(ADDRESS).json()
    setting_up = agent.sign(agent.said())
    actions.disable_agent(agent=agent.code, because="key stolen", actor=OFFICER, now=right_now())

    assert refused(agent.ask(BYSTANDER), 401)
    assert refused(agent.send("GET", f"{EXERCISE}/{one['request_id']}"), 401)
    assert agent.send("POST", agent.page, setting_up).status_code == 403
    agent.declare()
    assert agent.send("POST", agent.page, setting_up).status_code == 403
    with pytest.raises(AgentUnknown):  # it may have been disabled while its message came
        actions.accept_demand(
            agent=agent.code,
            body=agent.sign(agent.demand(BYSTANDER)),
            actor=OFFICER,
            now=right_now(),
        )
    with pytest.raises(AgentUnknown):
        actions.disable_agent(agent=agent.code, because="x", actor=OFFICER, now=right_now())
    actions.enable_agent(agent=agent.code, actor=OFFICER, now=right_now())
    assert refused(agent.ask(BYSTANDER), 401)
    agent.set_up()

    assert agent.ask(BYSTANDER).status_code == 200
    with pytest.raises(AgentUnknown):
        actions.enable_agent(agent=agent.code, actor=OFFICER, now=right_now())
    assert events(f"agent/{agent.code}")[2:5] == ["AgentDisabled", "AgentDeclared", "AgentEnabled"]


def test_with_another_key_the_one_before_and_its_token_are_worthless(agent):
    old, agent.key = agent.key, Signer().key
    agent.declare()
    body = agent.sign(agent.said())

    assert refused(agent.ask(ADDRESS), 401)
    assert agent.send("POST", agent.page, body).status_code == 200
    agent.set_up()
    assert agent.ask(ADDRESS).status_code == 200
    agent.key = old
    assert refused(agent.ask(BYSTANDER), 403)
    assert agent.send("POST", agent.page, agent.sign(agent.said())).status_code == 403


def test_without_our_own_id_no_agent_is_listened_to(agent, settings):
    settings.DRP_BUSINESS_ID = ""

    assert refused(agent.ask(ADDRESS), 401)
    assert refused(agent.send("GET", agent.page), 401)
    for business in ("", BUSINESS):
        body = agent.sign(agent.said(business__id=business))
        assert agent.send("POST", agent.page, body).status_code == 403
    assert nothing_done()


def test_only_verified_claims_whose_namespace_is_declared_name_the_person(agent):
    both = agent.ask(ADDRESS, phone_number=PHONE, phone_number_verified=True).json()
    agent.declare(email_namespace="")
    phone = agent.ask(BYSTANDER, phone_number=PHONE, phone_number_verified=True).json()

    def namespaces(said):
        request = DeletionRequest.objects.get(pk=said["request_id"])
        return sorted(one.namespace_id for one in request.identifiers.all())

    assert namespaces(both) == ["email", "phone"]
    assert namespaces(phone) == ["phone"]
    assert refused(agent.ask(BYSTANDER), 422, fatal=True)


def test_a_request_on_which_work_has_begun_cannot_be_revoked(agent, customers):
    said = agent.ask(ADDRESS).json()
    one = f"{EXERCISE}/{said['request_id']}"
    walk()

    assert refused(agent.send("DELETE", one, agent.sign({})), 409)
    assert agent.send("GET", one).json()["status"] == "fulfilled"


def test_a_revocation_that_is_refused_says_nothing_of_holds_and_of_other_requests(agent):
    one = f"{EXERCISE}/{agent.ask(ADDRESS).json()['request_id']}"
    make_request(raw(ADDRESS, "email"), now=right_now())
    actions.place_hold(
        request_id=UUID(one.rsplit("/", 1)[1]),
        article="GDPR Art. 17(3)(e)",
        reason="a court case",
        actor=OFFICER,
        now=right_now(),
    )

    answer = agent.send("DELETE", one, agent.sign({}))

    assert refused(answer, 409)
    assert not {"hold", "another", "held"} & set(answer.json()["message"].split())


def test_what_a_revocation_says_of_whom_it_is_for_is_checked(agent):
    one = f"{EXERCISE}/{agent.ask(ADDRESS).json()['request_id']}"
    now = right_now()

    for wrong, status in [
        ({"agent-id": "OTHER"}, 403),
        ({"business-id": "ELSEWHERE"}, 403),
        ({"issued-at": (now + MINUTE).isoformat()}, 400),
        ({"expires-at": (now - SECOND).isoformat()}, 400),
    ]:
        answer = agent.send("DELETE", one, agent.sign({"reason": "x"} | wrong))
        assert answer.status_code == status, wrong
    assert agent.send("DELETE", one, Signer().sign({"reason": "x"})).status_code == 403
    assert agent.send("DELETE", one).status_code == 403
    assert DeletionRequest.objects.get().state == "received"
    assert agent.send("DELETE", one, agent.sign(agent.said(reason="x"))).status_code == 200


def test_a_denial_and_more_time_are_told_with_their_reasons(agent):
    said = agent.ask(ADDRESS, regime="ccpa").json()
    request_id, one = UUID(said["request_id"]), f"{EXERCISE}/{said['request_id']}"
    actions.extend(
        request_id=request_id,
        reason="the request is complex",
        told_at=right_now(),
        actor=OFFICER,
        now=right_now(),
    )
    extended = agent.send("GET", one).json()

    actions.deny(
        request_id=request_id,
        article="11 CCR 7022(a)",
        told_at=right_now(),
        actor=OFFICER,
        now=right_now(),
    )

    assert extended["status"] == "in_progress"
    assert "the request is complex" in extended["processing_details"]
    assert extended["expected_by"] > said["expected_by"]
    shown = agent.send("GET", one).json()
    assert (shown["status"], shown["reason"]) == ("denied", "insuf_verification")
    assert "7022(a)" in shown["processing_details"]


def test_every_state_has_a_word_of_the_protocol():
    words = {
        state: standing_of(state, denied=Reason.OTHER, is_found=True)[0] for state in RequestState
    }

    assert words == {
        state: "open"
        if state == "unverified"
        else {
            "complete": "fulfilled",
            "cancelled": "revoked",
            "denied": "denied",
        }.get(state, "in_progress")
        for state in RequestState
    }


def test_every_ground_of_a_denial_has_a_reason_of_the_protocol():
    every = {ground.article: law for law in REGIMES.values() for ground in (*law.deny, *law.keep)}
    unverified = {
        ground.article
        for law in REGIMES.values()
        for ground in law.deny
        if ground.reason.startswith("who the person is")
    }

    assert unverified == UNVERIFIABLE
    reasons = {denied_as(article, law=law) for article, law in every.items()}
    assert reasons == {"insuf_verification", "claim_not_covered", "other"}
    assert denied_as("GDPR Art. 17(3)(e)", law=REGIMES["gdpr"]) == "claim_not_covered"
    assert denied_as("GDPR Art. 12(5)(b)", law=REGIMES["gdpr"]) == "other"


def test_nobody_else_can_say_that_an_agent_signed():
    said = {
        "regime": "gdpr",
        "identifiers": [{"namespace": "email", "value": ADDRESS}],
        "verification": "signed-agent",
    }
    intake = client_of(Role.INTAKE)

    answer = intake.post("/api/v1/deletion-requests", said, HTTP_IDEMPOTENCY_KEY="k")
    line: Any = intake.generic(
        "POST",
        "/api/v1/deletion-requests/batches",
        json.dumps(said | {"key": "k"}),
        "application/x-ndjson",
        HTTP_IDEMPOTENCY_KEY="k",
    )

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/VerificationReserved"
    assert b"VerificationReserved" in b"".join(line.streaming_content)
    with pytest.raises(VerificationReserved):
        make_request(raw(ADDRESS, "email"), verification="signed-agent")
    assert nothing_done()


SMALL_ORDER = [
    bytes(32),
    bytes([1, *[0] * 31]),
    bytes([0xEC, *[0xFF] * 30, 0x7F]),
    bytes([0xED, *[0xFF] * 30, 0x7F]),
    bytes([0xEE, *[0xFF] * 30, 0xFF]),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
]


def test_anybody_can_sign_under_a_key_of_small_order():
    """Why such keys are refused: nobody needs a secret for this one."""
    identity = SMALL_ORDER[1]

    Ed25519PublicKey.from_public_bytes(identity).verify(identity + bytes(32), b"anything")


@pytest.mark.parametrize(
    "changes",
    [
        *({"public_key": b64encode(key).decode()} for key in SMALL_ORDER),
        {"public_key": ""},
        {"public_key": "00" * 31},
        {"public_key": "zz" * 32},
        {"public_key": b64encode(b"x" * 33).decode()},
        {"email_namespace": "", "phone_namespace": ""},
        {"email_namespace": "phone"},
        {"phone_namespace": "email"},
        {"name": " "},
        {"name": "two\nlines"},
    ],
)
def test_a_declaration_that_does_not_hold_together_is_refused(changes):
    with pytest.raises(AgentInvalid):
        Signer().declare(**changes)

    assert not Agent.objects.exists()
    assert "AgentDeclared" not in events()


@pytest.mark.parametrize("code", ["", "a b", "a/b", "-a", ".", "..", "x" * 51, "\u00e9"])
def test_an_id_that_no_address_could_hold_is_refused(code):
    with pytest.raises(AgentInvalid):
        Signer(code).declare()


def test_an_administrator_declares_disables_and_enables_over_http():
    signer = Signer("CR")
    admin = client_of(Role.ADMINISTRATOR, name="a")
    officer = client_of(Role.OFFICER, name="o")
    said = {
        "agent": "CR",
        "name": "Consumer Reports",
        "public_key": signer.key.public_key().public_bytes_raw().hex(),
        "email_namespace": "email",
        "regime": "ccpa",
    }

    assert officer.post("/api/v1/agents", said).status_code == 403
    assert admin.post("/api/v1/agents", said | {"regime": "none"}).status_code == 422
    assert admin.post("/api/v1/agents", said | {"public_key": "00" * 32}).status_code == 422
    assert admin.post("/api/v1/agents", said | {"email_namespace": "shoe"}).status_code == 422
    assert admin.post("/api/v1/agents", said | {"agent": "a/b"}).status_code == 400
    assert not Agent.objects.exists()
    declared = admin.post("/api/v1/agents", said)
    assert declared.status_code == 201
    one = f"/api/v1/agents/{declared.json()['id']}"
    assert officer.post(f"{one}/disable", {"reason": "x"}).status_code == 403
    assert admin.post(f"{one}/disable", {"reason": "stolen"}).json()["disabled_because"] == "stolen"
    assert admin.post(f"{one}/disable", {"reason": "stolen"}).status_code == 404
    assert admin.post(f"{one}/enable").json()["disabled_at"] is None
    signer.set_up()
    signer.ask(ADDRESS)
    shown = officer.get(one).json()
    assert (shown["agent"], shown["requests"], shown["open_requests"]) == ("CR", 1, 1)
    assert "token_digest" not in shown
    assert officer.get("/api/v1/agents").json()["results"] == [shown]
    assert officer.get("/api/v1/agents/999").status_code == 404


def test_an_operator_declares_by_a_command(settings):
    key = b64encode(Signer().key.public_key().public_bytes_raw()).decode()
    said = ["declare_agent", "CR", "--name=Consumer Reports", "--regime=ccpa"]
    out = StringIO()

    call_command(*said, f"--key={key}", "--email=email", stdout=out)
    settings.DRP_BUSINESS_ID = ""
    call_command(*said, f"--key={key}", "--phone=phone", stdout=out)

    assert out.getvalue().splitlines() == [
        "agent CR is declared",
        "agent CR is declared",
        "no agent is listened to: DRP_BUSINESS_ID is not set",
    ]
    row = Agent.objects.get()
    assert (row.email_namespace_id, row.phone_namespace_id) == (None, "phone")
    with pytest.raises(CommandError, match="AgentInvalid"):
        call_command(*said, "--key=short", "--email=email")
    with pytest.raises(CommandError, match="NamespaceUnknown"):
        call_command(*said, f"--key={key}", "--email=shoe")
