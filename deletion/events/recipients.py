"""Facts about those to whom something was passed on."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientDeclared:
    """How a recipient can be told; of its address only the host, since the rest may be secret."""

    recipient: str
    way: str
    host: str
    namespaces: dict[str, str]  # ours → what the recipient calls it
    waits_for_answer: bool
    callback_key: str = ""  # SHA-256 of the public key that verifies its callbacks


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientDisabled:
    """Nothing is sent to a recipient until somebody enables it again."""

    recipient: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientEnabled:
    """Messages to a recipient are sent again."""

    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientTestAsked:
    """Somebody asked for a test message, which names nobody."""

    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientTested:
    """A test message was sent, and this is how it went; no trouble: well."""

    recipient: str
    status: int | None
    trouble: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingBegan:
    """A worker is about to tell a recipient, or to ask it for its answer."""

    request_id: str
    recipient: str
    telling: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingFailed:
    """One attempt to tell a recipient failed; there is another, or a person must look."""

    request_id: str
    recipient: str
    telling: str
    status: int | None
    trouble: str
    again_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientTold:
    """A recipient was told: by a message that it accepted, or by a person whose word this is."""

    request_id: str
    recipient: str
    telling: str
    told_by: str
    told_at: datetime
    recorded_by: str  # empty: Lethe told it
    proof_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientReached:
    """Data or a model that the person had reached was passed on: this recipient has to be told."""

    request_id: str
    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientExcused:
    """An officer said why a recipient need not be told; their own words stay out of the trail."""

    request_id: str
    recipient: str
    telling: str
    ground: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceAttached:
    """A document about a telling that has ended was named by its digest; nobody showed it to Lethe.

    What comes after the certificate is not in it: this fact stands beside it.
    """

    request_id: str
    recipient: str
    telling: str
    name: str
    digest: str
    after_certificate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientAnswered:
    """A recipient said how far it is."""

    request_id: str
    recipient: str
    telling: str
    answer: str
    expected_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackTaken:
    """A recipient said by itself how far it is, signed by the key that was declared for it.

    `hearing` says what it added: a status that is over changes nothing, and a contradiction is for
    people.
    """

    request_id: str
    recipient: str
    telling: str
    answer: str
    hearing: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingRetried:
    """Somebody looked at why a recipient could not be told, and lets it be tried again."""

    request_id: str
    recipient: str
    telling: str
