"""One HTTP call to a recipient, within bounds: of time, of size, and of where it may lead.

The name is resolved here, once, and the connection goes to an address that was checked. Redirects
are not followed. Of the answer at most `_MOST_BYTES` are read.
"""

import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Timer
from typing import Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from deletion.addresses import Place, Policy, allowed, place_of
from deletion.errors import AddressRefused

CALL_SECONDS: Final = 20.0  # Standard Webhooks asks for 15 to 30

_CONNECT_SECONDS: Final = 5.0
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
    try:
        place = place_of(url, policy=policy)
        address = allowed(_resolved(place), policy=policy)[0]
    except AddressRefused as refused:
        return Answered(trouble=f"the address is refused: {refused}")
    except OSError:
        return Answered(trouble="its name cannot be resolved")
    connection = _connection(place, address)
    late = Timer(seconds, _cut, (connection,))
    late.daemon = True
    begun = time.monotonic()
    try:
        connection.connect()
        late.start()  # a socket's own time-out begins anew with each byte that drips in
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
        if time.monotonic() - begun >= seconds:
            return Answered(trouble="it took too long")
    except (HTTPError, OSError, ValueError) as failure:
        too_long = isinstance(failure, TimeoutError) or time.monotonic() - begun >= seconds
        return Answered(trouble="it took too long" if too_long else _kind(failure))
    finally:
        late.cancel()
        connection.close()
    return Answered(
        status=answer.status,
        trouble="its answer is too long" if len(content) > _MOST_BYTES else "",
        body=content[:_MOST_BYTES],
        retry_after=_retry_after(answer.headers.get("retry-after", ""), now=now),
    )


def _resolved(place: Place) -> list[str]:
    found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _connection(place: Place, address: str) -> HTTPConnection:
    """Return a connection to a checked address that asks for the name's own certificate."""
    if place.is_plain:
        return HTTPConnection(address, place.port, timeout=_CONNECT_SECONDS)
    return HTTPSConnection(
        address,
        place.port,
        timeout=_CONNECT_SECONDS,
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
