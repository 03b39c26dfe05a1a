"""Authorised agents, who of them sends a token, and how what they signed stands."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from deletion.drp import Reason, denied_as, standing_of
from deletion.errors import AgentUnknown, RequestOfAnother
from deletion.models import Agent, DeletionRequest, Denial, Extension, Share, SignedDemand
from deletion.queries.merging import answered_by
from deletion.regimes import regime_named
from deletion.states import OPEN, Outcome, RequestState


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a request stands, in the protocol's words."""

    status: str
    reason: str  # empty: there is none
    details: str  # empty: there are none


def digest_of(token: str) -> str:
    """Return what is kept of a token; it is as random as a key, so that a plain digest will do."""
    return sha256(token.encode()).hexdigest()


def agent_with_token(token: str, *, now: datetime) -> Agent | None:
    """Return whose token it is, if it is valid and agents are listened to at all."""
    if not settings.DRP_BUSINESS_ID:
        return None
    return Agent.objects.filter(
        token_digest=digest_of(token), token_until__gt=now, disabled_at=None
    ).first()


def agents_seen() -> QuerySet[Agent]:
    """Return every agent with the number of its requests, by its id."""
    unfinished = Q(demands__request__state__in=sorted(OPEN))
    return Agent.objects.annotate(
        requests=Count("demands"), open_requests=Count("demands", filter=unfinished)
    ).order_by("code")


def agent_numbered(agent_id: int) -> Agent:
    """Return an agent with the number of its requests."""
    agent = agents_seen().filter(pk=agent_id).first()
    if agent is None:
        raise AgentUnknown
    return agent


def signed_demand(request_id: UUID, *, agent: Agent) -> SignedDemand:
    """Return what this agent has signed; another's is as if there were none."""
    found = SignedDemand.objects.select_related("request").filter(agent=agent, request=request_id)
    demand = found.first()
    if demand is None:
        raise RequestOfAnother
    return demand


def standing(request: DeletionRequest) -> Standing:
    """Return how a request stands."""
    denial = Denial.objects.filter(request=request).first()
    extension = Extension.objects.filter(request=request).first()
    status, reason = standing_of(
        RequestState(request.state),
        denied=denied_as(denial.article, law=regime_named(request.regime))
        if denial is not None
        else Reason.OTHER,
        is_found=_is_found(request),
    )
    if reason == Reason.NO_MATCH:
        details = "every place was searched, and nothing was found of the person"
    elif denial is not None:
        details = f"{denial.article}: {denial.reason}"
    elif extension is not None:
        details = f"more time is taken, {extension.article}: {extension.reason}"
    else:
        details = ""
    return Standing(status=status, reason=reason, details=details)


def _is_found(request: DeletionRequest) -> bool:
    """Say whether a request, or the one that answers it, reached the person anywhere."""
    answered = answered_by(request) or request.pk
    return Share.objects.filter(request=answered).exclude(outcome=Outcome.ABSENT).exists()
