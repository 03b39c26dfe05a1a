"""A recipient that the tests start on loopback: real HTTP, with the answers that a test wants."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from typing_extensions import override

from training.calling.addresses import Policy, networks_in

LOOPBACK = networks_in(["127.0.0.0/8"])


class Recipient:
    """What it was sent, and what it answers."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answer: Callable[[Any], None] = status(204)
        self.port = 0
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}"

    @property
    def policy(self) -> Policy:
        return Policy(ports=frozenset({self.port}), networks=LOOPBACK, plain_http=True)

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _, _, headers, _ in self.got]


def status(code: int, body: bytes = b"", **headers: str) -> Callable[[Any], None]:
    """Return an answer with a status."""

    def answer(handler: Any) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hanging(seconds: float) -> Callable[[Any], None]:
    """Return an answer that never comes."""
    return lambda _: time.sleep(seconds)


def dripping(seconds: float) -> Callable[[Any], None]:
    """Return an answer of which a byte comes now and then: no time-out of a read ends it."""

    def answer(handler: Any) -> None:
        until = time.monotonic() + seconds
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while time.monotonic() < until:
            handler.wfile.write(b"z")
            handler.wfile.flush()
            time.sleep(0.05)

    return answer


def endless(handler: Any) -> None:
    """Send a body that does not end."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(4096):
        handler.wfile.write(b"x" * 65536)


@contextmanager
def recipient(context: ssl.SSLContext | None = None) -> Iterator[Recipient]:
    """Run a recipient; with a context it speaks HTTPS."""
    mine = Recipient()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # the base class calls it so
            size = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            mine.got.append((self.command, self.path, headers, self.rfile.read(size)))
            self.close_connection = True
            try:
                mine.answer(self)
            except OSError:
                return  # the caller has hung up: that is what the test is about

        do_GET = do_POST  # noqa: N815  # the base class calls it so

        @override
        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        mine.scheme = "https"
    mine.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield mine
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
