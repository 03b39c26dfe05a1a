"""How another system talks to Lethe: one call of its HTTP API. Standard library only.

    python examples/ask.py [--as NAME] METHOD PATH < BODY.json

LETHE_ADDRESS says where the service is, LETHE_PASSWORD belongs to the account. What is sent comes
from standard input, since other users of a machine can see the command line. The answer is printed
as JSON; a refusal is said on standard error, with exit code 1.
"""

import argparse
import json
import os
import sys
from base64 import b64encode
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4


def call(method: str, path: str, body: bytes | None = None, **headers: str) -> Any:
    """Return the parsed answer."""
    request = Request(  # noqa: S310  # the address is the operator's own setting
        f"{os.environ['LETHE_ADDRESS']}{path}",
        method=method,
        data=body,
        headers={"Content-Type": "application/json", **headers},
    )
    with urlopen(request, timeout=30) as answer:  # noqa: S310  # as above
        said = answer.read()
    return json.loads(said) if said else None


def token_of(name: str, password: str) -> str:
    """Trade a name and a password for a token. Keep it: one a process, not one a call."""
    login = b64encode(f"{name}:{password}".encode()).decode()
    return str(call("POST", "/api/v1/tokens", Authorization=f"Basic {login}")["token"])


def main() -> int:
    """Make one call."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--as", dest="name", default="officer", help="account; default: officer")
    parser.add_argument("method", metavar="METHOD")
    parser.add_argument("path", metavar="PATH", help="such as /api/v1/deletion-requests")
    options = parser.parse_args()
    body = None if options.method == "GET" else sys.stdin.buffer.read() or None
    try:
        token = token_of(options.name, os.environ["LETHE_PASSWORD"])
        answer = call(
            options.method,
            options.path,
            body,
            Authorization=f"Token {token}",
            # One a demand: a call that is repeated under its old key does nothing twice.
            **{"Idempotency-Key": str(uuid4())},
        )
    except HTTPError as refused:
        problem = json.load(refused)
        sys.stderr.write(f"{problem['status']} {problem['title']}: {problem['detail']}\n")
        for mistake in problem.get("errors", []):
            sys.stderr.write(f"  {mistake['pointer']}: {mistake['detail']}\n")
        return 1
    print(json.dumps(answer, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
