"""A call leads nowhere it may not, ends in time, and reads no more than it may."""

import socket
import ssl
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest
import trustme

from tests.cast import MONDAY
from tests.training.calling.recipient_server import (
    dripping,
    endless,
    hanging,
    recipient,
    status,
)
from training.calling import calls
from training.calling.addresses import Policy
from training.calling.calls import call


@pytest.fixture
def server():
    with recipient() as mine:
        yield mine


def post(server, **changes):
    said = {
        "url": f"{server.url}/hooks?a=1",
        "method": "POST",
        "body": b"{}",
        "headers": {"webhook-id": "msg_1"},
        "policy": server.policy,
        "now": MONDAY,
        **changes,
    }
    return call(said.pop("url"), **said)


def test_a_message_arrives_as_it_was_sent(server):
    answered = post(server)

    assert (answered.status, answered.trouble) == (204, "")
    ((method, path, headers, body),) = server.got
    assert (method, path, body) == ("POST", "/hooks?a=1", b"{}")
    assert headers["host"] == f"localhost:{server.port}"
    assert headers["webhook-id"] == "msg_1"


def test_an_address_inside_the_network_is_refused_before_anything_is_sent(server):
    outside = replace(server.policy, networks=())

    for host in ("localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"):
        answered = post(server, url=f"http://{host}:{server.port}/", policy=outside)
        assert answered.status is None
        assert "refused" in answered.trouble
    assert server.got == []


def test_plain_http_and_other_ports_are_refused(server):
    only_tls = replace(server.policy, plain_http=False)
    other_port = replace(server.policy, ports=frozenset({443}))

    assert "only https" in post(server, policy=only_tls).trouble
    assert "its port" in post(server, policy=other_port).trouble
    assert server.got == []


def test_a_name_is_resolved_once_and_every_address_of_it_is_checked(server, monkeypatch):
    """A resolver that says another thing the second time leads nobody astray."""
    asked = []

    def resolve(host, *_, **__):
        asked.append(host)
        found = ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, server.port)) for one in found]

    real = socket.getaddrinfo
    names = {"recipient.example"}
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *a, **k: resolve(host) if host in names else real(host, *a, **k),
    )
    url = f"http://recipient.example:{server.port}/"

    assert post(server, url=url).status == 204
    assert asked == ["recipient.example"]
    assert server.got[0][2]["host"] == f"recipient.example:{server.port}"
    assert "refused" in post(server, url=url).trouble  # asked again: it is metadata now
    assert len(server.got) == 1


def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch):
    both = [(socket.AF_INET, 1, 6, "", (one, 443)) for one in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)

    answered = call(
        "https://recipient.example/",
        method="POST",
        body=b"",
        headers={},
        policy=Policy(ports=frozenset({443})),
        now=MONDAY,
    )

    assert "refused" in answered.trouble


def test_a_redirect_is_not_followed(server):
    with recipient() as other:
        server.answer = status(307, Location=f"{other.url}/stolen")

        assert post(server).status == 307
        assert other.got == []


@pytest.mark.parametrize("slow", [hanging, dripping])
def test_a_recipient_that_takes_too_long_is_left(server, slow):
    server.answer = slow(5)
    begun = time.monotonic()

    answered = post(server, seconds=0.4)

    assert (answered.status, answered.trouble) == (None, "it took too long")
    assert time.monotonic() - begun < 3


def test_a_recipient_may_think_for_longer_than_it_may_take_to_connect(server, monkeypatch):
    monkeypatch.setattr(calls, "_CONNECT_SECONDS", 0.2)

    def late(handler):
        time.sleep(0.5)
        status(204)(handler)

    server.answer = late

    assert post(server, seconds=5).status == 204


def test_a_name_server_that_does_not_answer_is_left(server, monkeypatch):
    def silent(*_, **__):
        time.sleep(1.5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    begun = time.monotonic()

    answered = post(server, seconds=0.4)

    assert answered.trouble == "its name cannot be resolved"
    assert time.monotonic() - begun < 1
    assert server.got == []


def test_a_machine_that_takes_no_connection_is_left(server):
    with ExitStack() as held:
        full = held.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):  # nobody accepts them, so the kernel lets no more in
            waiting = held.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(full.getsockname())
        port = full.getsockname()[1]
        policy = replace(server.policy, ports=frozenset({port}))
        begun = time.monotonic()

        answered = post(server, url=f"http://127.0.0.1:{port}/", policy=policy, seconds=0.4)

    assert (answered.status, answered.trouble) == (None, "it took too long")
    assert time.monotonic() - begun < 1


def test_a_machine_that_does_not_begin_tls_is_left(server):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        policy = replace(server.policy, ports=frozenset({port}))
        begun = time.monotonic()

        answered = post(server, url=f"https://localhost:{port}/", policy=policy, seconds=0.4)

    assert (answered.status, answered.trouble) == (None, "it took too long")
    assert time.monotonic() - begun < 1


def test_of_a_long_answer_only_the_beginning_is_read(server):
    server.answer = endless
    begun = time.monotonic()

    assert post(server).status == 200  # of a webhook nothing but the status counts
    answered = post(server, reads=True)

    assert answered.trouble == "its answer is too long"
    assert len(answered.body) <= 64 * 1024
    assert time.monotonic() - begun < 5


def test_when_to_come_back_is_read_as_seconds_or_as_a_date(server):
    for said, meant in {
        "120": timedelta(minutes=2),
        "Tue, 06 Jan 2026 09:00:00 GMT": None,
        "soon": None,
        "99999999999": timedelta(seconds=10**8),
    }.items():
        server.answer = status(503, Retry_After=said)
        answered = post(server)
        assert answered.status == 503
        if meant is not None:
            assert answered.retry_after == meant
        elif said == "soon":
            assert answered.retry_after is None
        else:
            assert answered.retry_after > timedelta(0)


def test_nobody_there_is_trouble_and_no_exception(server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    policy = replace(server.policy, ports=frozenset({port}))

    answered = post(server, url=f"http://localhost:{port}/", policy=policy)

    assert (answered.status, answered.trouble) == (None, "no answer: NewConnectionError")
    gone = post(server, url=f"http://nobody.invalid:{port}/", policy=policy)
    assert gone.trouble == "its name cannot be resolved"


def test_a_certificate_is_checked_against_the_name_though_an_address_is_called(
    monkeypatch, tmp_path
):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for name, is_good in (("localhost", True), ("elsewhere.example", False)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        with recipient(context) as mine:
            answered = post(mine, policy=replace(mine.policy, plain_http=False))
        assert answered.status == (204 if is_good else None), name
        if not is_good:
            assert answered.trouble == "its certificate or TLS is not good"
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(stranger)
    with recipient(stranger) as mine:
        assert post(mine).trouble == "its certificate or TLS is not good"
        assert mine.got == []
