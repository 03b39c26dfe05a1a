"""Which outside trainers an installation has: declared by its operator, never through the API.

A command runs on the workers and an address is called from them, so neither is anything that
somebody who may train models may choose.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lineage.places import NAME
from lineage.sharding import Shard
from training.errors import ArtefactMismatch
from training.evidence import EvidenceClass
from training.filling import FillRule
from training.outside.contract import require_plain
from training.trainers.protocol import Material

_LONGEST: Final = 24 * 3600  # seconds
_USUAL: Final = 3600
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:@/._+-]{2,119}")
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_MOST: Final = 100
_LONGEST_POLL: Final = 3600
USUAL_POLL: Final = 15.0  # seconds
_KNOWN: Final = {"argv", "code", "limit_seconds", "environment", "url", "poll_seconds"}


class NotDeclarable(ValueError):
    """The declaration of outside trainers is wrong; the message names the place, not its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideTrainer:
    """A trainer of somebody else's, which sees all people whom training may see, in one piece."""

    name: str
    code: str  # what the operator says is run: a commit, or the digest of an image
    limit_seconds: float
    argv: tuple[str, ...] = ()  # of a command
    url: str = ""  # of a service
    poll_seconds: float = USUAL_POLL  # between two questions to a service
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def kind(self) -> str:
        """Say how it is driven."""
        return "webhook" if self.url else "command"

    @property
    def revision(self) -> str:
        """Return what a manifest says of it; another code is another revision."""
        return f"{self.name}, {self.kind}, {self.code}"

    @property
    def material(self) -> Material:
        """Say what it learns from."""
        return Material.PEOPLE

    def check(self, parameters: Mapping[str, object]) -> None:
        """Raise `ParametersInvalid` unless they are texts and numbers; the trainer knows more."""
        require_plain(parameters)

    @property
    def imputes(self) -> frozenset[FillRule]:
        """Return no rule: what stands in for a gap is the trainer's own matter."""
        return frozenset()

    @property
    def evidence(self) -> EvidenceClass:
        """Say how it forgets: it is trained from nothing, on rows in which nobody excluded is."""
        return EvidenceClass.RETRAINED

    def slices_of(self, _parameters: Mapping[str, object]) -> int:
        """Return 1: it sees everybody at once."""
        return 1

    def assemble(self, snapshots: Mapping[Shard, bytes]) -> bytes:
        """Return the artefact: the one piece that it made."""
        if len(snapshots) != 1:
            raise ArtefactMismatch("an outside trainer makes one piece, so there is one snapshot")
        return next(iter(snapshots.values()))


def read_declared(written: str) -> dict[str, OutsideTrainer]:
    """Return the trainers declared in TOML, a table each, or raise `NotDeclarable`."""
    try:
        tables = tomllib.loads(written)
    except tomllib.TOMLDecodeError:
        raise NotDeclarable("it is not TOML") from None
    return {name: _trainer(name, table) for name, table in tables.items()}


def _trainer(name: str, table: Any) -> OutsideTrainer:
    if not NAME.fullmatch(name) or not isinstance(table, dict):
        raise NotDeclarable("each trainer is a table with a plain name")
    if unknown := sorted(set(table) - _KNOWN):
        raise NotDeclarable(f"{name}: {unknown[0][:64]} is not known")
    code = table.get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise NotDeclarable(f"{name}: code has to name what is run, such as git:4f1c2ab")
    limit = table.get("limit_seconds", _USUAL)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit <= _LONGEST:
        raise NotDeclarable(f"{name}: limit_seconds is not above 0 and at most {_LONGEST}")
    if "url" in table:
        return _service(name, table, code=code, limit_seconds=float(limit))
    argv = table.get("argv")
    if not isinstance(argv, list) or not argv or not all(_is_word(word) for word in argv):
        raise NotDeclarable(f"{name}: argv is no list of words")
    if not argv[0].startswith("/"):
        raise NotDeclarable(f"{name}: argv begins with the whole path of a program")
    environment = table.get("environment", {})
    if (
        not isinstance(environment, dict)
        or len(environment) > _MOST
        or not all(_VARIABLE.fullmatch(key) and _is_word(environment[key]) for key in environment)
    ):
        raise NotDeclarable(f"{name}: environment is no table of texts by NAME")
    return OutsideTrainer(
        name=name,
        code=code,
        limit_seconds=float(limit),
        argv=tuple(argv),
        environment=environment,
    )


def _service(
    name: str, table: dict[str, Any], *, code: str, limit_seconds: float
) -> OutsideTrainer:
    if {"argv", "environment"} & set(table):
        raise NotDeclarable(f"{name}: it is a command or a service, not both")
    url = table["url"]
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise NotDeclarable(f"{name}: url is no address")
    poll = table.get("poll_seconds", USUAL_POLL)
    if isinstance(poll, bool) or not isinstance(poll, int | float) or not 0 < poll <= _LONGEST_POLL:
        raise NotDeclarable(f"{name}: poll_seconds is not above 0 and at most {_LONGEST_POLL}")
    return OutsideTrainer(
        name=name, code=code, limit_seconds=limit_seconds, url=url, poll_seconds=float(poll)
    )


def _is_word(word: object) -> bool:
    return isinstance(word, str) and "\x00" not in word
