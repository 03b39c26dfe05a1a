"""What a trainer that is a service brings: kept in the folder of its work, the first word only."""

import hmac
import json
import os
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from training.errors import ResultDisagrees
from training.outside.contract import MOST_OUTPUT, Polled, Standing

_CHUNK: Final = 1 << 20
_WHOLE: Final = 100


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; none at the end."""


def token_of(number: int, *, key: str, signing_key: bytes) -> str:
    """Return the token of one piece of work: its fencing number, and what only we can make."""
    info = b"lethe job token/" + key.encode()
    secret = HKDFExpand(algorithm=SHA256(), length=32, info=info).derive(signing_key)
    return f"{number}.{secret.hex()}"


def is_token(said: str, *, number: int, key: str, signing_key: bytes) -> bool:
    """Say whether a token is that of a piece of work."""
    wanted = token_of(number, key=key, signing_key=signing_key)
    return hmac.compare_digest(said.encode(), wanted.encode())


def standing_in(folder: Path) -> Polled | None:
    """Return how work ended by what was brought, or None if nothing was said yet."""
    if (folder / "output" / "failed").exists():
        return Polled(standing=Standing.FAILED, trouble="it says that it failed")
    if (folder / "output" / "result.json").exists():
        return Polled(standing=Standing.SUCCEEDED, progress=_WHOLE)
    return None


def keep_output(folder: Path, name: str, stream: Readable) -> str:
    """Keep an artefact or predictions as they come; return their SHA-256. Nothing is half kept."""
    digest, size = sha256(), 0
    handle, staged = tempfile.mkstemp(prefix=".staged-", dir=_output(folder))
    try:
        with os.fdopen(handle, "wb") as file:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > MOST_OUTPUT:
                    raise ResultDisagrees(f"what it made is larger than {MOST_OUTPUT} bytes")
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        Path(staged).replace(_output(folder) / name)
    finally:
        Path(staged).unlink(missing_ok=True)
    return digest.hexdigest()


def keep_result(folder: Path, said: Mapping[str, Any]) -> None:
    """Keep a result; the same again changes nothing, and another one is refused."""
    _keep_first(_output(folder) / "result.json", written(said))


def keep_failure(folder: Path) -> None:
    """Keep that the trainer says it failed."""
    _keep_first(_output(folder) / "failed", b"")


def written(said: Mapping[str, Any]) -> bytes:
    """Return a result in one spelling."""
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def _output(folder: Path) -> Path:
    place = folder / "output"
    place.mkdir(mode=0o700, exist_ok=True)
    return place


def _keep_first(path: Path, content: bytes) -> None:
    handle, staged = tempfile.mkstemp(prefix=".staged-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(path).hardlink_to(staged)  # unlike a rename, it never takes the place of another file
    except FileExistsError:
        if path.read_bytes() != content:
            raise ResultDisagrees("it said something else before") from None
    finally:
        Path(staged).unlink(missing_ok=True)
