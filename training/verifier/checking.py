"""Reads signed statements about a model, and holds an artefact against them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from audits.errors import BundleInvalid
from audits.notes import NoteKey
from audits.statements import open_envelope
from training.verifier.refusals import (
    ArtefactTampered,
    Expired,
    IncompatibleInputs,
    OtherModel,
    OtherUse,
    RolledBack,
    StatementTampered,
    Unconfirmed,
    Unqualified,
    Unsigned,
    Withdrawn,
    WrongKey,
)

RELEASE_TYPE: Final = "https://lethe.example/model-release/v1"
STOP_TYPE: Final = "https://lethe.example/model-stop/v1"
WITHDRAWALS_TYPE: Final = "https://lethe.example/model-withdrawals/v1"

_NAMED: Final = 3  # inputs in a refusal; there may be thousands


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a signed statement says of a model."""

    model: str
    sequence: int
    stop: bool
    why: str  # of a stop
    version: int | None
    artefact_digest: str
    artefact: str
    uses: tuple[str, ...]
    inputs: Mapping[str, str]  # name → "number" or "text"
    qualified_until: datetime | None
    keep: timedelta
    fallback: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a serving system remembers of a model from one look to the next."""

    sequence: int  # the greatest that it has seen
    confirmed_at: datetime  # when Lethe last said so, a 304 included


def read_statement(
    envelope: Mapping[str, object], *, keys: Sequence[NoteKey], model: str
) -> Statement:
    """Return what a release or a stop of a model says, if a trusted key has signed it."""
    statement = _opened(envelope, keys)
    kind, predicate = statement["predicateType"], _predicate(statement)
    if kind not in {RELEASE_TYPE, STOP_TYPE}:
        raise Unqualified("the statement is neither a release nor a stop of a model")
    _require_model(predicate, model)
    try:
        return _read(statement, predicate, stop=kind == STOP_TYPE or predicate["stop"] is not False)
    except (KeyError, TypeError, ValueError, IndexError) as malformed:
        raise StatementTampered("the statement lacks something that it must say") from malformed


def read_withdrawals(
    envelope: Mapping[str, object], *, keys: Sequence[NoteKey], model: str
) -> frozenset[str]:
    """Return the SHA-256 of every artefact of a model that was withdrawn, as a key has signed."""
    statement = _opened(envelope, keys)
    predicate = _predicate(statement)
    if statement["predicateType"] != WITHDRAWALS_TYPE:
        raise StatementTampered("the list of withdrawals is none")
    _require_model(predicate, model)
    try:
        return frozenset(str(one["sha256"]) for one in predicate["withdrawn"])
    except (KeyError, TypeError) as malformed:
        raise StatementTampered("the list of withdrawals cannot be read") from malformed


def remember(before: Memory | None, statement: Statement, *, confirmed_at: datetime) -> Memory:
    """Return what is known after a statement was read; raise `RolledBack` if it is an older one.

    Keep the result also when the artefact is refused: a stop that was seen must not be forgotten.
    """
    if before is not None and statement.sequence < before.sequence:
        raise RolledBack("a newer statement about the model was seen before")
    return Memory(sequence=statement.sequence, confirmed_at=confirmed_at)


def admit(  # noqa: PLR0913  # keyword-only: all that an artefact is held against
    statement: Statement,
    artefact: bytes,
    *,
    memory: Memory,
    use: str,
    inputs: Mapping[str, str],
    withdrawn: frozenset[str] = frozenset(),
    now: datetime,
) -> None:
    """Return if the artefact may be loaded for a use now; otherwise raise the reason why not.

    `inputs` are the names and kinds (`number` or `text`) of what the version will be given.
    """
    if statement.sequence < memory.sequence:
        raise RolledBack("a newer statement about the model was seen before")
    if statement.stop:
        raise Withdrawn(statement.why or "the model is stopped")
    if statement.qualified_until is None:
        raise Unqualified("the statement does not say until when the version is qualified")
    if now >= statement.qualified_until:
        raise Expired(f"it was qualified until {statement.qualified_until.isoformat()}")
    if not timedelta() <= now - memory.confirmed_at <= statement.keep:
        raise Unconfirmed(
            f"the statement was last confirmed at {memory.confirmed_at.isoformat()} and holds for"
            f" {statement.keep.total_seconds():.0f} s without a word from Lethe"
        )
    if statement.artefact_digest in withdrawn:
        raise Withdrawn(f"version {statement.version} is on the list of withdrawals")
    if use not in statement.uses:
        raise OtherUse("the model was declared for: " + ", ".join(statement.uses))
    if differing := _differing(statement.inputs, inputs):
        raise IncompatibleInputs(differing)
    if sha256(artefact).hexdigest() != statement.artefact_digest:
        raise ArtefactTampered(f"it is not the artefact of version {statement.version}")


def _opened(envelope: Mapping[str, object], keys: Sequence[NoteKey]) -> Mapping[str, Any]:
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or not signatures:
        raise Unsigned("the statement bears no signature")
    trusted = {sha256(key.public_key).hexdigest(): key.public_key for key in keys}
    try:
        return open_envelope(envelope, public_keys=trusted)
    except BundleInvalid as invalid:
        named = {one.get("keyid") for one in signatures if isinstance(one, dict)}
        if named & trusted.keys():
            raise StatementTampered("the statement is not what the key has signed") from invalid
        raise WrongKey("none of the trusted keys has signed the statement") from invalid


def _predicate(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    predicate: Mapping[str, Any] = statement["predicate"]
    return predicate


def _require_model(predicate: Mapping[str, Any], model: str) -> None:
    if predicate.get("model") != model:
        raise OtherModel("the statement is about another model")


def _read(statement: Mapping[str, Any], predicate: Mapping[str, Any], *, stop: bool) -> Statement:
    until = predicate.get("qualified_until")
    moment = datetime.fromisoformat(until) if until is not None else None
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a moment without its zone")
    return Statement(
        model=predicate["model"],
        sequence=int(predicate.get("sequence", 0)),  # the first releases had none
        stop=stop,
        why=str(predicate.get("why", "")),
        version=predicate.get("version"),
        artefact_digest=statement["subject"][0]["digest"]["sha256"],
        artefact=str(predicate.get("artefact", "")),
        uses=tuple(predicate.get("uses", ())),
        inputs={one["name"]: one["kind"] for one in predicate.get("inputs", ())},
        qualified_until=moment,
        keep=timedelta(seconds=int(predicate.get("keep_seconds", 0))),
        fallback=dict(predicate["fallback"]),
    )


def _differing(wanted: Mapping[str, str], given: Mapping[str, str]) -> str:
    """Say how the inputs that will be given differ from those that a version reads."""
    if dict(wanted) == dict(given):
        return ""
    said = [f"{name} is missing" for name in sorted(wanted.keys() - given.keys())]
    said += [f"{name} is unknown to it" for name in sorted(given.keys() - wanted.keys())]
    said += [
        f"{name} is a {given[name]}, not a {wanted[name]}"
        for name in sorted(wanted.keys() & given.keys())
        if wanted[name] != given[name]
    ]
    return "; ".join(said[:_NAMED])
