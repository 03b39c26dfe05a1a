"""How another system sends many deletion requests at once. Standard library only.

    python examples/upload.py [--as NAME] --key KEY FILE > ANSWERS.ndjson

FILE is CSV, or NDJSON if its name says so (.ndjson, .jsonl), packed if it ends in .gz. It is sent
while the answers are read: who only sends blocks in the end, since nobody keeps the answers. The
answers hold the people's receipts, so keep them private. LETHE_ADDRESS says where the service is,
LETHE_PASSWORD belongs to the account. When anything breaks, send the same file with the same key
again. The exit code is 0 if the last answer says that the upload was read to its end.
"""

import argparse
import json
import os
import sys
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

PATH = "/api/v1/deletion-requests/batches"
BLOCK = 1 << 16


def upload(address: str, blocks: Iterable[bytes], headers: Mapping[str, str]) -> Iterator[bytes]:
    """Send blocks in one thread, and yield the lines of the answer in this one."""
    where = urlsplit(address)
    kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
    connection = kind(where.netloc, timeout=120)
    connection.putrequest("POST", PATH)
    for name, value in {**headers, "Transfer-Encoding": "chunked"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    socket = connection.sock

    def send() -> None:
        try:
            for block in blocks:
                socket.sendall(b"%x\r\n%b\r\n" % (len(block), block))
            socket.sendall(b"0\r\n\r\n")
        except OSError:  # the reader sees it, too
            return

    Thread(target=send, daemon=True).start()
    with closing(socket), closing(connection), connection.getresponse() as answer:
        if answer.status != 200:  # noqa: PLR2004  # a refusal has one line, its problem
            raise HTTPException(answer.read().decode())
        yield from answer


def token_of(address: str, name: str, password: str) -> str:
    """Trade a name and a password for a token."""
    login = b64encode(f"{name}:{password}".encode()).decode()
    request = Request(  # noqa: S310  # the address is the operator's own setting
        f"{address}/api/v1/tokens", method="POST", headers={"Authorization": f"Basic {login}"}
    )
    with urlopen(request, timeout=30) as answer:  # noqa: S310  # as above
        return str(json.load(answer)["token"])


def headers_for(file: Path, *, key: str, token: str) -> dict[str, str]:
    """Return what the service must know about a file."""
    packed = file.suffix == ".gz"
    form = (file.with_suffix("") if packed else file).suffix
    json_lines = form in {".ndjson", ".jsonl"}
    said = {
        "Authorization": f"Token {token}",
        "Content-Type": "application/x-ndjson" if json_lines else "text/csv",
        "Idempotency-Key": key,
    }
    return {**said, "Content-Encoding": "gzip"} if packed else said


def blocks_of(file: Path) -> Iterator[bytes]:
    """Read a file without holding it."""
    with file.open("rb") as source:
        while block := source.read(BLOCK):
            yield block


def main() -> int:
    """Send one file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--as", dest="name", default="officer", help="account; default: officer")
    parser.add_argument("--key", required=True, help="one an upload; the same again goes on")
    parser.add_argument("file", type=Path, metavar="FILE")
    options = parser.parse_args()
    last: dict[str, Any] = {}
    line = b"{}"
    try:
        address = os.environ["LETHE_ADDRESS"]
        token = token_of(address, options.name, os.environ["LETHE_PASSWORD"])
        headers = headers_for(options.file, key=options.key, token=token)
        for line in upload(address, blocks_of(options.file), headers):
            sys.stdout.buffer.write(line)
        last = json.loads(line)
    except (HTTPError, HTTPException, OSError, ValueError) as broken:
        sys.stderr.write(f"broken off: {broken}\n")
    if last.get("result") != "finished":
        sys.stderr.write("send the same file with the same key again\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
