"""One HTTP call to somebody outside, within bounds: of time, of size, and of where it may lead.

The name is resolved here, once, and the connection goes to an address that was checked. Redirects
are not followed. Of the answer at most `_MOST_BYTES` are read. Resolving, connecting, sending and
reading together take no longer than a call may.
"""

import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from queue import Empty, SimpleQueue
from threading import Thread, Timer
from typing import Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError

from training.calling.addresses import Place, Policy, allowed, place_of
from training.errors import AddressRefused

CALL_SECONDS: Final = 20.0  # Standard Webhooks asks for 15 to 30

_CONNECT_SECONDS: Final = 5.0  # each: the name, the connection, and the beginning of TLS
_MOST_BYTES: Final = 64 * 1024
_CHUNK: Final = 8 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came back of a call: an answer with a status, or none and the kind of trouble."""

    status: int | None = None
    trouble: str = ""  # never what the other side wrote
    body: bytes = b""
    retry_after: timedelta | None = None


def call(  # noqa: PLR0913  # what one call is made of
    url: str,
    *,
    method: str,
    body: bytes,
    headers: Mapping[str, str],
    policy: Policy,
    reads: bool = False,
    now: datetime,
    seconds: float = CALL_SECONDS,
) -> Answered:
    """Make one call; whatever goes wrong is in the answer. Its body is read only if asked for."""
    until = time.monotonic() + seconds
    try:
        place = place_of(url, policy=policy)
        found = _resolved(place, seconds=min(_CONNECT_SECONDS, seconds / 2))
        address = allowed(found, policy=policy)[0]
    except AddressRefused as refused:
        return Answered(trouble=f"the address is refused: {refused}")
    except OSError:
        return Answered(trouble="its name cannot be resolved")
    # Half of what is left: for the connection, and then once more for the beginning of TLS.
    connection = _connection(place, address, seconds=min(_CONNECT_SECONDS, _left(until) / 2))
    late: Timer | None = None
    try:
        connection.connect()
        connection.timeout = _left(until)  # whoever is connected may think about its answer
        # A socket's own time-out begins anew with each byte that drips in.
        late = Timer(_left(until), _cut, (connection,))
        late.daemon = True
        late.start()
        connection.request(
            method,
            place.path,
            body=body or None,
            headers={**headers, "host": place.authority, "user-agent": "Lethe"},
            preload_content=False,
        )
        answer = connection.getresponse()
        content = b""
        while reads and len(content) <= _MOST_BYTES and (chunk := answer.read(_CHUNK)):
            content += chunk
        if time.monotonic() >= until:
            return Answered(trouble="it took too long")
    except (HTTPError, OSError, ValueError) as failure:
        # Who refuses a connection is of a class below the one for who does not answer in time.
        too_long = isinstance(failure, TimeoutError) or type(failure) is ConnectTimeoutError
        too_long = too_long or time.monotonic() >= until
        return Answered(trouble="it took too long" if too_long else _kind(failure))
    finally:
        if late is not None:
            late.cancel()
        connection.close()
    return Answered(
        status=answer.status,
        trouble="its answer is too long" if len(content) > _MOST_BYTES else "",
        body=content[:_MOST_BYTES],
        retry_after=_retry_after(answer.headers.get("retry-after", ""), now=now),
    )


def _left(until: float) -> float:
    """Return the seconds that a call has left; a socket takes 0 for "do not wait at all"."""
    return max(until - time.monotonic(), 0.001)


def _resolved(place: Place, *, seconds: float) -> list[str]:
    """Return the addresses of a name, or raise `OSError`.

    A resolver takes no time-out, so another thread waits for it; the resolver's own end ends it.
    """
    answers: SimpleQueue[list[str] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as failure:
            answers.put(OSError(type(failure).__name__))
        else:
            answers.put([str(address[0]) for *_, address in found])

    Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _connection(place: Place, address: str, *, seconds: float) -> HTTPConnection:
    """Return a connection to a checked address that asks for the name's own certificate."""
    if place.is_plain:
        return HTTPConnection(address, place.port, timeout=seconds)
    return HTTPSConnection(
        address,
        place.port,
        timeout=seconds,
        ssl_context=ssl.create_default_context(),  # it checks the name, with `server_hostname`
        server_hostname=place.host,
    )


def _cut(connection: HTTPConnection) -> None:
    """End a call that takes too long, also one of which a byte drips in now and then."""
    if isinstance(connection.sock, socket.socket):
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already


def _kind(failure: Exception) -> str:
    if isinstance(failure.__cause__ or failure, ssl.SSLError) or "SSL" in type(failure).__name__:
        return "its certificate or TLS is not good"
    return f"no answer: {type(failure).__name__}"


def _retry_after(said: str, *, now: datetime) -> timedelta | None:
    """Read Retry-After (RFC 9110, section 10.2.3): seconds or a date; anything else is nothing."""
    if said.isascii() and said.isdecimal():
        return timedelta(seconds=min(int(said[:9]), 10**8))
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(at - now, timedelta(0)) if at.tzinfo is not None else None
