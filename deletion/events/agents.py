"""Facts about authorised agents, which are organisations, and about what they signed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDeclared:
    """Whose signature is taken for a person's demand, by which key, and what its claims mean."""

    agent: str
    name: str
    public_key: str  # Ed25519, hexadecimal
    email_namespace: str
    phone_namespace: str
    regime: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDisabled:
    """Nothing is taken from an agent until somebody enables it again; its token is worthless."""

    agent: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEnabled:
    """Messages of an agent are taken again, once it has set up a token."""

    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSetUp:
    """An agent got a token for a signed message; the one before is worthless."""

    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSigned:
    """An agent's signature over a person's demand was verified."""

    request_id: str
    agent: str
    public_key: str  # by which it was
    verified: tuple[str, ...]  # the names of the claims for which the agent vouches
