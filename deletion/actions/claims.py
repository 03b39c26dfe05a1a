"""What an open request says about its person, read with its own key."""

from collections.abc import Iterable, Sequence

from deletion.intake import Claim, Receipt
from deletion.keys import RequestKey, commitment
from deletion.models import DeletionRequest, RequestIdentifier


def claims_in(request: DeletionRequest, key: RequestKey) -> tuple[Claim, ...]:
    """Return what an open request says about its person, what links have added included."""
    return _unsealed(request.identifiers.all(), key)


def named_in(request: DeletionRequest, key: RequestKey) -> tuple[Claim, ...]:
    """Return by which identifiers an open request's person was named: those of the receipt."""
    return _unsealed([one for one in request.identifiers.all() if not one.by_link], key)


def _unsealed(identifiers: Iterable[RequestIdentifier], key: RequestKey) -> tuple[Claim, ...]:
    return tuple(
        sorted(
            Claim(
                namespace=one.namespace_id,
                digest=key.unseal(bytes(one.sealed_digest), namespace=one.namespace_id),
            )
            for one in identifiers
        )
    )


def receipt_of(key: RequestKey, claims: Sequence[Claim]) -> Receipt:
    """Return what a request's person gets to keep."""
    return Receipt(
        request_id=key.request_id,
        commitment_key=key.commitment_key,
        commitments=tuple(
            (claim.namespace, commitment(key.commitment_key, claim.namespace, claim.digest))
            for claim in claims
        ),
    )
