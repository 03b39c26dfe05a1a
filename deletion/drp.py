"""The Data Rights Protocol 1.0 as Lethe speaks it: what agents sign, and what they are told. Pure.

Source: data-rights-protocol.md of consumer-reports-innovation-lab/data-rights-protocol, whose
sections are named below. A message is text: base64 of 64 bytes of an Ed25519 signature and of the
JSON that they sign. It holds names and addresses, so no refusal here repeats any of it.
"""

import json
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from deletion.errors import (
    AgentInvalid,
    AgentNotMeant,
    BusinessNotMeant,
    ExerciseUnsupported,
    MessageExpired,
    MessageFromLater,
    MessageMalformed,
    NobodyVerified,
    SignatureWrong,
)
from deletion.intake import RawIdentifier
from deletion.regimes import Regime
from deletion.states import RequestState

SIGNED_AGENT: Final = "signed-agent"
"""The verification of a request that an agent signed; nobody else can say it."""

LONGEST_MESSAGE: Final = 64 * 1024  # bytes, as it is sent

_CALLER: Final = "agent:"  # how an agent is named as a caller and as an actor
_SIGNATURE_BYTES: Final = 64
_KEY_BYTES: Final = 32
_CODE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,49}")  # the directory's are [A-Z_]+
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_E164: Final = re.compile(r"\+[1-9][0-9]{1,14}")
_P: Final = (1 << 255) - 19  # the field of Ed25519 (RFC 8032, 5.1)
_ORDER_8: Final = 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER: Final = frozenset({0, 1, _P - 1, _ORDER_8, _P - _ORDER_8})  # their y
_ADDRESSEE: Final = ("agent-id", "business-id", "issued-at", "expires-at")
_CLAIMS: Final = ("email", "phone_number", "name")


class Status(StrEnum):
    """Section 3.02."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    FULFILLED = "fulfilled"
    REVOKED = "revoked"
    DENIED = "denied"


class Reason(StrEnum):
    """Section 3.02, as far as Lethe has such a reason."""

    INSUF_VERIFICATION = "insuf_verification"
    NO_MATCH = "no_match"
    CLAIM_NOT_COVERED = "claim_not_covered"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What somebody signed, verified against their key."""

    said: Mapping[str, Any] = field(repr=False)
    signed: bytes = field(repr=False)  # the JSON, byte for byte


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDemand:
    """What an agent asks for on behalf of a person."""

    agent_request_id: str  # empty: it gave none
    regime: str  # empty: it named none
    identifiers: tuple[RawIdentifier, ...]
    verified: tuple[str, ...]  # which claims the agent has verified, by name


def caller_of(code: str) -> str:
    """Return how an agent is named as a caller, and in the trail."""
    return f"{_CALLER}{code}"


def is_agent(caller: str) -> bool:
    """Say whether a caller is an agent."""
    return caller.startswith(_CALLER)


def is_code(code: str) -> bool:
    """Say whether an agent can have this id."""
    return _CODE.fullmatch(code) is not None


def key_in(written: str) -> bytes:
    """Read a public key as the directory writes it: base64 since 0.9.1, before in hexadecimal."""
    text = written.strip()
    try:
        key = bytes.fromhex(text) if len(text) == 2 * _KEY_BYTES else b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise AgentInvalid("a key is 32 bytes, in base64 or in hexadecimal")
    # The top bit is the sign of x, which is of no matter here.
    if (int.from_bytes(key, "little") & ((1 << 255) - 1)) % _P in _SMALL_ORDER:
        raise AgentInvalid("under that key anybody can sign: it is a point of small order")
    return key


def message_in(body: bytes, *, key: bytes) -> Message:
    """Return what an agent signed, or raise what is wrong: the first two steps of section 3.07.

    `key` is the one of the agent that sends it. Only what is verified is parsed.
    """
    try:
        whole = b64decode(body.strip(), validate=True)
    except ValueError:
        raise MessageMalformed("the body is not base64") from None
    signature, signed = whole[:_SIGNATURE_BYTES], whole[_SIGNATURE_BYTES:]
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except InvalidSignature:
        raise SignatureWrong from None
    return Message(said=_object_in(signed), signed=signed)


def require_meant(
    message: Message, *, agent: str, business: str, now: datetime, names_all: bool = True
) -> datetime | None:
    """Check whom a message is for, and when: the other four steps of section 3.07, in its order.

    A revocation need not say any of it (section 2.04): `names_all` is false, and what it does say
    is checked. Return when the message was issued.
    """
    said = {name: message.said.get(name) for name in _ADDRESSEE}
    if names_all or said["agent-id"] is not None:
        _require(said["agent-id"] == agent, AgentNotMeant)
    if names_all or said["business-id"] is not None:
        # No business is none that an empty text could mean: then no agent is listened to.
        _require(bool(business) and said["business-id"] == business, BusinessNotMeant)
    issued_at = _moment(said, "issued-at", is_needed=names_all)
    _require(issued_at is None or issued_at <= now, MessageFromLater)
    expires_at = _moment(said, "expires-at", is_needed=names_all)
    _require(expires_at is None or now < expires_at, MessageExpired)
    return issued_at


def require_set_up(message: Message) -> None:
    """Refuse a message that asks for anything else: it sets no token up for whoever saw it."""
    _require_none_of(message, "exercise", "reason")


def require_revocation(message: Message) -> None:
    """Refuse a demand: whoever saw it must not be able to revoke by it what it asks for."""
    _require_none_of(message, "exercise")


def demand_in(message: Message, *, email: str, phone: str) -> AgentDemand:
    """Return what is asked for; `email` and `phone` are the namespaces that the claims mean here.

    Only claims that the agent has verified name the person (section 3.04). Everything else about
    them is ignored and kept nowhere.
    """
    said = message.said
    if said.get("exercise") != "deletion":
        raise ExerciseUnsupported
    regime = said.get("regime")
    if regime is not None and regime != "ccpa":
        raise MessageMalformed("the regime is neither ccpa nor left out")
    identifiers, verified = _verified(said, {"email": email, "phone_number": phone})
    if not identifiers:
        raise NobodyVerified
    return AgentDemand(
        agent_request_id=_request_id(said),
        regime=regime or "",
        identifiers=identifiers,
        verified=verified,
    )


def standing_of(state: RequestState, *, denied: Reason, is_found: bool) -> tuple[Status, str]:
    """Return status and reason of a request (section 3.02); no reason is an empty one.

    A person of whom nothing was found is not `fulfilled`: the protocol says `no_match`.
    """
    match state:
        case RequestState.UNVERIFIED:
            return Status.OPEN, ""
        case (
            RequestState.RECEIVED
            | RequestState.MERGED
            | RequestState.HELD
            | RequestState.PAUSED
            | RequestState.PLANNED
            | RequestState.IN_PROGRESS
        ):
            return Status.IN_PROGRESS, ""
        case RequestState.COMPLETE:
            return (Status.FULFILLED, "") if is_found else (Status.DENIED, Reason.NO_MATCH)
        case RequestState.CANCELLED:
            return Status.REVOKED, ""
        case RequestState.DENIED:
            return Status.DENIED, denied


UNVERIFIABLE: Final = frozenset(
    {
        "11 CCR 7022(a)",
        "GDPR Art. 12(6)",
        "PIPA Enforcement Decree Art. 46",
        "UK GDPR Art. 12(6)",
        "own policy: identity",
    }
)
"""The articles by which somebody is denied because nobody knows that it is they who ask."""


def denied_as(article: str, *, law: Regime) -> Reason:
    """Return the protocol's reason for a denial; a ground to keep leaves a claim uncovered."""
    if article in UNVERIFIABLE:
        return Reason.INSUF_VERIFICATION
    if article in {ground.article for ground in law.keep}:
        return Reason.CLAIM_NOT_COVERED
    return Reason.OTHER


def _object_in(signed: bytes) -> dict[str, Any]:
    try:
        said = json.loads(
            signed.decode(), object_pairs_hook=_without_twins, parse_constant=_no_number
        )
    except (ValueError, RecursionError):
        raise MessageMalformed(
            "what is signed is not JSON in UTF-8 that names a key once"
        ) from None
    if not isinstance(said, dict):
        raise MessageMalformed("what is signed is not an object of JSON")
    return said


def _without_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers of one message must not read two things: Python would take the last of twins.
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError
    return read


def _no_number(_text: str) -> float:
    raise ValueError  # NaN and the infinities are not JSON


def _require(is_true: bool, refusal: type[Exception]) -> None:  # noqa: FBT001  # reads as `assert`
    if not is_true:
        raise refusal


def _require_none_of(message: Message, *names: str) -> None:
    if any(name in message.said for name in names):
        raise MessageMalformed("it was signed for something else than what it is sent for")


def _moment(said: Mapping[str, Any], name: str, *, is_needed: bool) -> datetime | None:
    written = said[name]
    if written is None and not is_needed:
        return None
    try:
        at = datetime.fromisoformat(written) if isinstance(written, str) else None
        # In UTC: PostgreSQL keeps moments outside of Python's years, and nobody could read the row.
        in_utc = at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        in_utc = None
    if in_utc is None:
        raise MessageMalformed(f"{name} is not an ISO 8601 moment with its offset")
    return in_utc


def _verified(
    said: Mapping[str, Any], namespaces: Mapping[str, str]
) -> tuple[tuple[RawIdentifier, ...], tuple[str, ...]]:
    taken = [
        (claim, RawIdentifier(namespace=namespace, value=_claim(said, claim)))
        for claim, namespace in namespaces.items()
        if namespace and said.get(f"{claim}_verified") is True and said.get(claim) is not None
    ]
    return tuple(one for _, one in taken), tuple(claim for claim, _ in taken)


def _claim(said: Mapping[str, Any], claim: str) -> str:
    value = said[claim]
    if not isinstance(value, str):
        raise MessageMalformed(f"{claim} is not a text")
    if claim == "phone_number" and not _E164.fullmatch(value):
        raise MessageMalformed("phone_number is not in E.164")
    return value


def _request_id(said: Mapping[str, Any]) -> str:
    written = said.get("agent-request-id")
    if written is None:
        return ""
    if not isinstance(written, str) or not _REQUEST_ID.fullmatch(written):
        raise MessageMalformed("agent-request-id is not 1 to 64 letters, digits and . _ : -")
    # It stays when the person is forgotten, so it must not be one of their names.
    squeezed = _squeezed(written)
    names = [_squeezed(value) for name in _CLAIMS if isinstance(value := said.get(name), str)]
    if any(name and name in squeezed for name in names):
        raise MessageMalformed("agent-request-id names the person: it is kept")
    return written


def _squeezed(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
