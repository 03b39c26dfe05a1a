"""Who was reached by a request's person, and whether people were asked to tell them."""

import json
from base64 import b64decode
from collections.abc import Collection
from uuid import UUID

from deletion.models import Batch, Certificate, DeletionRequest, Share


def recipients_of(request: DeletionRequest) -> list[str]:
    """Return whom the certificate of a request names as reached, or until then its plan."""
    certificate = Certificate.objects.filter(request=request).first()
    if certificate is not None:
        said = json.loads(b64decode(certificate.envelope["payload"]))["predicate"]
        return [one["recipient"] for one in said.get("recipients", [])]
    if request.batch is None:
        return []
    return [
        one["recipient"]
        for one in request.batch.plan.get("recipients", [])
        if str(request.pk) in one["requests"]
    ]


def is_said(recipient: str, *, request_id: UUID) -> bool:
    """Say whether an approved plan named a recipient for a request, so that people were asked."""
    return Batch.objects.filter(
        approved_at__isnull=False,
        obligations__shares__request=request_id,
        plan__recipients__contains=[{"recipient": recipient, "requests": [str(request_id)]}],
    ).exists()


def planned_before(request_ids: Collection[str]) -> frozenset[str]:
    """Return those of the requests that an approved plan had been made for."""
    rows = Share.objects.filter(request__in=list(request_ids)).values_list("request_id", flat=True)
    return frozenset(str(request_id) for request_id in rows.distinct())
