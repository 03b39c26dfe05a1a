"""How a setting is read: from `NAME`, or from the file that `NAME_FILE` names.

A mistake is kept until all settings are read and never shows a value: settings hold secrets.
"""

import re
from datetime import timedelta
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from environs import FileAwareEnv, ValidationError, validate
from typing_extensions import override

from lineage.liveness import ASKED, ASKING
from training.calling.addresses import Network, networks_in
from training.outside.declared import NotDeclarable, OutsideTrainer, read_declared

KEY_BYTES: Final = 32
_SLOTS: Final = re.compile(r"(?P<pool>[A-Za-z0-9][A-Za-z0-9._/-]*)=(?P<slots>[1-9][0-9]{0,5})")
_PORTS: Final = 1 << 16
_BASE: Final = re.compile(r"https?://[A-Za-z0-9.\[\]:_-]+(/[A-Za-z0-9._~/-]*)?")

POSITIVE: Final = validate.Range(min=0, min_inclusive=False)
COUNT: Final = validate.Range(min=0)
LIKELY: Final = validate.Range(min=0.5, max=1, max_inclusive=False)
LASTING: Final = validate.Range(min=timedelta(0), min_inclusive=False)
NOT_NEGATIVE: Final = validate.Range(min=timedelta(0))


class Environment(FileAwareEnv):
    """An environment whose unreadable files are mistakes like any other."""

    def __init__(self) -> None:
        """Collect mistakes until `seal`; drop the newline at the end of a mounted file."""
        super().__init__(eager=False, strip_whitespace=True)
        self.add_parser("key", key)
        self.add_parser("database", database)
        self.add_parser("slots", slots)
        self.add_parser("networks", networks)
        self.add_parser("ports", ports)
        self.add_parser("base", base)
        self.add_parser("trainers", trainers)

    @override
    def _get_value(self, env_key: str, default: Any) -> Any:
        try:
            return super()._get_value(env_key, default)
        except ValueError:  # not there, not readable, not text: the message may quote the content
            self._errors[env_key].append(f"{env_key}_FILE does not name a readable text file.")
            return default


def one_of(*words: str) -> validate.OneOf:
    """Return the check that a setting is one of these words."""
    return validate.OneOf(words)


def key(written: str) -> bytes:
    """Return a key written as 64 hexadecimal digits."""
    try:
        read = bytes.fromhex(written)
    except ValueError:
        read = b""
    if len(read) != KEY_BYTES:
        raise ValidationError(f"Not {2 * KEY_BYTES} hexadecimal digits.")
    return read


def networks(written: str) -> tuple[Network, ...]:
    """Return networks written as `10.1.0.0/16`, separated by commas."""
    try:
        return networks_in([each.strip() for each in written.split(",") if each.strip()])
    except ValueError:
        raise ValidationError("Not networks such as 10.1.0.0/16, separated by commas.") from None


def base(written: str) -> str:
    """Return an address to which paths are added, without a slash at its end; or nothing."""
    if written and not _BASE.fullmatch(written):
        raise ValidationError("Not an address such as https://lethe.example.")
    return written.rstrip("/")


def ports(written: str) -> frozenset[int]:
    """Return port numbers, separated by commas."""
    found = [each.strip() for each in written.split(",")]
    if not all(each.isdecimal() and 0 < int(each) < _PORTS for each in found):
        raise ValidationError("Not port numbers, separated by commas.")
    return frozenset(map(int, found))


def slots(written: str) -> dict[str, int]:
    """Return the slots of each pool that is named, written as `erasure=4,training/gpu=2`."""
    read: dict[str, int] = {}
    for one in written.split(",") if written.strip() else ():
        said = _SLOTS.fullmatch(one.strip())
        if said is None:
            raise ValidationError("Not POOL=SLOTS,POOL=SLOTS with whole numbers above 0.")
        if said["pool"] in read:
            raise ValidationError("It names a pool twice.")
        read[said["pool"]] = int(said["slots"])
    return read


def trainers(written: str) -> dict[str, OutsideTrainer]:
    """Return the outside trainers that are declared, in TOML."""
    try:
        return read_declared(written)
    except NotDeclarable as wrong:
        raise ValidationError(f"Not the declaration of trainers: {wrong}.") from None


def database(url: str) -> dict[str, Any]:
    """Return Django's form of a PostgreSQL URL; `%2F` in the host is a unix socket's folder."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ValidationError("Its port is not a number.") from None
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ValidationError("Not postgres://USER:PASSWORD@HOST:PORT/NAME.")
    # Not `parts.hostname`, which is in lower case: a folder's name is not.
    address = parts.netloc.rpartition("@")[2]
    host = address.partition("]")[0] + "]" if address.startswith("[") else address.split(":")[0]
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(host).strip("[]"),
        "PORT": str(port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**ASKING, "options": " ".join(f"-c {one}" for one in ASKED)},
    }
